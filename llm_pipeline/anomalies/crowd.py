"""All filers together on one as-of date: shares, who traded around a day, and how busy everybody was. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import numpy as np
from numpy.typing import NDArray

from llm_pipeline.anomalies.book import TradeBook, day_number
from llm_pipeline.anomalies.thresholds import Thresholds
from llm_pipeline.reference.records import GICS_SECTORS

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

FACTORS: Floats = np.exp(np.linspace(0.0, np.log(64.0), 25))
"""Common activity factors that are compared: from 1 (an ordinary time) to 64, in steps of 19 %."""


@dataclass(frozen=True)
class Crowd:
    """Rows of the book known on the as-of date, by day of the trade: `rows` and `days`."""

    book: TradeBook
    as_of: int
    rows: Ints
    days: Ints
    active_rate: Floats = field(repr=False)
    _chances: dict[int, tuple[Floats, Floats]] = field(default_factory=dict, repr=False, compare=False)
    _totals: dict[tuple[int, int], tuple[Floats, frozenset[int]]] = field(
        default_factory=dict, repr=False, compare=False
    )

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

    def activity(self, end: int, window: int, without: str) -> float:
        """How many times busier than usual the other filers were in the `window` days up to `end`; at least 1.

        In weeks when everybody trades, one filer's burst is no news. Each filer g is active in the window with
        probability 1 - exp(-f * rate_g * window) for a common factor f; only whether, not how much, someone traded
        counts, so one filer's 100 orders do not make a busy week. f is the mode on a grid under a log-normal prior
        around 1 (standard deviation 1), so that a handful of filers cannot move it far.
        Source: the complementary log-log model of grouped survival data (Prentice & Gloeckler 1978, Biometrics 34).
        """
        if (end, window) not in self._totals:
            rows = self.between(end - window + 1, end)
            active = np.zeros(self.active_rate.size)
            active[np.unique(self.book.filer_of_row[rows])] = 1.0
            yes, no = self._chance(window)
            self._totals[end, window] = (active @ yes + (1 - active) @ no, frozenset(np.flatnonzero(active).tolist()))
        total, members = self._totals[end, window]
        own = self.book.number_of(without)
        yes, no = self._chance(window)
        likelihood = total - (yes[own] if own in members else no[own]) - np.log(FACTORS) ** 2 / 2
        return float(FACTORS[int(np.argmax(likelihood))])

    def _chance(self, window: int) -> tuple[Floats, Floats]:
        """Log probabilities of being active and of not being, per filer and factor; 0 for filers without a rate."""
        if window not in self._chances:
            expected = self.active_rate[:, None] * window * FACTORS[None, :]
            with np.errstate(divide="ignore"):
                yes = np.where(expected > 0, np.log(-np.expm1(-expected)), 0.0)
            self._chances[window] = (yes, -expected)
        return self._chances[window]


def crowd_on(book: TradeBook, as_of: date, thresholds: Thresholds) -> Crowd:
    """What was known on that day of the last two baselines, and each filer's days with a trade per day of the last."""
    n, year = day_number(as_of), thresholds.baseline_days
    rows = book.rows_traded_between(n - 2 * year, n)
    rows = rows[(book.disclosed[rows] <= n) & (book.withdrawn[rows] > n)]
    days = book.day[rows]
    recent = rows[np.searchsorted(days, n - year) :]
    pairs = np.unique(book.filer_of_row[recent] * 1_000_000 + book.day[recent]) // 1_000_000
    counts = np.bincount(pairs, minlength=len(book.filer_keys))
    rate = np.where(counts >= thresholds.min_baseline_trades, counts / year, 0.0)
    return Crowd(book, n, rows, days, rate)
