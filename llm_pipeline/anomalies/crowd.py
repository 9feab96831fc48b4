"""All filers together on one as-of date: shares, who traded around a day, and how busy everybody was. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

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
from llm_pipeline.reference.records import GICS_SECTORS

PRIOR_WINDOWS = (2, 14, 30, 90)
"""Lengths in days for which the variation of the past is measured; others take the next shorter, which varies more."""


@dataclass(frozen=True)
class Crowd:
    """Rows of the book known on the as-of date, by day of the trade: `rows` and `days`.

    last_day: of each filer's known trades; public_after: share of trades public so many days after the trade; model:
    of the common activity.
    """

    book: TradeBook
    as_of: int
    rows: Ints
    days: Ints
    thresholds: Thresholds
    last_day: Ints = field(repr=False)
    public_after: Floats = field(repr=False)
    model: CommonActivity = field(repr=False)
    _priors: dict[int, Floats] = field(default_factory=dict, repr=False, compare=False)
    _sightings: dict[tuple[int, int], Sighting] = field(default_factory=dict, repr=False, compare=False)

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

    def activity(self, end: int, window: int, without: str) -> Activity:
        """How many times busier than usual the other filers were in the `window` days up to `end`; see `activity`."""
        likelihood = self.model.log_likelihood(self._seen(end, window), self.book.number_of(without))
        return posterior(likelihood, self._prior(window))

    def _seen(self, end: int, window: int) -> Sighting:
        if (end, window) not in self._sightings:
            active = np.unique(self.book.filer_of_row[self.between(end - window + 1, end)])
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
    old = rows[: np.searchsorted(days, n - longest, side="right")]
    public_after = reporting_delays(book.filer_of_row[old], book.disclosed[old] - book.day[old], longest)
    last_day = np.full(len(book.filer_keys), n - 2 * year - 1, np.int64)
    last_day[book.filer_of_row[rows]] = days
    recent = rows[np.searchsorted(days, n - year) :]
    pairs = np.unique(book.filer_of_row[recent] * 1_000_000 + book.day[recent]) // 1_000_000
    counts = np.bincount(pairs, minlength=len(book.filer_keys))
    exposure = year * public_share(public_after, 0, year)
    rates = np.where(counts >= thresholds.min_baseline_trades, counts / exposure, 0.0)
    return Crowd(book, n, rows, days, thresholds, last_day, public_after, CommonActivity(rates))
