"""Who else traded the same at the same time, and how likely that is when all choose independently. Pure.

Belongs here: the groups of one as-of date, which the trials of several filers share, and their tail.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal

import numpy as np
from scipy import special

from llm_pipeline.anomalies.crowd import Crowd, Floats, Ints
from llm_pipeline.anomalies.tails import poisson_binomial_tail, poisson_tail
from llm_pipeline.anomalies.thresholds import Thresholds

Level = Literal["ticker", "sector"]

_NODES = 12


@dataclass(frozen=True)
class Group:
    """Filers in one ticker or sector (`code`) on one side in one window, beside one of them.

    others: how many besides the filer; expected: under independence, of `active` other filers with a trade on that
    side in the window; rows: the group's trades in the book.
    """

    code: int
    side: int
    rows: Ints
    others: int
    expected: float
    active: int
    pooled_share: float
    pooled_n: int
    p: float

    @property
    def z(self) -> float:
        """(others - expected) / sqrt(expected)."""
        return (self.others - self.expected) / max(self.expected, 1e-12) ** 0.5

    @property
    def poisson_p(self) -> float:
        """Poisson tail at the expected count (Le Cam 1960, Pac. J. Math. 10, 1181-1197)."""
        return poisson_tail(self.others, self.expected)


@lru_cache(maxsize=4096)
def gamma_nodes(shape: float) -> tuple[Floats, Floats]:
    """Nodes and weights that integrate over a Gamma distribution of this shape and scale 1 (Gauss-Laguerre).

    From shape 60 on the mean alone: the spread is below 13 %, and the weights would leave the range of a float.
    """
    if shape > 60:
        return np.array([shape]), np.ones(1)
    nodes, weights = special.roots_genlaguerre(_NODES, shape - 1)
    return nodes, weights / weights.sum()


def company_tail(others: int, own_same: Ints, own_n: Ints, trades: Ints, same: int, n: int, weight: int) -> float:
    """P(at least `others` of these filers choose it), all independent, over what is not known of the pooled share.

    Filer g chooses it with each of trades[g] trades at the share (own_same[g] + weight * s) / (own_n[g] + weight); the
    pooled share s was same of n before and has the Gamma(same + 1/2) / n posterior. All filers share s: a plug-in
    value would make three in a ticker that was never seen before look 15 times less likely than it is.
    """
    total = 0.0
    nodes, weights = gamma_nodes(same + 0.5)
    for node, part in zip(nodes.tolist(), weights.tolist(), strict=True):
        share = np.minimum(1.0, (own_same + weight * min(1.0, node / (n + 1))) / (own_n + weight))
        chance = 1 - (1 - share) ** trades
        # Le Cam: the Poisson limit is within sum(p^2) of the exact tail; exact convolution is quadratic in filers.
        exact = chance.size <= 200
        total += part * (
            poisson_binomial_tail(others, chance.tolist()) if exact else poisson_tail(others, float(chance.sum()))
        )
    return min(1.0, total)


@dataclass(frozen=True)
class _Window:
    """Trades on one side in the days of a window and in the 12 months before, and per active filer how many."""

    active: Ints
    before: Ints
    filers: Ints
    trades: Ints
    own_n: Ints


class Company:
    """All groups of one as-of date."""

    def __init__(self, crowd: Crowd, thresholds: Thresholds) -> None:
        self.crowd = crowd
        self.thresholds = thresholds
        self._windows: dict[tuple[int, int], _Window] = {}
        self._groups: dict[tuple[Level, int, int, int], tuple[Ints, Ints, Ints, int]] = {}

    @cached_property
    def _tickers(self) -> Ints:
        return np.where(self.crowd.book.has_ticker, self.crowd.book.asset, -1)

    def codes(self, level: Level) -> Ints:
        """What counts as the same, by row of the book; -1 for neither."""
        return self._tickers if level == "ticker" else self.crowd.book.sector

    def groups(self, level: Level, me: int, code: int, side: int, days: Ints) -> Iterator[Group]:
        """Groups around a filer's own days in a ticker or sector with enough filers."""
        for start in self._starts(level, code, side, days):
            group = self._group(level, me, code, side, start)
            if group is not None:
                yield group

    def possible(self, level: Level, me: int, days: Ints, sides: Ints) -> bool:
        """Whether enough other filers traded on the side of one of these trades within reach of it, whatever it was."""
        book, reach = self.crowd.book, self.thresholds.coordination_days - 1
        for day, side in {*zip(days.tolist(), sides.tolist(), strict=True)}:
            rows = self.crowd.between(day - reach, day + reach)
            near = np.unique(book.filer_of_row[rows[book.side[rows] == side]])
            if np.count_nonzero(near != me) >= self._least(level) - 1:
                return True
        return False

    def _least(self, level: Level) -> int:
        least = self.thresholds.coordination_min_filers
        return least if level == "ticker" else self.thresholds.sector_coordination_min_filers

    def _starts(self, level: Level, code: int, side: int, days: Ints) -> list[int]:
        """First days of windows that hold one of these days and enough filers, as few as needed."""
        book, reach = self.crowd.book, self.thresholds.coordination_days - 1
        starts: set[int] = set()
        for day in days.tolist():
            rows = self.crowd.between(day - reach, day + reach)
            rows = rows[(self.codes(level)[rows] == code) & (book.side[rows] == side)]
            if np.unique(book.filer_of_row[rows]).size >= self._least(level):
                starts.update(int(d) for d in book.day[rows] if d <= day)
        return sorted(starts)

    def _window(self, side: int, start: int) -> _Window:
        key = (side, start)
        if key not in self._windows:
            book, crowd = self.crowd.book, self.crowd
            active = crowd.between(start, start + self.thresholds.coordination_days - 1)
            active = active[book.side[active] == side]
            before = crowd.between(start - self.thresholds.baseline_days, start - 1)
            before = before[book.side[before] == side]
            filers, trades = np.unique(book.filer_of_row[active], return_counts=True)
            own_n = np.bincount(book.filer_of_row[before], minlength=len(book.filer_keys))[filers]
            self._windows[key] = _Window(active, before, filers, trades, own_n)
        return self._windows[key]

    def _together(self, level: Level, code: int, side: int, start: int) -> tuple[Ints, Ints, Ints, int]:
        """(rows of the group, its filers, own trades of each active filer in it before, all trades in it before)."""
        key = (level, code, side, start)
        if key not in self._groups:
            book, codes, window = self.crowd.book, self.codes(level), self._window(side, start)
            rows = window.active[codes[window.active] == code]
            same = window.before[codes[window.before] == code]
            own = np.bincount(book.filer_of_row[same], minlength=len(book.filer_keys))[window.filers]
            self._groups[key] = (np.sort(rows), np.unique(book.filer_of_row[rows]), own, int(same.size))
        return self._groups[key]

    def _group(self, level: Level, me: int, code: int, side: int, start: int) -> Group | None:
        window = self._window(side, start)
        rows, members, own, same = self._together(level, code, side, start)
        if members.size < self._least(level) or me not in members:
            return None
        other = window.filers != me
        own_n, own_same, trades = window.own_n[other], own[other], window.trades[other]
        weight, n = self.thresholds.coordination_prior_weight, int(window.before.size)
        pooled = (same + 0.5) / (n + 1)
        expected = float((1 - (1 - (own_same + weight * pooled) / (own_n + weight)) ** trades).sum())
        others = int(members.size) - 1
        if others - expected < float(self.thresholds.min_z) * expected**0.5:
            return None  # below min_z no group can be raised: its exact tail is not worth its time
        p = company_tail(others, own_same, own_n, trades, same, n, weight)
        return Group(code, side, rows, others, expected, int(trades.size), pooled, n, p)
