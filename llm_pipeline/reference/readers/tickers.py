"""Sectors of tickers and changes of tickers (CSV)."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date
from pathlib import Path

from llm_pipeline.disclosures.readers.location import SourceDocument, SourceError
from llm_pipeline.reference.codes import ticker_code
from llm_pipeline.reference.readers.rows import (
    Cells,
    Maker,
    Reading,
    columns_of,
    day_of,
    read_csv,
    require_columns,
    text_of,
)
from llm_pipeline.reference.readers.sectors import sector_of
from llm_pipeline.reference.records import EarlierTickerSector, TickerChange, TickerSector

_ENDED = re.compile(r"acquired|merged|taken private|ended|delisted", re.IGNORECASE)
_DAY_IN_NAME = re.compile(r"_(\d{4})-(\d{2})(?:-(\d{2}))?(?:\.csv)?(?:\.gz)?$", re.IGNORECASE)
_REUSED = re.compile(r"reused|took the \w+ ticker", re.IGNORECASE)


def read_ticker_sectors(location: str | Path) -> Reading[TickerSector]:
    """ticker, name, sector, quality; further columns are left out. A ticker without sector stays: it is known to be
    unknown. Tickers stay as published, misspelt ones ("AAPl") too.

    Raises:
        SourceError: nothing is there, or a column is missing.
    """
    return read_csv(location, columns_of("ticker", "name", "sector", "quality")(_sector), key=lambda row: row.ticker)


def _sector(cells: Cells) -> TickerSector:
    return TickerSector(
        ticker=text_of(cells, "ticker"),
        name=cells["name"].strip() or None,
        sector=sector_of(cells["sector"]),
        quality=cells["quality"].strip() or None,
    )


def read_earlier_ticker_sectors(location: str | Path) -> Reading[EarlierTickerSector]:
    """Published lists of an index's constituents, each of one day: ticker or Symbol, sector or GICS Sector, and name,
    Name or Security where there is one, in any case of letters; further columns are left out.

    The day is in a column `until` or `as_of`, or else in the file's name: `..._2020-12-31.csv`, or `..._2020-12.csv`
    for the last day of that month. Lists of before 2018-09-28 have sectors that GICS has no more: such rows are
    problems.

    Raises:
        SourceError: nothing is there, a column is missing, or nothing tells the day of a list.
    """
    return read_csv(location, _listed, key=lambda row: (row.ticker, row.until))


def _listed(document: SourceDocument, header: list[str]) -> Maker[EarlierTickerSector]:
    found = {name.casefold(): name for name in reversed(header)}

    def column(*spellings: str) -> str | None:
        return next((found[name] for name in spellings if name in found), None)

    ticker, sector = column("ticker", "symbol"), column("sector", "gics sector")
    require_columns(document, header, [ticker or "Symbol", sector or "Sector"])
    name, until = column("name", "security"), column("until", "as_of")
    of_file = None if until else _day_of_name(document)

    def make(cells: Cells) -> EarlierTickerSector:
        one = sector_of(cells[str(sector)])
        if one is None:
            raise ValueError(f"{sector} is empty")
        return EarlierTickerSector(
            ticker=ticker_code(text_of(cells, str(ticker))),
            until=of_file or day_of(cells[str(until)], str(until)),
            sector=one,
            name=(cells[name].strip() or None) if name else None,
        )

    return make


def _day_of_name(document: SourceDocument) -> date:
    named = _DAY_IN_NAME.search(document.name.split("~")[0])
    try:
        if named:
            year, month, day = (int(part) for part in (named[1], named[2], named[3] or 1))
            return date(year, month, day if named[3] else monthrange(year, month)[1])
    except ValueError:
        pass
    raise SourceError(
        f"{document.where} does not say of what day it is: give it a column until (YYYY-MM-DD), "
        f"or a name that ends in _YYYY-MM-DD.csv or _YYYY-MM.csv"
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
