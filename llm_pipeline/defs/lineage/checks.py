"""The checks of `lineage_reports`: their names, and a run's numbers turned into results."""

from __future__ import annotations

import dagster as dg

from llm_pipeline.anomalies.account import StoredAnswers
from llm_pipeline.defs.check_results import SHOWN, check_result, problems_result
from llm_pipeline.defs.lineage.names import REPORTS
from llm_pipeline.lineage.reports import ReportRun

JSON_SCHEMA_VALID = "json_schema_valid"
GROUNDING = "grounding"
ALL_REPORTED = "all_reported"

SPECS = [
    dg.AssetCheckSpec(
        JSON_SCHEMA_VALID,
        asset=REPORTS,
        blocking=True,
        description="Every stored model answer of this run still validates against the contract.",
    ),
    dg.AssetCheckSpec(
        GROUNDING,
        asset=REPORTS,
        blocking=True,
        description="No report of this run says otherwise than its findings: status, trust, action, questions.",
    ),
    dg.AssetCheckSpec(
        ALL_REPORTED,
        asset=REPORTS,
        description="Every disclosure that a report was wanted for has one; the others are named with the reason.",
    ),
]


def report_checks(run: ReportRun, answers: StoredAnswers, ungrounded: list[str]) -> list[dg.AssetCheckResult]:
    """Results of `SPECS`."""
    return [
        check_result(
            REPORTS,
            JSON_SCHEMA_VALID,
            not answers.invalid,
            answers_checked=answers.checked,
            invalid=len(answers.invalid),
            errors=answers.invalid[:SHOWN],
        ),
        problems_result(REPORTS, GROUNDING, ungrounded),
        check_result(
            REPORTS,
            ALL_REPORTED,
            not run.failures and not run.unaccounted,
            wanted=len(run.wanted),
            reported=len(run.stored),
            without_report=len(run.failures),
            reasons=dict(list(run.failures.items())[:SHOWN]),
            unaccounted=run.unaccounted[:SHOWN],
        ),
    ]
