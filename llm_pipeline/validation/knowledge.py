"""What a run knows beside its records: names reported so far, known filers, what each source never states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncCursor

from llm_pipeline.disclosures.sources import SOURCES_OF
from llm_pipeline.validation.context import FactContext
from llm_pipeline.validation.record import ValidationRecord
from llm_pipeline.validation.store import read_filers, read_reported_names, read_waiting_sources
from llm_pipeline.validation.tickers import ReportedNames, TickerNames

# Fields that a source's publisher leaves out for every row, so that their absence says nothing about a record.
UNSTATED: dict[str, frozenset[str]] = {
    "house_stock_watcher": frozenset({"asset_type"}),
    "house_ptr": frozenset({"asset_description", "asset_type", "owner", "source_url"}),
}
# Columns that our ingestion added; other writers of the table do not know them.
OURS = frozenset({"extraction_method", "extraction_ts"})
INGESTED = frozenset(source for sources in SOURCES_OF.values() for source in sources)


@dataclass(frozen=True)
class Knowledge:
    """Read once a run; the judgements about names that it caches hold for the whole run."""

    base: FactContext

    @classmethod
    async def read(cls, cur: AsyncCursor[dict[str, Any]], now: datetime) -> Knowledge:
        """From the stored disclosures and politicians."""
        reported = ReportedNames()
        for row in await read_reported_names(cur):
            reported.add(row.ticker, row.name, filer=row.filer, rows=row.rows)
        filers = await read_filers(cur)
        others = set(await read_waiting_sources(cur)) - INGESTED
        unstated = UNSTATED | dict.fromkeys(others, OURS)
        return cls(FactContext(now=now, names=TickerNames(reported), filers=filers, unstated=unstated))

    def context(self, neighbours: Sequence[ValidationRecord]) -> FactContext:
        """The context for one page of records with these neighbours."""
        return self.base.with_neighbours(neighbours)
