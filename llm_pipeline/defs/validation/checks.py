"""The checks of `validation_status`: their names, and a run's numbers turned into results.

They are unpartitioned specs of the asset, because a run over many days leaves partitioned checks skipped; the failing
ids are in the metadata. Blocking are those without which downstream would read wrong or half-stored verdicts.
"""

from __future__ import annotations

import dagster as dg

from llm_pipeline.defs.check_results import SHOWN, check_result
from llm_pipeline.validation.report import ValidationReport, WindowAccount
from llm_pipeline.validation.service import StoredAnswers

ASSET = "validation_status"
JSON_SCHEMA_VALID = "json_schema_valid"
CONSERVATION = "conservation"
COUNTS_RECONCILE = "counts_reconcile"
ALL_DECIDED = "all_decided"
NONE_OVERDUE = "none_overdue"
REJECT_SHARE = "reject_share"
FIRST_ATTEMPT_VALIDITY = "first_attempt_validity"

# Below nine in ten first answers fitting the schema, the model or its context size is a poor fit: every miss is paid
# for again by a re-ask.
LEAST_FIRST_ATTEMPT_VALIDITY = 0.9

SPECS = [
    dg.AssetCheckSpec(
        JSON_SCHEMA_VALID,
        asset=ASSET,
        blocking=True,
        description="Every stored model answer of this run still validates against the contract.",
    ),
    dg.AssetCheckSpec(
        CONSERVATION,
        asset=ASSET,
        blocking=True,
        description="Every disclosure of the window has exactly one verdict or a named reason, and each verdict's "
        "reasons are stored.",
    ),
    dg.AssetCheckSpec(
        COUNTS_RECONCILE,
        asset=ASSET,
        blocking=True,
        description="Selected = decided + undecided with a reason + decided elsewhere meanwhile.",
    ),
    dg.AssetCheckSpec(ALL_DECIDED, asset=ASSET, description="No selected disclosure was left without a verdict."),
    dg.AssetCheckSpec(
        NONE_OVERDUE, asset=ASSET, description="No disclosure of any day is pending longer than allowed."
    ),
    dg.AssetCheckSpec(REJECT_SHARE, asset=ASSET, description="The share of rejected disclosures is within bounds."),
    dg.AssetCheckSpec(
        FIRST_ATTEMPT_VALIDITY, asset=ASSET, description="Most first answers of the model fit the schema."
    ),
]


def validation_checks(
    report: ValidationReport,
    account: WindowAccount,
    answers: StoredAnswers,
    overdue: int,
    *,
    pending_hours: int,
    most_rejected: float,
) -> list[dg.AssetCheckResult]:
    """One result per spec, in the order of `SPECS`."""
    undecided = {item.disclosure_id: f"{item.error_class}: {item.message}" for item in report.undecided[:SHOWN]}
    validity, rejected = report.first_attempt_validity, report.reject_share
    return [
        check_result(
            ASSET,
            JSON_SCHEMA_VALID,
            not answers.invalid,
            answers_checked=answers.checked,
            invalid=len(answers.invalid),
            errors=answers.invalid[:SHOWN],
        ),
        check_result(
            ASSET,
            CONSERVATION,
            account.conserved,
            disclosures=account.total,
            without_verdict_or_reason=account.unexplained,
            examples=list(account.unexplained_ids),
            rejected_without_quarantine=account.rejected_without_quarantine,
            flagged_without_issue=account.flagged_without_issue,
        ),
        check_result(
            ASSET,
            COUNTS_RECONCILE,
            report.counts_reconcile,
            selected=report.selected,
            decided=report.decided,
            undecided=len(report.undecided),
            decided_elsewhere=report.decided_elsewhere,
        ),
        check_result(ASSET, ALL_DECIDED, not report.undecided, undecided=len(report.undecided), reasons=undecided),
        check_result(ASSET, NONE_OVERDUE, overdue == 0, overdue=overdue, allowed_hours=pending_hours),
        check_result(
            ASSET,
            REJECT_SHARE,
            rejected is None or rejected <= most_rejected,
            severity=dg.AssetCheckSeverity.WARN,
            rejected=report.statuses["reject"],
            decided=report.decided,
            most_allowed=most_rejected,
        ),
        check_result(
            ASSET,
            FIRST_ATTEMPT_VALIDITY,
            validity is None or validity >= LEAST_FIRST_ATTEMPT_VALIDITY,
            severity=dg.AssetCheckSeverity.WARN,
            first_attempts=report.first_attempts,
            valid=report.first_attempts_valid,
            least_allowed=LEAST_FIRST_ATTEMPT_VALIDITY,
        ),
    ]
