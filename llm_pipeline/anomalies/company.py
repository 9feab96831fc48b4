"""Who else traded the same at the same time. Pure.

Belongs here: the groups of one as-of date around the newly known trades of all filers, and which of them stand out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from llm_pipeline.anomalies.before import CodesBefore, Known, SlidingCounts
from llm_pipeline.anomalies.crowd import Crowd
from llm_pipeline.anomalies.gatherings import Gatherings, distinct, gatherings
from llm_pipeline.anomalies.group import Group, Groups, Window, most_expected
from llm_pipeline.anomalies.history import Flags, Ints
from llm_pipeline.anomalies.thresholds import Thresholds
from llm_pipeline.anomalies.trade import SIDES

Level = Literal["ticker", "sector"]


@dataclass(frozen=True)
class Newly:
    """Newly known trades whose company is asked for: number of the filer, day, what counts as the same, side."""

    filer: Ints
    day: Ints
    code: Ints
    side: Ints

    def where(self, which: Flags) -> Newly:
        """Those of these places."""
        return Newly(self.filer[which], self.day[which], self.code[which], self.side[which])

    def distinct_days(self) -> set[tuple[int, int, int, int]]:
        """(filer, code, side, day), each once."""
        columns = self.filer, self.code, self.side, self.day
        return set(zip(*(one.tolist() for one in columns), strict=True))


class Company:
    """All groups of one as-of date."""

    def __init__(self, crowd: Crowd, thresholds: Thresholds) -> None:
        self.crowd = crowd
        self.thresholds = thresholds
        self._sides: dict[int, Known] = {}
        self._years: dict[int, SlidingCounts] = {}
        self._windows: dict[tuple[int, int], Window] = {}
        self._near: dict[tuple[int, int], Flags] = {}

    def codes(self, level: Level) -> Ints:
        """What counts as the same, by row of the book; -1 for neither."""
        return self.crowd.book.ticker_code if level == "ticker" else self.crowd.book.sector

    def possible(self, level: Level, newly: Newly) -> Flags:
        """Whether enough other filers traded on that side within reach of each trade, whatever they traded."""
        key, which = np.unique(newly.day * len(SIDES) + newly.side, return_inverse=True)
        near = np.array([self._active_near(*divmod(one, len(SIDES))) for one in key.tolist()], bool)
        near = near.reshape(key.size, len(self.crowd.book.filer_keys))
        others = np.count_nonzero(near, axis=1)[which] - near[which, newly.filer]
        enough: Flags = others >= self._least(level) - 1
        return enough

    def groups(self, level: Level, newly: Newly) -> Iterator[Group]:
        """Groups of enough filers around these trades, `min_z` off, as each filer of these trades sees them."""
        for side in distinct(newly.side).tolist():
            yield from self._groups_on(level, side, newly.where(newly.side == side))

    def _groups_on(self, level: Level, side: int, newly: Newly) -> Iterator[Group]:
        days, min_z, code = self.thresholds.coordination_days, float(self.thresholds.min_z), self.codes(level)
        near = self._known(side).between(int(newly.day.min()) - days + 1, int(newly.day.max()) + days - 1)
        found = gatherings(
            near.days, code[near.rows], near.filers, newly.day, newly.code, newly.filer,
            days=days, least=self._least(level),
        )  # fmt: skip
        # With more expected no group can be raised: its exact tail is not worth its time. The rest is for rounding.
        most = most_expected(found.others[found.window], min_z) * (1 + 1e-9) + 1e-9
        for groups, group, filer, look in self._by_window(side, code, found):
            for i in np.flatnonzero(groups.others_expected(group, filer) <= most[look]).tolist():
                trades = near.between(groups.window.start, groups.window.start + days - 1).rows
                rows = np.sort(trades[code[trades] == groups.code[group[i]]])
                beside = groups.beside(int(group[i]), int(filer[i]), rows, min_z)
                if beside is not None:
                    yield beside

    def _by_window(self, side: int, code: Ints, found: Gatherings) -> Iterator[tuple[Groups, Ints, Ints, slice]]:
        """The gatherings of each first day; of the looks at them the group, the filer, and which of all they are."""
        starts = distinct(found.start)
        if not starts.size:
            return
        year, weight = self.thresholds.baseline_days, self.thresholds.coordination_prior_weight
        known = self._known(side).between(int(starts[0]) - year, int(starts[-1]) - 1)
        past = CodesBefore(known, code, distinct(found.code), len(self.crowd.book.filer_keys))
        bounds = np.append(found.start.searchsorted(starts), found.start.size)
        looks = found.window.searchsorted(bounds)
        for start, part, look in zip(starts.tolist(), _slices(bounds), _slices(looks), strict=True):
            window, codes = self._window(side, start), found.code[part]
            same, own = past.between(start - year, start - 1, codes, window.filers)
            groups = Groups(window, codes, found.others[part], same, own, weight)
            yield groups, found.window[look] - part.start, found.filer[look], look

    def _least(self, level: Level) -> int:
        least = self.thresholds.coordination_min_filers
        return least if level == "ticker" else self.thresholds.sector_coordination_min_filers

    def _active_near(self, day: int, side: int) -> Flags:
        """Whether each filer has a trade on that side within reach of a day."""
        if (day, side) not in self._near:
            reach = self.thresholds.coordination_days - 1
            self._near[day, side] = self._counts(side, day - reach, day + reach) > 0
        return self._near[day, side]

    def _window(self, side: int, start: int) -> Window:
        if (side, start) not in self._windows:
            trades = self._counts(side, start, start + self.thresholds.coordination_days - 1)
            before = self._years[side].between(start - self.thresholds.baseline_days, start - 1)
            filers = np.flatnonzero(trades)
            filers = filers[np.argsort(-trades[filers], kind="stable")]
            place = np.zeros(trades.size, np.int64)
            place[filers] = np.arange(filers.size)
            self._windows[side, start] = Window(
                side, start, filers, trades[filers], before[filers], place, int(before.sum())
            )
        return self._windows[side, start]

    def _counts(self, side: int, first: int, last: int) -> Ints:
        """Each filer's known trades on a side with a trade day in [first, last]."""
        return np.bincount(self._known(side).between(first, last).filers, minlength=len(self.crowd.book.filer_keys))

    def _known(self, side: int) -> Known:
        if not self._sides:
            of_row = self.crowd.book.side[self.crowd.rows]
            for one in range(2):
                which = np.flatnonzero(of_row == one)
                known = Known(self.crowd.rows[which], self.crowd.days[which], self.crowd.filers[which])
                self._sides[one] = known
                self._years[one] = SlidingCounts(known.days, known.filers, len(self.crowd.book.filer_keys))
        return self._sides[side]


def _slices(bounds: Ints) -> list[slice]:
    """The ranges between bounds."""
    return [slice(*pair) for pair in pairwise(bounds.tolist())]
