"""All filers together on one as-of date: shares, who traded around a day, and how busy everybody was. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

import numpy as np

from llm_pipeline.anomalies.activity import (
    Activity,
    CommonActivity,
    Floats,
    Ints,
    Sighting,
    posterior,
    reporting_delays,
)
from llm_pipeline.anomalies.book import TradeBook, day_number
from llm_pipeline.anomalies.thresholds import Thresholds
from llm_pipeline.anomalies.trade import SIDES
from llm_pipeline.reference.records import GICS_SECTORS

PRIOR_WINDOWS = (2, 14, 30, 90)
"""Lengths in days for which the variation of the past is measured; others take the next shorter, which varies more."""


@dataclass(frozen=True)
class Crowd:
    """Rows of the book known on the as-of date, by day of the trade: `rows` and `days`.

    filers: of the rows; last_day: of each filer's known trades; public_after: share of trades public so many days after
    the trade; model: of the common activity.
    """

    book: TradeBook
    as_of: int
    rows: Ints
    days: Ints
    filers: Ints
    thresholds: Thresholds
    last_day: Ints = field(repr=False)
    public_after: Floats = field(repr=False)
    model: CommonActivity = field(repr=False)
    _priors: dict[int, Floats] = field(default_factory=dict, repr=False, compare=False)
    _sightings: dict[tuple[int, int], Sighting] = field(default_factory=dict, repr=False, compare=False)
    _likelihoods: dict[tuple[int, int], Floats] = field(default_factory=dict, repr=False, compare=False)

    def between(self, first: int, last: int) -> Ints:
        """Known rows with a trade day in [first, last]."""
        low, high = np.searchsorted(self.days, [first, last + 1])
        return self.rows[low:high]

    def counts(self, first: int, last: int, side: int | None = None) -> Ints:
        """Each filer's known trades with a trade day in [first, last], on one side or any."""
        days, filers = (self.days, self.filers) if side is None else self._by_side[side]
        low, high = days.searchsorted((first, last + 1))
        return np.bincount(filers[low:high], minlength=len(self.book.filer_keys))

    @cached_property
    def _by_side(self) -> list[tuple[Ints, Ints]]:
        """(days, filers) of the known rows on each side."""
        side = self.book.side[self.rows]
        return [(self.days[side == one], self.filers[side == one]) for one in range(len(SIDES))]

    def sector_shares(self, days: int) -> dict[int, float]:
        """Share of each sector number among the known trades of the last `days` days, those without one included."""
        sector = self.book.sector[self.between(self.as_of - days, self.as_of)]
        counts = np.bincount(sector[sector >= 0], minlength=len(GICS_SECTORS))
        total = max(1, int(sector.size))
        return {i: float(n / total) for i, n in enumerate(counts.tolist())}

    def activity(self, end: int, window: int, without: str) -> Activity:
        """How many times busier than usual the other filers were in the `window` days up to `end`; see `activity`."""
        seen = self._seen(end, window)
        if (end, window) not in self._likelihoods:
            self._likelihoods[end, window] = self.model.log_likelihood(seen)
        others = self._likelihoods[end, window] - self.model.log_likelihood_of(self.book.number_of(without), seen)
        return posterior(others, self._prior(window))

    def _seen(self, end: int, window: int) -> Sighting:
        if (end, window) not in self._sightings:
            active = self.counts(end - window + 1, end) > 0
            public = public_share(self.public_after, self.as_of - end, window)
            self._sightings[end, window] = Sighting(window, active, self.last_day > end, public)
        return self._sightings[end, window]

    def _prior(self, window: int) -> Floats:
        length = max((one for one in PRIOR_WINDOWS if one <= window), default=PRIOR_WINDOWS[0])
        if length not in self._priors:
            ends = range(self.as_of, self.as_of - self.thresholds.baseline_days + length, -length)
            self._priors[length] = self.model.prior([self._seen(end, length) for end in ends])
        return self._priors[length]


def public_share(public_after: Floats, age: int, window: int) -> float:
    """Mean share of trades public by now over the days of a window that ended `age` days ago."""
    return float(public_after[np.clip(np.arange(age, age + window), 0, public_after.size - 1)].mean())


def crowd_on(book: TradeBook, as_of: date, thresholds: Thresholds) -> Crowd:
    """What was known on that day of the last two baselines, and each filer's days with a trade per day of the last."""
    n, year = day_number(as_of), thresholds.baseline_days
    rows = book.rows_traded_between(n - 2 * year, n)
    rows = rows[(book.disclosed[rows] <= n) & (book.withdrawn[rows] > n)]
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
    exposure = year * public_share(public_after, 0, year)
    rates = np.where(counts >= thresholds.min_baseline_trades, counts / exposure, 0.0)
    model = CommonActivity(rates)
    return Crowd(book, n, rows, days, of_row, thresholds, last_day, public_after, model)
