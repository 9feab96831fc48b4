"""Sectors of companies as they were on a day, from today's table and dated lists of before; pure.

GICS moves companies between sectors and redraws them: after the close of 2023-03-17 Visa went from Information
Technology to Financials, Target from Consumer Discretionary to Consumer Staples.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date

from llm_pipeline.reference.codes import ticker_code
from llm_pipeline.reference.listings import Listings
from llm_pipeline.reference.records import EarlierTickerSector, TickerSector


class CompanySectors:
    """The sector of a company on a day.

    A list holds for every day up to its date, back to the list before it; the first one for all days before. Days
    after the last list take today's sector, as does whoever is on no list.
    """

    def __init__(
        self, today: Iterable[TickerSector], earlier: Iterable[EarlierTickerSector], listings: Listings
    ) -> None:
        # Of two spellings of one ticker ("AAPL" and the typing error "AAPl") the proper one counts.
        proper_last = sorted(today, key=lambda row: row.ticker == ticker_code(row.ticker))
        self._today = {ticker_code(row.ticker): row for row in proper_last}
        self._earlier: dict[str, list[EarlierTickerSector]] = defaultdict(list)
        for row in sorted(earlier, key=lambda row: row.until):
            self._earlier[ticker_code(row.ticker)].append(row)
        self._listings = listings

    def on(self, ticker: str, day: date) -> TickerSector | EarlierTickerSector | None:
        """What is known of the sector of the company that a ticker named on a day."""
        under_its_ticker = self._on_a_list(ticker, day)
        if under_its_ticker:
            return under_its_ticker
        listings = self._listings.of(ticker, day)
        under_another = self._on_a_list_as_one_of(listings, day)
        if under_another:
            return under_another
        rows = (self._today.get(name) for name in listings)
        return next((row for row in rows if row is not None and row.sector), None)

    def depends_on_day(self, ticker: str) -> bool:
        """Whether the answer may differ between days: the ticker changed, or a list has another sector for it."""
        if self._listings.changed(ticker):
            return True
        code = ticker_code(ticker)
        today = self._today.get(code)
        return any(row.sector != (today and today.sector) for row in self._earlier.get(code, ()))

    def _on_a_list(self, ticker: str, day: date) -> EarlierTickerSector | None:
        """The row of the first list, of that day or later, that has the company under its ticker of the list's day."""
        for name, first, change in self._listings.from_day(ticker, day) if self._earlier else ():
            row = self._first_row(name, first)
            if row and (change is None or row.until < change.day):
                return row
        return None

    def _on_a_list_as_one_of(self, listings: tuple[str, ...], day: date) -> EarlierTickerSector | None:
        """That of a list that has it under a ticker given up before, or one that came later."""
        rows = (self._first_row(name, day) for name in listings)
        ours = (row for row in rows if row and not self._listings.reused_after(row.ticker, row.until))
        return min(ours, key=lambda row: row.until, default=None)

    def _first_row(self, ticker: str, day: date) -> EarlierTickerSector | None:
        return next((row for row in self._earlier.get(ticker, ()) if row.until >= day), None)
