"""A shadow run's numbers as Dagster shows them."""

from __future__ import annotations

from typing import Any

import dagster as dg

from llm_pipeline.defs.check_results import SHOWN, check_result
from llm_pipeline.replay.shadow_plan import ShadowReport
from llm_pipeline.replay.shadow_view import ShadowView

EVERY_CALL_COMPARED = "every_call_compared"
COLUMNS = dg.TableSchema(
    columns=[
        dg.TableColumn("run_id", "uuid", description="the same candidate over the same window is the same run"),
        dg.TableColumn("baseline_audit_id", "uuid", description="the original call"),
        dg.TableColumn("item_id", "text", description="disclosure or candidate that was decided"),
        dg.TableColumn("baseline_label", "text", description="what was decided then"),
        dg.TableColumn("candidate_label", "text", description="what the candidate decides; empty without an answer"),
        dg.TableColumn("agree", "boolean"),
        dg.TableColumn("candidate_audit_id", "uuid", description="the candidate's call"),
    ]
)


def shadow_metadata(report: ShadowReport, view: ShadowView | None) -> dict[str, Any]:
    """The estimate, what was really spent, and the disagreement matrix."""
    plan = report.plan
    metadata: dict[str, Any] = {
        "status": _headline(report, view),
        "interrogation": plan.candidate.key,
        "candidate_model": plan.candidate.model,
        "candidate_version": plan.candidate.version,
        "estimate": plan.estimate.as_json(),
        "model_calls": report.calls,
        "cache_hits": report.cache_hits,
        "input_tokens": report.input_tokens,
        "output_tokens": report.output_tokens,
        "cost_usd": round(report.cost_usd, 6),
    }
    if view is None:
        return metadata
    found = view.agreement
    metadata |= {
        "dagster/row_count": found.n + sum(found.unanswered.values()),
        "shadow_run_id": plan.run_id,
        "baseline": view.baseline(),
        "agreement": found.headline(),
        "disagreement_matrix": dg.MetadataValue.md(found.markdown()),
    }
    if found.rate is not None:
        metadata["agreement_rate"] = found.rate
    return metadata


def compared_check(asset: str, report: ShadowReport) -> dg.AssetCheckResult:
    """Lost evidence is an error; a candidate that does not answer is what the run was to find out."""
    refused, failures = report.plan.refused, report.failures
    return check_result(
        asset,
        EVERY_CALL_COMPARED,
        not refused and not failures,
        severity=dg.AssetCheckSeverity.ERROR if refused else dg.AssetCheckSeverity.WARN,
        not_recovered=len(refused),
        unanswered=len(failures),
        examples=dict(list({**refused, **failures}.items())[:SHOWN]),
    )


def _headline(report: ShadowReport, view: ShadowView | None) -> str:
    if view is not None:
        return f"{len(report.plan.originals)} calls compared"
    return "estimated only" if report.plan.originals else "no call of this interrogation in this window"
