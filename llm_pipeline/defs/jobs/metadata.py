"""What a run that drained the queue shows."""

from typing import Any

import dagster as dg

from llm_pipeline.defs.tables import table
from llm_pipeline.jobs.report import WorkReport

WHAT = ("SUCCEEDED", "FAILED", "DEADLETTER", "released", "stale", "lost")


def drain_metadata(report: WorkReport) -> dict[str, Any]:
    """Counts of the run, by interrogation, and the reasons of the first dead jobs."""
    rows: list[dict[str, Any]] = [
        {"interrogation": key, **{what: counts.get(what, 0) for what in WHAT}}
        for key, counts in report.by_interrogation.items()
    ]
    found: dict[str, Any] = {
        "status": "drained" if report.claimed else "nothing to claim",
        "claimed": report.claimed,
        "succeeded": report.total("SUCCEEDED"),
        "waiting_for_retry": report.total("FAILED"),
        "dead": report.total("DEADLETTER"),
        "model_calls": report.calls,
        "by_interrogation": table({"interrogation": "string", **dict.fromkeys(WHAT, "int")}, rows),
    }
    if report.dead:
        found["dead_reasons"] = dg.MetadataValue.json(report.dead)
    return found
