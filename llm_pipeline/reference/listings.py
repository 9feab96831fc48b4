"""Under which tickers a company was listed, from the tickers that changed; pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from llm_pipeline.reference.codes import ticker_code
from llm_pipeline.reference.records import TickerChange


class Listings:
    """The tickers of companies through time."""

    def __init__(self, changes: Iterable[TickerChange]) -> None:
        self._changes_of: dict[str, list[TickerChange]] = defaultdict(list)
        self._changes_into: dict[str, list[TickerChange]] = defaultdict(list)
        known = tuple(changes)
        for change in sorted(known, key=lambda change: change.day):
            self._changes_of[change.old].append(change)
        for change in sorted(known, key=lambda change: change.day, reverse=True):
            self._changes_into[change.new].append(change)

    def of(self, ticker: str, day: date) -> tuple[str, ...]:
        """The tickers under which tables may have the company that `ticker` named on a day, likeliest first.

        Its own, its later and its earlier ones. A ticker that another company took over after that day is left out;
        so are those of a buyer, which is another company.
        """
        ticker = ticker_code(ticker)
        later = [name for name, _, change in self.from_day(ticker, day) if not (change and change.reused)]
        return tuple(dict.fromkeys([*later, *self._earlier(ticker, day)]))

    def from_day(self, ticker: str, day: date) -> Iterator[tuple[str, date, TickerChange | None]]:
        """The company's tickers from a day on, in order: ticker, its first day, and the change that ended it or None.

        Days go up, so this ends even where tickers were given back.
        """
        current, at = ticker_code(ticker), day
        while True:
            change = next((change for change in self._changes_of.get(current, ()) if change.day > at), None)
            yield current, at, change
            if change is None or change.ended:
                return
            current, at = change.new, change.day

    def ends(self, ticker: str, after: date, until: date) -> date | None:
        """The first day in (after, until] on which the company that a ticker names on the day `after` was bought or
        went private; its last close may be of that day. None where it is not known to have ended."""
        for name in self.of(ticker, after):
            for change in self._changes_of.get(name, ()):
                if change.ended and after < change.day <= until:
                    return change.day
        return None

    def changed(self, ticker: str) -> bool:
        """Whether the ticker was ever given up or taken on."""
        code = ticker_code(ticker)
        return code in self._changes_of or code in self._changes_into

    def reused_after(self, ticker: str, day: date) -> bool:
        """Whether another company took the ticker over after that day."""
        return any(change.reused and change.day > day for change in self._changes_of.get(ticker_code(ticker), ()))

    def _earlier(self, ticker: str, day: date) -> Iterator[str]:
        at = day
        while True:
            into = self._changes_into.get(ticker, ())
            change = next((one for one in into if one.day <= at and not one.ended), None)
            if change is None:
                return
            if not change.reused:
                yield change.old
            ticker, at = change.old, change.day - timedelta(days=1)
