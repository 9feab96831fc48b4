"""Who else traded the same at the same time. Pure.

Belongs here: the groups of one as-of date around the newly known trades of all filers, and which of them stand out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from llm_pipeline.anomalies.detection.company_tail import company_tails
from llm_pipeline.anomalies.detection.crowd import Crowd
from llm_pipeline.anomalies.detection.gatherings import Gatherings, gatherings
from llm_pipeline.anomalies.detection.group import Beside, Group, Groups, most_expected
from llm_pipeline.anomalies.detection.history import Flags, Histories, Ints, distinct
from llm_pipeline.anomalies.detection.side import CodesBefore, Side, codes_of, is_sector
from llm_pipeline.anomalies.detection.thresholds import Thresholds
from llm_pipeline.anomalies.detection.trade import SIDES

TWO_SIDES = 2
"""Purchases and sales, the first of `SIDES`: an exchange is neither."""


@dataclass(frozen=True)
class Newly:
    """Newly known purchases and sales, once by sector and once by ticker: number of the filer, day, code, side."""

    filer: Ints
    day: Ints
    code: Ints
    side: Ints

    def where(self, which: Flags) -> Newly:
        """Those of these places."""
        return Newly(self.filer[which], self.day[which], self.code[which], self.side[which])


def newly_known(histories: Histories, crowd: Crowd) -> Newly:
    """The newly known decisions whose company is looked for."""
    fresh = np.flatnonzero(histories.fresh & (histories.side < TWO_SIDES))
    codes = codes_of(crowd.book, histories.row[fresh]).ravel()
    kept = np.flatnonzero(codes >= 0)
    place = fresh[kept // 2]
    return Newly(histories.numbers[histories.of[place]], histories.day[place], codes[kept], histories.side[place])


class Company:
    """All groups of one as-of date."""

    def __init__(self, crowd: Crowd, thresholds: Thresholds) -> None:
        self.thresholds = thresholds
        self._sides = [Side(crowd, side) for side in range(TWO_SIDES)]

    def possible(self, newly: Newly) -> Flags:
        """Whether enough other filers traded on that side within reach of each trade, whatever they traded."""
        reach = self.thresholds.coordination_days - 1
        keys, which = np.unique(newly.day * len(SIDES) + newly.side, return_inverse=True)
        near = np.zeros((keys.size, self._sides[0].filers), bool)
        for i, (day, side) in enumerate(divmod(key, len(SIDES)) for key in keys.tolist()):
            near[i] = self._sides[side].active(day - reach, day + reach)
        others = np.count_nonzero(near, axis=1)[which] - near[which, newly.filer]
        enough: Flags = others >= self._least(newly.code) - 1
        return enough

    def groups(self, newly: Newly) -> list[tuple[Group, float]]:
        """Groups of enough filers around these trades, `min_z` off, as each filer of these trades sees them, with p."""
        found = [
            one
            for side in distinct(newly.side).tolist()
            for one in self._groups_on(side, newly.where(newly.side == side))
        ]
        tails = company_tails([one.group.others for one in found], [one.others for one in found])
        return [(one.group, p) for one, p in zip(found, tails, strict=True)]

    def rows(self, group: Group) -> Ints:
        """The trades of a group, as rows of the book."""
        side = self._sides[group.side]
        rows = side.known.between(group.start, group.start + self.thresholds.coordination_days - 1).rows
        return np.sort(rows[(codes_of(side.book, rows) == group.code).any(axis=1)])

    def _groups_on(self, number: int, newly: Newly) -> Iterator[Beside]:
        side, days, min_z = self._sides[number], self.thresholds.coordination_days, float(self.thresholds.min_z)
        near = side.known.between(int(newly.day.min()) - days + 1, int(newly.day.max()) + days - 1).coded(side.book)
        found = gatherings(
            near.days, near.codes, near.filers, newly.day, newly.code, newly.filer, days=days, least=self._least
        )
        # With more expected no group can be raised: its exact tail is not worth its time. The rest is for rounding.
        most = most_expected(found.others[found.window], min_z) * (1 + 1e-9) + 1e-9
        for groups, group, filer, look in self._by_window(side, found):
            for i in np.flatnonzero(groups.others_expected(group, filer) <= most[look]).tolist():
                beside = groups.beside(int(group[i]), int(filer[i]), number, min_z)
                if beside is not None:
                    yield beside

    def _by_window(self, side: Side, found: Gatherings) -> Iterator[tuple[Groups, Ints, Ints, slice]]:
        """The gatherings of each first day; of the looks at them the group, the filer, and which of all they are."""
        if not found.start.size:
            return
        days, year = self.thresholds.coordination_days, self.thresholds.baseline_days
        starts = distinct(found.start)
        windows = side.windows(starts.tolist(), days, year)
        past = CodesBefore(side, int(starts[0]) - year, int(starts[-1]) - 1, distinct(found.code))
        bounds = np.append(found.start.searchsorted(starts), found.start.size)
        looks = found.window.searchsorted(bounds)
        for window, part, look in zip(windows, _slices(bounds), _slices(looks), strict=True):
            codes = found.code[part]
            same, own = past.between(window.start - year, window.start - 1, codes, window.filers)
            groups = Groups(window, codes, found.others[part], same, own, self.thresholds.coordination_prior_weight)
            yield groups, found.window[look] - part.start, found.filer[look], look

    def _least(self, codes: Ints) -> Ints:
        """How many filers make a group."""
        of_sector, of_ticker = self.thresholds.sector_coordination_min_filers, self.thresholds.coordination_min_filers
        return np.where(is_sector(codes), of_sector, of_ticker)


def _slices(bounds: Ints) -> list[slice]:
    """The ranges between bounds."""
    return [slice(*pair) for pair in pairwise(bounds.tolist())]
