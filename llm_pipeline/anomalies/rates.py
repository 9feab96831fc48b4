"""How often a filer trades: counts in a window against the filer's own prior 12 months. Pure; used by detectors.

A window of w days ends on a day of a newly known trade: (end - w, end]. Its baseline is the 12 months before it:
(end - w - 365, end - w], or since the filer's first known trade if that is later.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from llm_pipeline.anomalies.activity import FACTORS, USUAL, Activity
from llm_pipeline.anomalies.tails import dispersion, negative_binomial_tails, predictive_size
from llm_pipeline.anomalies.thresholds import Thresholds

Ints = NDArray[np.int64]

MONTH_DAYS = 30


def count_between(days: Ints, after: int, until: int) -> int:
    """How many sorted days lie in (after, until]."""
    low, high = days.searchsorted((after, until), side="right")
    return int(high - low)


@dataclass(frozen=True)
class Rate:
    """A filer's own rate before a window: `events` in `observed_days`, monthly counts newest first, overdispersion.

    `monthly` are counts in 30-day months that fit into the observed days.
    """

    events: int
    observed_days: int
    monthly: tuple[int, ...]
    overdispersion: float

    def expected(self, days: float) -> float:
        """Expected count in so many days: (events + 1/2) / observed_days, the posterior mean under Jeffreys' prior."""
        return (self.events + 0.5) / self.observed_days * days

    @property
    def size(self) -> float:
        """Size of the predictive negative binomial."""
        return predictive_size(self.events, self.overdispersion)


def rate_before(days: Ints, first_day: int, end: int, thresholds: Thresholds) -> Rate | None:
    """The rate over the 12 months up to and including `end`; None when too few days were observed.

    days: sorted days of what is counted; first_day: when the filer is first known to have traded at all.
    """
    observed = min(thresholds.baseline_days, end - first_day + 1)
    if observed < thresholds.min_observed_days:
        return None
    edges = end - MONTH_DAYS * np.arange(observed // MONTH_DAYS + 1)
    until = days.searchsorted(edges, side="right")
    monthly = until[:-1] - until[1:]
    return Rate(
        events=count_between(days, end - observed, end),
        observed_days=observed,
        monthly=tuple(monthly.tolist()),
        overdispersion=dispersion(
            monthly.astype(float), float(thresholds.dispersion_prior), thresholds.dispersion_prior_months
        ),
    )


@dataclass(frozen=True)
class Excess:
    """A count in a window beside the rate before it; `activity`: how many times busier all others were meanwhile."""

    count: int
    window: int
    rate: Rate
    activity: Activity = USUAL

    @property
    def expected(self) -> float:
        """Expected count in the window."""
        return self.rate.expected(self.window) * self.activity.mean

    @property
    def z(self) -> float:
        """(count - expected) / standard deviation of the predictive distribution, that of the activity included."""
        usual, second = self.rate.expected(self.window), self.activity.mean**2 + self.activity.variance
        spread = self.expected + usual**2 * (second / self.rate.size + self.activity.variance)
        return (self.count - self.expected) / math.sqrt(spread)

    @cached_property
    def p(self) -> float:
        """Predictive negative binomial mid-p: P(more) + P(as many) / 2, averaged over what is known of the activity.

        The whole tail of so small counts is too large on average (Lancaster 1961, J. Am. Stat. Assoc. 56, 223-234).
        """
        means = self.rate.expected(self.window) * FACTORS
        as_many, more = (negative_binomial_tails(k, means, self.rate.size) for k in (self.count, self.count + 1))
        return self.activity.average((as_many + more) / 2)


def excess_in(
    days: Ints, first_day: int, end: int, window: int, thresholds: Thresholds, activity: Activity = USUAL
) -> Excess | None:
    """The count of sorted days in (end - window, end] beside the rate before; None when that rate is not known."""
    rate = rate_before(days, first_day, end - window, thresholds)
    return None if rate is None else Excess(count_between(days, end - window, end), window, rate, activity)


def window_ends(anchors: Ints, window: int) -> list[int]:
    """Ends of windows to test: the latest anchor, then each one at least a third of a window before the last taken.

    Neighbouring windows share most of their trades; testing all of them costs power (each test is paid for by
    Bonferroni) and finds nothing that a window a few days later does not hold.
    """
    ends: list[int] = []
    for day in anchors[::-1].tolist():
        if not ends or ends[-1] - day >= window / 3:
            ends.append(day)
    return ends


def tightest_start(days: Ints, rate_per_day: float, first: int, last: int) -> int:
    """Where the burst that ends on `last` begins: the start whose stretch is least likely under a Poisson rate.

    Looks at starts on days with a trade, not before `first`; the maximum of the scan likelihood ratio (Kulldorff 1997).
    """
    starts = np.unique(days[(days >= first) & (days <= last)])
    counts = np.searchsorted(days, last, side="right") - np.searchsorted(days, starts, side="left")
    means = rate_per_day * (last - starts + 1)
    ratio = np.where(counts > means, counts * np.log(np.maximum(counts / means, 1e-300)) - (counts - means), 0.0)
    return int(starts[int(np.argmax(ratio))])
