"""A filing before it is written in some source's format: who, when, what was traded.

Belongs here: the neutral model, and the making of ordinary filings without any defect. A cell whose raw text
must be something else (a defect, a quirk) is overridden in `Trade.cells`.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Final, Literal

from llm_pipeline.sample.assets import BONDS, PRIVATE, STOCKS, Asset
from llm_pipeline.sample.people import Filer
from llm_pipeline.sample.trading_days import is_open

SENATE: Final = "senate_efd"
HOUSE: Final = "house_stock_watcher"
HOUSE_PTR: Final = "house_ptr"
"""The sources by the names under which they are ingested."""

Source = Literal["senate_efd", "house_stock_watcher", "house_ptr"]
Form = Literal["electronic", "paper", "scanned", "broken"]

BANDS = (
    "$1,001 - $15,000",
    "$15,001 - $50,000",
    "$50,001 - $100,000",
    "$100,001 - $250,000",
    "$250,001 - $500,000",
    "$500,001 - $1,000,000",
    "$1,000,001 - $5,000,000",
    "$5,000,001 - $25,000,000",
    "$25,000,001 - $50,000,000",
    "Over $50,000,000",
)
"""Amounts as eFD prints them, smallest first."""

_BAND_WEIGHTS = (70, 18, 6, 4, 1, 1)
_ROW_COUNTS = (1, 1, 1, 2, 2, 3, 3, 4, 5, 6, 8, 10, 14)
_OWNERS = ("Self", "Joint", "Spouse", "Child")


@dataclass(frozen=True)
class Trade:
    """One transaction as meant. `band` indexes `BANDS`.

    `cells` hold raw text that replaces what would be written, by cell: transaction_date, ticker, asset,
    asset_type, side, amount, owner, comment.
    """

    day: date
    asset: Asset
    side: str = "Purchase"
    band: int = 0
    owner: str = "Self"
    cells: Mapping[str, str] = field(default_factory=dict)

    def with_cells(self, **cells: str) -> Trade:
        """The trade with these raw texts as well."""
        return replace(self, cells={**self.cells, **cells})


@dataclass(frozen=True)
class Filing:
    """One report. `title` puts a Senate report into the wrapper file (where titles are); `host` replaces the
    official."""

    source: Source
    document_id: str
    filer: Filer
    received: date
    trades: tuple[Trade, ...] = ()
    form: Form = "electronic"
    title: str | None = None
    capitals: bool = False
    host: str | None = None


class FilingMaker:
    """Makes ordinary filings from one random source; no filer trades the same paper twice on a day."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self._used: set[tuple[str, date, str]] = set()
        self._clerk_number = 20_030_000 + rng.randrange(5_000)
        self._year_index: dict[int, int] = {}

    def document_id(self, source: Source, received: date) -> str:
        """The next id of a source: an eFD UUID, a Clerk document number, or year file and index."""
        if source == SENATE:
            return str(uuid.UUID(int=self.rng.getrandbits(128), version=4))
        if source == HOUSE:
            self._clerk_number += self.rng.randrange(1, 9)
            return str(self._clerk_number)
        index = self._year_index.get(received.year, 0)
        self._year_index[received.year] = index + 1
        return f"{received.year}-{index}"

    def claim(self, filer: Filer, day: date, asset: Asset) -> bool:
        """Reserve a filer's trade of a paper on a day; False where there is one already."""
        key = (filer.full_name, day, asset.ticker or asset.name)
        if key in self._used:
            return False
        self._used.add(key)
        return True

    def trade(self, filer: Filer, day: date, asset: Asset, **more: object) -> Trade:
        """A trade at this filer's next free trading day at or before `day`."""
        while not is_open(day) or not self.claim(filer, day, asset):
            day -= timedelta(days=1)
        return replace(Trade(day, asset), **more)  # type: ignore[arg-type]

    def ordinary_trade(self, filer: Filer, received: date, *, listed: bool = False) -> Trade:
        """An inconspicuous trade, filed 2 to 40 days after it; `listed` for sources that know tickers
        only."""
        draw = self.rng.random()
        assets: Sequence[Asset] = STOCKS if listed or draw < 0.85 else BONDS if draw < 0.95 else PRIVATE
        asset = self.rng.choice(assets)
        if asset.ticker and not listed and draw < 0.04:
            strike, expires = self.rng.randrange(20, 400, 5), received + timedelta(days=200)
            contract = (
                ("Option Type:", "Call"),
                ("Strike price:", f"${strike}.00"),
                ("Expires:", us_date(expires)),
            )
            asset = replace(asset, kind="Stock Option", notes=contract)
        return self.trade(
            filer,
            received - timedelta(days=self.rng.randrange(2, 36)),
            asset,
            side=self.rng.choices(("Purchase", "Sale (Full)", "Sale (Partial)"), (5, 2, 3))[0],
            band=self.rng.choices(range(len(_BAND_WEIGHTS)), _BAND_WEIGHTS)[0],
            owner=self.rng.choices(_OWNERS, (4, 4, 3, 1))[0],
        )

    def ordinary(self, source: Source, filer: Filer, received: date, rows: int | None = None) -> Filing:
        """A filing without defects, of a few rows."""
        count = rows or self.rng.choice(_ROW_COUNTS)
        trades = tuple(self.ordinary_trade(filer, received, listed=source == HOUSE_PTR) for _ in range(count))
        return self.filing(source, filer, received, trades)

    def filing(self, source: Source, filer: Filer, received: date, trades: Sequence[Trade]) -> Filing:
        """A filing of these trades."""
        return Filing(source, self.document_id(source, received), filer, received, tuple(trades))


def us_date(day: date) -> str:
    """MM/DD/YYYY, as reports print days."""
    return f"{day:%m/%d}/{day.year:04d}"
