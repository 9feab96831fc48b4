"""Everybody's known trades on one side: who was active when, and in which tickers and sectors. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from llm_pipeline.anomalies.detection.book import TradeBook
from llm_pipeline.anomalies.detection.crowd import Crowd
from llm_pipeline.anomalies.detection.history import Flags, Ints
from llm_pipeline.reference.records import GICS_SECTORS


def codes_of(book: TradeBook, rows: Ints) -> Ints:
    """The sector and the ticker of each row, as numbers of one list, sectors first; -1 for none."""
    codes = np.empty((rows.size, 2), np.int64)
    ticker = book.ticker_code[rows]
    codes[:, 0] = book.sector[rows]
    codes[:, 1] = ticker + len(GICS_SECTORS)
    codes[ticker < 0, 1] = -1
    return codes


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
    """How often each number occurs on some days, for one range of days after another: each adds and drops a few."""

    def __init__(self, days: Ints, numbers: Ints, size: int) -> None:
        """numbers: in [0, size), by day."""
        self._days, self._numbers = days, numbers
        self._counts: Ints = np.zeros(size, np.int64)
        self._low = self._high = 0

    def between(self, first: int, last: int) -> Ints:
        """Counts of the numbers on the days in [first, last], neither before the ones of the last call.

        They change with the next call.
        """
        low, high = self._days.searchsorted((first, last + 1)).tolist()
        np.add.at(self._counts, self._numbers[self._high : high], 1)
        np.subtract.at(self._counts, self._numbers[self._low : low], 1)
        self._low, self._high = low, high
        return self._counts


class Side:
    """The known trades of an as-of date on one side."""

    def __init__(self, crowd: Crowd, side: int) -> None:
        self.book = crowd.book
        which = np.flatnonzero(crowd.book.side[crowd.rows] == side)
        self.known = Known(crowd.rows[which], crowd.days[which], crowd.filers[which])
        self.filers = len(crowd.book.filer_keys)

    def active(self, first: int, last: int) -> Flags:
        """Whether each filer has a trade in [first, last]."""
        active = np.zeros(self.filers, bool)
        active[self.known.between(first, last).filers] = True
        return active

    def windows(self, starts: Iterable[int], days: int, before: int) -> Iterator[Window]:
        """The filers active in so many days from each start on, with what they did in so many days before it.

        starts: ascending.
        """
        past = SlidingCounts(self.known.days, self.known.filers, self.filers)
        for start in starts:
            trades = np.bincount(self.known.between(start, start + days - 1).filers, minlength=self.filers)
            own_n = past.between(start - before, start - 1)
            filers = np.flatnonzero(trades)
            filers = filers[np.argsort(-trades[filers], kind="stable")]
            place = np.zeros(self.filers, np.int64)
            place[filers] = np.arange(filers.size)
            yield Window(start, filers, trades[filers], own_n[filers], place, int(own_n.sum()))


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
        """(trades in each of these codes, and by code and filer) in [first, last], as `SlidingCounts.between`."""
        number = self._codes.searchsorted(codes)
        of_each = self._of_each.between(first, last).reshape(-1, self._filers)
        return self._of_all.between(first, last)[number], of_each.take(number, axis=0).take(filers, axis=1)
