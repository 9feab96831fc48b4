"""The demo's months before its window: filings loaded and validated without a Dagster run.

A run writes two events for each day and asset, about 10 ms each, for days that hold a handful of filings; the past is
only there so that habits are known. It goes through the same ingestion, gate and model as everything else.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime

from llm_pipeline.db.connection import async_pool, connect
from llm_pipeline.disclosures.ingest import ingest
from llm_pipeline.disclosures.sources import SOURCES_OF, source_locations
from llm_pipeline.llm.audit import CallContext
from llm_pipeline.llm.open_gateway import open_gateway
from llm_pipeline.settings import load_settings
from llm_pipeline.validation.service import prepare, validate_window


def load_history(url: str, first: date, start: date) -> int:
    """Ingest and validate the sample's filings of the days [first, start); how many disclosures were pending.

    Raises:
        ModelUnusableError, SourceError, psycopg.Error: as in the assets.
    """
    settings, now = load_settings(), datetime.now(UTC)
    with connect(url) as conn:
        conn.autocommit = True
        for chamber in SOURCES_OF:
            for place in source_locations(chamber, getattr(settings, f"{chamber}_disclosures_source")):
                ingest(conn, place.source, place.location, first, start, now=now)
        prepare(conn, settings, now)
    return asyncio.run(_validate(url, first, start, now))


async def _validate(url: str, first: date, start: date, now: datetime) -> int:
    settings = load_settings()
    call = CallContext(service="validation_gate")
    async with async_pool(url, settings.llm_concurrency) as pool, open_gateway(settings, call) as gateway:
        report = await validate_window(
            pool, gateway, start=first, end=start, now=now, batch_size=settings.validation_batch_size
        )
    return report.selected
