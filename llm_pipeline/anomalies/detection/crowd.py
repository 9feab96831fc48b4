"""All filers together on one as-of date: shares, who traded around a day, and how busy everybody was. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

import numpy as np

from llm_pipeline.anomalies.detection.activity import (
    FACTORS,
    Activities,
    CommonActivity,
    Sightings,
    posteriors,
    reporting_delays,
)
from llm_pipeline.anomalies.detection.book import TradeBook, day_number
from llm_pipeline.anomalies.detection.history import Floats, Ints
from llm_pipeline.anomalies.detection.thresholds import Thresholds
from llm_pipeline.reference.records import GICS_SECTORS

LONGEST = 1 << 12
"""No window has so many days."""

PRIOR_WINDOWS = (2, 14, 30, 90)
"""Lengths in days for which the variation of the past is measured; others take the next shorter, which varies more."""


@dataclass(frozen=True)
class Crowd:
    """Rows of the book known on the as-of date, by day of the trade: `rows` and `days`.

    filers: of the rows; modelled: filers whose habit is known well enough for the model of the common activity, by
    number; last_day: of each one's known trades; public_after: share of trades public so many days after the trade.
    """

    book: TradeBook
    as_of: int
    rows: Ints
    days: Ints
    filers: Ints
    thresholds: Thresholds
    modelled: Ints = field(repr=False)
    last_day: Ints = field(repr=False)
    public_after: Floats = field(repr=False)
    model: CommonActivity = field(repr=False)
    _priors: dict[int, Floats] = field(default_factory=dict, repr=False, compare=False)

    def between(self, first: int, last: int) -> Ints:
        """Known rows with a trade day in [first, last]."""
        low, high = np.searchsorted(self.days, [first, last + 1])
        return self.rows[low:high]

    def sector_shares(self, days: int) -> dict[int, float]:
        """Share of each sector number among the known trades of the last `days` days, those without one included."""
        sector = self.book.sector[self.between(self.as_of - days, self.as_of)]
        counts = np.bincount(sector[sector >= 0], minlength=len(GICS_SECTORS))
        total = max(1, int(sector.size))
        return {i: float(n / total) for i, n in enumerate(counts.tolist())}

    def activities(self, ends: Ints, windows: Ints, without: Ints) -> Activities:
        """How many times busier than usual the other filers were in `windows` days up to `ends`; see `activity`.

        without: for each window, the number of the filer who is asked about.
        """
        if ends.size == 0:
            return Activities(np.empty((0, FACTORS.size)))
        key, of = np.unique(ends * LONGEST + windows, return_inverse=True)
        seen = self._seen(key // LONGEST, key % LONGEST)
        others = self.model.log_likelihoods(seen)[of]
        place = self._place[without]
        known = np.flatnonzero(place >= 0)  # nobody else says anything about the common activity
        others[known] -= self.model.log_likelihoods_of(place[known], seen, of[known])
        lengths, which = np.unique(windows, return_inverse=True)
        return posteriors(others, np.array([self._prior(length) for length in lengths.tolist()])[which])

    @cached_property
    def _place(self) -> Ints:
        """Place of each filer in the model, -1 for none."""
        place = np.full(len(self.book.filer_keys), -1, np.int64)
        place[self.modelled] = np.arange(self.modelled.size)
        return place

    @cached_property
    def _modelled_trades(self) -> tuple[Ints, Ints]:
        """(days, places in the model) of the known trades of the filers in the model."""
        place = self._place[self.filers]
        return self.days[place >= 0], place[place >= 0]

    def _seen(self, ends: Ints, windows: Ints) -> Sightings:
        days, place = self._modelled_trades
        active = np.zeros((ends.size, self.modelled.size), bool)
        low, high = days.searchsorted(ends - windows, side="right"), days.searchsorted(ends, side="right")
        for i, (first, last) in enumerate(zip(low.tolist(), high.tolist(), strict=True)):
            active[i, place[first:last]] = True
        public = public_shares(self.public_after, self.as_of - ends, windows)
        return Sightings(windows, active, self.last_day[None, :] > ends[:, None], public)

    def _prior(self, window: int) -> Floats:
        length = max((one for one in PRIOR_WINDOWS if one <= window), default=PRIOR_WINDOWS[0])
        if length not in self._priors:
            ends = np.arange(self.as_of, self.as_of - self.thresholds.baseline_days + length, -length)
            self._priors[length] = self.model.prior(self._seen(ends, np.full(ends.size, length)))
        return self._priors[length]


def public_shares(public_after: Floats, ages: Ints, windows: Ints) -> Floats:
    """Mean shares of trades public by now over the days of windows that ended `ages` days ago.

    public_after: the last of them holds from then on, the first for days that are still to come.
    """
    day = np.arange(int(windows.max(initial=0)))
    shares = public_after[np.clip(ages[:, None] + day, 0, public_after.size - 1)]
    return np.where(day < windows[:, None], shares, 0.0).sum(axis=1) / windows


def crowd_on(book: TradeBook, as_of: date, thresholds: Thresholds) -> Crowd:
    """What was known on that day of the last two baselines, and each filer's days with a trade per day of the last one.

    Days are counted from a filer's first known trade: who began to report lately is not busier than usual.
    """
    n, year = day_number(as_of), thresholds.baseline_days
    rows = book.rows_traded_between(n - 2 * year, n)
    rows = rows[book.known(as_of, rows)]
    days = book.day[rows]
    longest = year // 2
    of_row, keys = book.filer_of_row[rows], len(book.filer_keys)
    old = int(days.searchsorted(n - longest, side="right"))
    public_after = reporting_delays(of_row[:old], book.disclosed[rows[:old]] - days[:old], longest)
    last_day = np.full(keys, n - 2 * year - 1, np.int64)
    last_day[of_row] = days
    recent = int(days.searchsorted(n - year))
    traded = np.zeros((year + 1, keys), bool)
    traded[days[recent:] - (n - year), of_row[recent:]] = True
    counts = traded.sum(axis=0)
    modelled = np.flatnonzero(counts >= max(1, thresholds.min_baseline_trades))
    observed = np.clip(
        n + 1 - book.first_days_of(np.flatnonzero(book.known(as_of))), thresholds.min_observed_days, year
    )
    exposure = np.cumsum(public_after[np.minimum(np.arange(year), longest)])[observed[modelled] - 1]
    model = CommonActivity(counts[modelled] / exposure)
    return Crowd(book, n, rows, days, of_row, thresholds, modelled, last_day[modelled], public_after, model)
