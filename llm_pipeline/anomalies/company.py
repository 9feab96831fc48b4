"""Who else traded the same at the same time, and how likely that is when all choose independently. Pure.

Belongs here: the groups of one as-of date, which the trials of several filers share, and their tail.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from scipy import special

from llm_pipeline.anomalies.history import narrow
from llm_pipeline.anomalies.crowd import Crowd, Floats, Ints
from llm_pipeline.anomalies.tails import poisson_binomial_tail, poisson_tail
from llm_pipeline.anomalies.thresholds import Thresholds
from llm_pipeline.anomalies.trade import SIDES

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
class _Same:
    """All known trades in one ticker or sector on one side, by day."""

    rows: Ints
    days: Ints
    filers: Ints

    def between(self, first: int, last: int) -> _Same:
        """Those with a trade day in [first, last]."""
        low, high = self.days.searchsorted((first, last + 1))
        return self.part(low, high)

    def part(self, low: int, high: int) -> _Same:
        """Those at these places."""
        return _Same(self.rows[low:high], self.days[low:high], self.filers[low:high])


@dataclass(frozen=True)
class _Window:
    """Filers active on one side in the days of a window: each one's trades then, and in the 12 months before.

    weighted_n: own_n and the weight of the pooled share.
    """

    filers: Ints
    trades: Ints
    own_n: Ints
    weighted_n: Ints
    before: int


@dataclass(frozen=True)
class _Together:
    """A group in a window, whoever looks at it.

    rows: of the book; members: its filers; own, same: trades in it in the 12 months before, by active filer and by all;
    pooled: share; chances: of each active filer to be in it under independence.
    """

    rows: Ints
    members: frozenset[int]
    own: Ints
    same: int
    pooled: float
    chances: Floats
    expected: float


class Company:
    """All groups of one as-of date."""

    def __init__(self, crowd: Crowd, thresholds: Thresholds) -> None:
        self.crowd = crowd
        self.thresholds = thresholds
        self._columns: dict[Level, tuple[Ints, _Same]] = {}
        self._windows: dict[tuple[int, int], _Window] = {}
        self._groups: dict[tuple[Level, int, int, int], _Together | None] = {}
        self._near: dict[tuple[int, int], Ints] = {}
        self._first_days: dict[tuple[Level, int, int, int], set[int]] = {}

    def codes(self, level: Level) -> Ints:
        """What counts as the same, by row of the book; -1 for neither."""
        return self.crowd.book.ticker_code if level == "ticker" else self.crowd.book.sector

    def groups(self, level: Level, me: int, code: int, side: int, days: set[int]) -> Iterator[Group]:
        """Groups around a filer's own days in a ticker or sector with enough filers."""
        for start in self._starts(level, code, side, days):
            group = self._group(level, me, code, side, start)
            if group is not None:
                yield group

    def possible(self, level: Level, me: int, trades: set[tuple[int, int]]) -> bool:
        """Whether enough other filers traded within reach of one of these (day, side), whatever they traded."""
        needed = self._least(level) - 1
        return any(
            near.size > needed or np.count_nonzero(near != me) >= needed
            for near in (self._filers_near(day, side) for day, side in trades)
        )

    def _filers_near(self, day: int, side: int) -> Ints:
        """Filers with a trade on that side within reach of a day."""
        if (day, side) not in self._near:
            reach = self.thresholds.coordination_days - 1
            self._near[day, side] = np.flatnonzero(self.crowd.counts(day - reach, day + reach, side))
        return self._near[day, side]

    def _least(self, level: Level) -> int:
        least = self.thresholds.coordination_min_filers
        return least if level == "ticker" else self.thresholds.sector_coordination_min_filers

    def _same(self, level: Level, code: int, side: int) -> _Same:
        """The known trades of a ticker or sector on one side: a slice of all of them, sorted once."""
        if level not in self._columns:
            rows, book = self.crowd.rows, self.crowd.book
            key = self.codes(level)[rows] * len(SIDES) + book.side[rows]
            order = np.argsort(narrow(key), kind="stable")
            rows = rows[order]
            self._columns[level] = key[order], _Same(rows, self.crowd.days[order], self.crowd.filers[order])
        keys, known = self._columns[level]
        low, high = keys.searchsorted((code * len(SIDES) + side, code * len(SIDES) + side + 1))
        return known.part(low, high)

    def _starts(self, level: Level, code: int, side: int, days: set[int]) -> list[int]:
        """First days of windows that hold one of these days and enough filers, as few as needed."""
        return sorted(set().union(*(self._starts_around(level, code, side, day) for day in days)))

    def _starts_around(self, level: Level, code: int, side: int, day: int) -> set[int]:
        key = (level, code, side, day)
        if key not in self._first_days:
            reach = self.thresholds.coordination_days - 1
            near = self._same(level, code, side).between(day - reach, day + reach)
            enough = len(set(near.filers.tolist())) >= self._least(level)
            self._first_days[key] = {one for one in near.days.tolist() if one <= day} if enough else set()
        return self._first_days[key]

    def _window(self, side: int, start: int) -> _Window:
        key = (side, start)
        if key not in self._windows:
            trades = self.crowd.counts(start, start + self.thresholds.coordination_days - 1, side)
            before = self.crowd.counts(start - self.thresholds.baseline_days, start - 1, side)
            filers = np.flatnonzero(trades)
            own_n = before[filers]
            weighted_n = own_n + self.thresholds.coordination_prior_weight
            self._windows[key] = _Window(filers, trades[filers], own_n, weighted_n, int(before.sum()))
        return self._windows[key]

    def _together(self, level: Level, code: int, side: int, start: int) -> _Together | None:
        """The group in the window from `start` on; None when it has too few filers."""
        key = (level, code, side, start)
        if key not in self._groups:
            self._groups[key] = self._gather(level, code, side, start)
        return self._groups[key]

    def _gather(self, level: Level, code: int, side: int, start: int) -> _Together | None:
        one = self._same(level, code, side)
        group = one.between(start, start + self.thresholds.coordination_days - 1)
        members = frozenset(group.filers.tolist())
        if len(members) < self._least(level):
            return None
        window, weight = self._window(side, start), self.thresholds.coordination_prior_weight
        same = one.between(start - self.thresholds.baseline_days, start - 1)
        own = np.bincount(same.filers, minlength=len(self.crowd.book.filer_keys))[window.filers]
        pooled = (same.rows.size + 0.5) / (window.before + 1)
        chances = 1 - (1 - (own + weight * pooled) / window.weighted_n) ** window.trades
        return _Together(np.sort(group.rows), members, own, int(same.rows.size), pooled, chances, float(chances.sum()))

    def _group(self, level: Level, me: int, code: int, side: int, start: int) -> Group | None:
        together = self._together(level, code, side, start)
        if together is None or me not in together.members:
            return None
        window, least_z = self._window(side, start), float(self.thresholds.min_z)
        others = len(together.members) - 1
        about = together.expected - float(together.chances[window.filers.searchsorted(me)])
        if others - about < least_z * max(about, 0.0) ** 0.5 - 1e-6:
            return None  # below min_z no group can be raised: its exact tail is not worth its time
        other = window.filers != me
        expected = float(together.chances[other].sum())
        if others - expected < least_z * expected**0.5:
            return None
        own_n, own_same, trades = window.own_n[other], together.own[other], window.trades[other]
        same, n, weight = together.same, window.before, self.thresholds.coordination_prior_weight
        p = company_tail(others, own_same, own_n, trades, same, n, weight)
        return Group(code, side, together.rows, others, expected, int(trades.size), together.pooled, n, p)
