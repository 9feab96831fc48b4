"""A validation run's numbers as Dagster shows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dagster as dg

from llm_pipeline.defs.prompt_metadata import prompt_metadata
from llm_pipeline.defs.tables import table
from llm_pipeline.validation.report import ValidationReport, WindowAccount

COLUMNS = dg.TableSchema(
    columns=[
        dg.TableColumn("id", "uuid", description="the disclosure"),
        dg.TableColumn("llm_validation_status", "text", description="pending, pass, flag or reject"),
        dg.TableColumn("llm_validated_at", "timestamptz", description="when the verdict was stored (UTC)"),
    ]
)


def report_metadata(
    report: ValidationReport, account: WindowAccount, warnings: Sequence[str] = (), newer_prompt: str | None = None
) -> dict[str, Any]:
    """Counts, tokens, latency and cost as numbers that Dagster plots over time, and two small tables.

    `passed`, `flagged`, `rejected` and `undecided` say where the window's disclosures stand after the run, so that
    the latest materialization tells the state even when it found nothing to do; `selected` and `decided_in_this_run`
    are of the run.
    """
    metadata: dict[str, Any] = {
        "status": _headline(report),
        "dagster/row_count": account.total,
        "passed": account.passed,
        "flagged": account.flagged,
        "rejected": account.rejected,
        "undecided": account.failed,
        "selected": report.selected,
        "decided_in_this_run": report.decided,
    }
    if not report.selected:
        return metadata
    metadata |= prompt_metadata(report.prompt_version, newer_prompt)
    if warnings:
        metadata["model_server_warnings"] = "; ".join(warnings)
    metadata |= {
        "model": ", ".join(sorted(report.models)) or "none",
        "model_calls": report.calls,
        "cache_hits": report.cache_hits,
        "input_tokens": report.input_tokens,
        "output_tokens": report.output_tokens,
        "tokens_per_record": round((report.input_tokens + report.output_tokens) / report.selected, 1),
        "cost_usd": report.cost_usd,
        "ungrounded_claims": report.claims,
        "issues_by_type": table(
            {"issue": "string", "count": "int"},
            [{"issue": name, "count": count} for name, count in report.issues.most_common(20)],
        ),
        "worst_flags": table(
            {
                "status": "string",
                "issue": "string",
                "field": "string",
                "what": "string",
                "disclosure": "string",
            },
            [
                {
                    "status": flag.status,
                    "issue": flag.issue_type,
                    "field": flag.field,
                    "what": flag.description[:200],
                    "disclosure": flag.disclosure_id,
                }
                for flag in report.worst
            ],
        ),
    }
    for name, quantile in (("latency_p50_ms", 0.5), ("latency_p95_ms", 0.95)):
        if (value := report.latency_ms(quantile)) is not None:
            metadata[name] = value
    return metadata


def _headline(report: ValidationReport) -> str:
    if not report.selected:
        return "nothing pending in this window"
    if report.stopped:
        return f"stopped: {report.stopped}"
    if report.undecided:
        return f"{report.decided} decided, {len(report.undecided)} still pending with a reason"
    return f"all {report.selected} decided"
