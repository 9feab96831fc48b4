"""A load's numbers as Dagster shows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dagster as dg

from llm_pipeline.disclosures.report import IngestReport

COLUMNS = dg.TableSchema(
    columns=[
        dg.TableColumn("id", "uuid", description="the same for the same row of the same filing, always"),
        dg.TableColumn("politician_id", "uuid", description="who filed"),
        dg.TableColumn("transaction_date", "date", description="NULL where the filing has no possible date"),
        dg.TableColumn("disclosure_date", "date", description="when the filing became public"),
        dg.TableColumn("transaction_type", "text", description="Purchase, Sale (Partial), Sale (Full), Exchange"),
        dg.TableColumn("asset_name", "text"),
        dg.TableColumn("asset_ticker", "text", description="NULL where the filing names none"),
        dg.TableColumn("amount_range_min", "numeric", description="US dollars; NULL for no standard range"),
        dg.TableColumn("amount_range_max", "numeric", description="US dollars; NULL for an open range"),
        dg.TableColumn("raw_data", "jsonb", description="the source's own record, and the text of each field as filed"),
    ]
)
COUNTS = (
    "filings_seen",
    "filings_parsed",
    "filings_empty",
    "filings_failed",
    "filings_superseded",
)
SHOWN = 15


def ingestion_metadata(reports: Sequence[IngestReport], setting: str) -> dict[str, Any]:
    """Counts as numbers, the failures as a table, and in words whether anything was there to do."""
    if not reports:
        return {"status": f"no source configured: set {setting}, or give a location in the launchpad"}
    totals = {name: sum(getattr(report, name) for report in reports) for name in COUNTS}
    for name in ("in_source", "new", "changed", "unchanged", "failed", "superseded"):
        totals[f"rows_{name}"] = sum(getattr(report.rows, name) for report in reports)
    failures = [failure for report in reports for failure in report.failures][:SHOWN]
    metadata: dict[str, Any] = {
        "status": _headline(totals, any(report.changed_anything for report in reports)),
        "dagster/row_count": totals["rows_new"] + totals["rows_changed"] + totals["rows_unchanged"],
        **totals,
        "sources": [f"{report.source}: {report.location}" for report in reports],
    }
    if failures:
        metadata["failed_filings"] = dg.MetadataValue.table(
            [
                dg.TableRecord({"filing": one.source_document_id, "where": one.position, "why": one.error[:300]})
                for one in failures
            ]
        )
    return metadata


def _headline(totals: dict[str, int], changed: bool) -> str:
    if not totals["filings_seen"]:
        return "no filing of this window in the source"
    what = "stored" if changed else "nothing new"
    failed = totals["filings_failed"]
    return f"{what}, {failed} filing{'s'[: failed > 1]} could not be read" if failed else what
