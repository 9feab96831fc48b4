"""Reference data from one folder, without a database: `congress/`, `reference/`, `prices/`, each file by its name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from llm_pipeline.reference.asof import Reference
from llm_pipeline.reference.readers import Reading, SourceError, strict
from llm_pipeline.reference.readers.calendar import read_calendar
from llm_pipeline.reference.readers.committees import read_committee_sectors, read_committee_spells, read_committees
from llm_pipeline.reference.readers.legislators import read_legislators
from llm_pipeline.reference.readers.prices import read_prices
from llm_pipeline.reference.readers.tickers import read_earlier_ticker_sectors, read_ticker_changes, read_ticker_sectors

T = TypeVar("T")

LEGISLATORS = "congress/legislators*.json*"
COMMITTEES = "congress/committees*.json*"
SPELLS = "congress/*committee_membership*.csv*"
COMMITTEE_SECTORS = "congress/committee_sector_map*.csv*"
CALENDAR = "congress/*calendar*.csv*"
TICKER_SECTORS = "reference/ticker_sector*.csv*"
EARLIER_TICKER_SECTORS = "reference/*constituents_*.csv*"
TICKER_CHANGES = "reference/ticker_renames*.csv*"
PRICES = "prices/prices_daily*.csv*"


def load_reference(folder: str | Path, *, prices: bool = True) -> Reference:
    """All reference data of a folder; a file that is not there leaves its part empty.

    prices: whether to read prices, which take most of the time.

    Raises:
        SourceError: the folder holds none of the files, or a file or row cannot be read.
    """
    root = Path(folder)

    def read(pattern: str, reader: Callable[[str], Reading[T]]) -> tuple[T, ...]:
        return tuple(row for path in sorted(root.glob(pattern)) for row in strict(reader(str(path))))

    sectors = dict(read(COMMITTEE_SECTORS, read_committee_sectors))
    reference = Reference(
        legislators=read(LEGISLATORS, read_legislators),
        committees=read(COMMITTEES, read_committees),
        spells=read(SPELLS, read_committee_spells),
        committee_sectors=sectors,
        events=read(CALENDAR, lambda location: read_calendar(location, sectors)),
        ticker_sectors=read(TICKER_SECTORS, read_ticker_sectors),
        earlier_ticker_sectors=read(EARLIER_TICKER_SECTORS, read_earlier_ticker_sectors),
        ticker_changes=read(TICKER_CHANGES, read_ticker_changes),
        prices={series.ticker: series for series in read(PRICES, read_prices)} if prices else {},
    )
    if reference == Reference():
        raise SourceError(f"{root} holds no reference data; it needs congress/, reference/ or prices/ with their files")
    return reference
