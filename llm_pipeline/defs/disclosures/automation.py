"""The job that ingests a window of days; the window comes from whoever launches it."""

from __future__ import annotations

import dagster as dg

ingestion_job = dg.define_asset_job(
    "ingestion",
    selection=["senate_disclosures", "house_disclosures"],
    description="Reads the filings of a window of disclosure dates from the configured sources.",
)
