"""Trades before one day after another, counted by what each day adds and leaves behind. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from llm_pipeline.anomalies.history import Ints


@dataclass(frozen=True)
class Known:
    """Known trades on one side, by day; rows: in the book."""

    rows: Ints
    days: Ints
    filers: Ints

    def between(self, first: int, last: int) -> Known:
        """Those with a trade day in [first, last]."""
        part = slice(*self.days.searchsorted((first, last + 1)))
        return Known(self.rows[part], self.days[part], self.filers[part])


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


class CodesBefore:
    """Trades in some tickers or sectors, `codes`, in the months before a day: of all filers, and of each."""

    def __init__(self, known: Known, code: Ints, codes: Ints, filers: int) -> None:
        """code: of each row of the book, -1 for none; codes: ascending; filers: in the book."""
        self._codes, self._filers, code = codes, filers, code[known.rows]
        place = np.full(max(int(codes[-1]), int(code.max(initial=0))) + 2, -1)  # its last item stands for the code -1
        place[codes] = np.arange(codes.size)
        kind = place[code]
        concerned = np.flatnonzero(kind >= 0)
        kind, days = kind[concerned], known.days[concerned]
        self._of_all = SlidingCounts(days, kind, codes.size)
        self._of_each = SlidingCounts(days, kind * filers + known.filers[concerned], codes.size * filers)

    def between(self, first: int, last: int, codes: Ints, filers: Ints) -> tuple[Ints, Ints]:
        """(trades in each of these codes, and by code and filer) on the days in [first, last]."""
        kind = self._codes.searchsorted(codes)
        of_each = self._of_each.between(first, last).reshape(-1, self._filers)
        return self._of_all.between(first, last)[kind], of_each.take(kind, axis=0).take(filers, axis=1)
