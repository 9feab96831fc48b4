"""Sectors of tickers and changes of tickers (CSV)."""

from __future__ import annotations

import re
from pathlib import Path

from llm_pipeline.reference.codes import ticker_code
from llm_pipeline.reference.readers.rows import Cells, Reading, columns_of, day_of, read_csv, text_of
from llm_pipeline.reference.readers.sectors import sectors_of
from llm_pipeline.reference.records import TickerChange, TickerSector

_ENDED = re.compile(r"acquired|merged|taken private|ended|delisted", re.IGNORECASE)
_REUSED = re.compile(r"reused|took the \w+ ticker", re.IGNORECASE)


def read_ticker_sectors(location: str | Path) -> Reading[TickerSector]:
    """ticker, name, sector, quality; further columns are left out. A ticker without sector stays: it is known to be
    unknown. Tickers stay as published, misspelt ones ("AAPl") too.

    Raises:
        SourceError: nothing is there, or a column is missing.
    """
    return read_csv(location, columns_of("ticker", "name", "sector", "quality")(_sector), key=lambda row: row.ticker)


def _sector(cells: Cells) -> TickerSector:
    sectors = sectors_of(cells["sector"])
    if len(sectors) > 1:
        raise ValueError(f"a ticker has one sector, not {len(sectors)}")
    return TickerSector(
        ticker=text_of(cells, "ticker"),
        name=cells["name"].strip() or None,
        sector=sectors[0] if sectors else None,
        quality=cells["quality"].strip() or None,
    )


def read_ticker_changes(location: str | Path) -> Reading[TickerChange]:
    """old_ticker, new_ticker (empty: nothing followed), effective_date, note.

    The note is all that tells a company that was bought ("acquired", "merged", "taken private") from one that only
    changed its ticker, and a ticker that another company has now ("reused"); so is a ticker that became itself.

    Raises:
        SourceError: nothing is there, or a column is missing.
    """
    return read_csv(
        location,
        columns_of("old_ticker", "new_ticker", "effective_date")(_change),
        key=lambda change: (change.old, change.day),
    )


def _change(cells: Cells) -> TickerChange:
    old, new = ticker_code(text_of(cells, "old_ticker")), ticker_code(cells["new_ticker"])
    note = cells.get("note", "").strip()
    itself = old == new
    return TickerChange(
        old=old,
        new=new,
        day=day_of(cells["effective_date"], "effective_date"),
        ended=itself or not new or bool(_ENDED.search(note)),
        reused=itself or bool(_REUSED.search(note)),
        note=note or None,
    )
