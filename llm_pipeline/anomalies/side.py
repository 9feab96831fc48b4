"""Everybody's known trades on one side: who was active when, and in which tickers and sectors. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from llm_pipeline.anomalies.book import TradeBook
from llm_pipeline.anomalies.crowd import Crowd
from llm_pipeline.anomalies.history import Flags, Ints
from llm_pipeline.reference.records import GICS_SECTORS


def codes_of(book: TradeBook, rows: Ints) -> Ints:
    """The sector and the ticker of each row, as numbers of one list, sectors first; -1 for none."""
    ticker = book.ticker_code[rows]
    return np.stack([book.sector[rows], np.where(ticker < 0, -1, ticker + len(GICS_SECTORS))], axis=1)


def is_sector(codes: Ints) -> Flags:
    """Which numbers of `codes_of` stand for a sector."""
    return codes < len(GICS_SECTORS)


@dataclass(frozen=True)
class Coded:
    """Trades by day, once under the sector and once under the ticker."""

    days: Ints
    codes: Ints
    filers: Ints


@dataclass(frozen=True)
class Known:
    """Known trades by day; rows: in the book."""

    rows: Ints
    days: Ints
    filers: Ints

    def between(self, first: int, last: int) -> Known:
        """Those with a trade day in [first, last]."""
        part = slice(*self.days.searchsorted((first, last + 1)))
        return Known(self.rows[part], self.days[part], self.filers[part])

    def coded(self, book: TradeBook) -> Coded:
        """Each under its sector and under its ticker, as far as it has one."""
        codes = codes_of(book, self.rows).ravel()
        kept = np.flatnonzero(codes >= 0)
        return Coded(self.days[kept // 2], codes[kept], self.filers[kept // 2])


@dataclass(frozen=True)
class Window:
    """Filers active on one side in the days from `start` on, the busiest first.

    trades, own_n: of each, in those days and in the 12 months before; place: of each filer of the book among them;
    before: trades of all in the 12 months before.
    """

    start: int
    filers: Ints
    trades: Ints
    own_n: Ints
    place: Ints
    before: int


class SlidingCounts:
    """How often each number occurs on some days; days close to those asked about before cost least."""

    def __init__(self, days: Ints, numbers: Ints, size: int) -> None:
        """numbers: in [0, size), by day."""
        self._days, self._numbers = days, numbers
        self._counts: Ints = np.zeros(size, np.int64)
        self._low = self._high = 0

    def between(self, first: int, last: int) -> Ints:
        """Counts of the numbers on the days in [first, last]; they change with the next call."""
        low, high = self._days.searchsorted((first, last + 1)).tolist()
        self._pass(self._low, low, -1)
        self._pass(self._high, high, 1)
        self._low, self._high = low, high
        return self._counts

    def _pass(self, old: int, new: int, sign: int) -> None:
        passed = self._numbers[min(old, new) : max(old, new)]
        np.add.at(self._counts, passed, sign if new > old else -sign)


class Side:
    """The known trades of an as-of date on one side."""

    def __init__(self, crowd: Crowd, side: int) -> None:
        self.book = crowd.book
        which = np.flatnonzero(crowd.book.side[crowd.rows] == side)
        self.known = Known(crowd.rows[which], crowd.days[which], crowd.filers[which])
        self.filers = len(crowd.book.filer_keys)
        self._past = SlidingCounts(self.known.days, self.known.filers, self.filers)

    def active(self, first: int, last: int) -> Flags:
        """Whether each filer has a trade in [first, last]."""
        active = np.zeros(self.filers, bool)
        active[self.known.between(first, last).filers] = True
        return active

    def window(self, start: int, days: int, before: int) -> Window:
        """The filers active in so many days from `start` on, with what they did in so many days before."""
        trades = np.bincount(self.known.between(start, start + days - 1).filers, minlength=self.filers)
        past = self._past.between(start - before, start - 1)
        filers = np.flatnonzero(trades)
        filers = filers[np.argsort(-trades[filers], kind="stable")]
        place = np.zeros(self.filers, np.int64)
        place[filers] = np.arange(filers.size)
        return Window(start, filers, trades[filers], past[filers], place, int(past.sum()))


class CodesBefore:
    """Trades on one side in some tickers and sectors before a day: of all filers, and of each."""

    def __init__(self, side: Side, first: int, last: int, codes: Ints) -> None:
        """codes: ascending; first, last: of the days that will be asked about."""
        self._codes, self._filers = codes, side.filers
        past = side.known.between(first, last).coded(side.book)
        place = np.full(max(int(codes[-1]), int(past.codes.max(initial=0))) + 1, -1)
        place[codes] = np.arange(codes.size)
        number = place[past.codes]
        concerned = np.flatnonzero(number >= 0)
        number, days = number[concerned], past.days[concerned]
        self._of_all = SlidingCounts(days, number, codes.size)
        self._of_each = SlidingCounts(days, number * side.filers + past.filers[concerned], codes.size * side.filers)

    def between(self, first: int, last: int, codes: Ints, filers: Ints) -> tuple[Ints, Ints]:
        """(trades in each of these codes, and by code and filer) on the days in [first, last]."""
        number = self._codes.searchsorted(codes)
        of_each = self._of_each.between(first, last).reshape(-1, self._filers)
        return self._of_all.between(first, last)[number], of_each.take(number, axis=0).take(filers, axis=1)
