"""Reports as Dagster shows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dagster as dg

from llm_pipeline.defs.tables import table
from llm_pipeline.lineage.reports import ReportRun

COLUMNS = dg.TableSchema(
    columns=[
        dg.TableColumn("report_id", "uuid", description="the same for the same disclosure and evidence"),
        dg.TableColumn("disclosure_id", "text"),
        dg.TableColumn("status", "text", description="computed: verified, unattested, broken, no_provenance"),
        dg.TableColumn("findings", "jsonb", description="computed: what holds, the first broken link, the cap"),
        dg.TableColumn("trust_score", "integer", description="0-100, at most what the findings allow"),
        dg.TableColumn("recommended_action", "text", description="never milder than the findings call for"),
        dg.TableColumn("narrative", "text", description="by the model, or by code where the model contradicted it"),
        dg.TableColumn("audit_trail_id", "uuid", description="the call of the model"),
    ]
)
SHOWN = 20


def report_metadata(run: ReportRun, reports: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Counts, and the reports with the least trust as a table."""
    if not run.wanted:
        return {"status": "nothing to do: every quarantined or signalled disclosure has a current report"}
    least = sorted(reports, key=lambda one: (one["trust_score"], one["disclosure_id"]))[:SHOWN]
    return {
        "status": f"{len(run.stored)} reports, {len(run.failures)} disclosures without one",
        "dagster/row_count": len(run.stored),
        "broken": sum(one["status"] == "broken" for one in reports),
        "model_calls": run.calls,
        "from_cache": run.cache_hits,
        "claims_refused": sum(run.claims.values()),
        "least_trusted": table(
            {"disclosure": "string", "status": "string", "trust": "int", "action": "string", "first_break": "string"},
            [
                {
                    "disclosure": one["disclosure_id"],
                    "status": one["status"],
                    "trust": one["trust_score"],
                    "action": one["recommended_action"],
                    "first_break": one["findings"]["first_break"] or "",
                }
                for one in least
            ],
        ),
    }
