"""How often a filer trades: counts in a window against the filer's own prior 12 months. Pure; used by detectors.

A window of w days ends on a day of a newly known trade: (end - w, end]. Its baseline is the 12 months before it:
(end - w - 365, end - w], or since the filer's first known trade if that is later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np

from llm_pipeline.anomalies.detection.activity import FACTORS, Activities
from llm_pipeline.anomalies.detection.history import Flags, Floats, Histories, Ints, stable_order
from llm_pipeline.anomalies.detection.tails import dispersions, negative_binomial_mid_p, predictive_size
from llm_pipeline.anomalies.detection.thresholds import Thresholds
from llm_pipeline.reference.records import GICS_SECTORS

MONTH_DAYS = 30


class Days:
    """Days of several series, each ascending: how many of a series lie in an interval."""

    def __init__(self, of: Ints, day: Ints) -> None:
        """of: number of the series that each day belongs to; days come series by series."""
        self.of, self.day = of, day
        self._before = int(day.min(initial=0)) - 1
        self._span = int(day.max(initial=0)) - self._before + 1
        self._keys = self._key(of, day)

    def _key(self, of: Ints, day: Ints) -> Ints:
        return of * self._span + np.clip(day - self._before, 0, self._span - 1)

    def until(self, of: Ints, day: Ints) -> Ints:
        """Place behind the last day of a series up to and including a day, among all days of all series."""
        return self._keys.searchsorted(self._key(of, day), side="right")

    def between(self, of: Ints, after: Ints, until: Ints) -> Ints:
        """How many days of a series lie in (after, until]."""
        return self.until(of, until) - self.until(of, after)

    def distinct(self) -> Days:
        """Each day of a series once."""
        first = np.ones(self.day.size, bool)
        first[1:] = np.diff(self._keys) != 0
        return Days(self.of[first], self.day[first])


def series_of(of: Ints, sector: Ints) -> Ints:
    """The number of the series of a filer's trades in one sector, -1 included."""
    return of * (len(GICS_SECTORS) + 1) + sector + 1


def days_by_sector(histories: Histories, rows: Flags) -> Days:
    """Days of some of the trades, one series for each filer and sector."""
    series, day = series_of(histories.of[rows], histories.sector[rows]), histories.day[rows]
    order = stable_order(series)  # by day they are already
    return Days(series[order], day[order])


@dataclass(frozen=True)
class Rates:
    """Own rates before windows, one item each: `events` in `observed_days`, overdispersion of the monthly counts.

    monthly: counts in 30-day months back from the window, newest first, one row each; only the first `months` of a row
    fit into the observed days. known: False where too few days were observed; nothing else holds there.
    """

    known: Flags
    events: Ints
    observed_days: Ints
    months: Ints
    monthly: Ints
    overdispersion: Floats

    @property
    def daily(self) -> Floats:
        """Expected count a day: (events + 1/2) / observed_days, the posterior mean under Jeffreys' prior."""
        return (self.events + 0.5) / self.observed_days

    @property
    def sizes(self) -> Floats:
        """Sizes of the predictive negative binomial."""
        return predictive_size(self.events, self.overdispersion)

    def part(self, rows: Ints) -> Rates:
        """Some of the items."""
        return Rates(**{one.name: getattr(self, one.name)[rows] for one in fields(self)})


def rates_before(days: Days, of: Ints, first_days: Ints, ends: Ints, thresholds: Thresholds) -> Rates:
    """The rates over the 12 months up to and including `ends`.

    of: the series asked about; first_days: when its filer is first known to have traded at all.
    """
    observed = np.minimum(thresholds.baseline_days, ends - first_days + 1)
    known = observed >= thresholds.min_observed_days
    observed = np.where(known, observed, thresholds.baseline_days)
    months = observed // MONTH_DAYS
    edges = ends[:, None] - MONTH_DAYS * np.arange(thresholds.baseline_days // MONTH_DAYS + 1)
    until = days.until(of[:, None], edges)
    monthly = until[:, :-1] - until[:, 1:]
    return Rates(
        known=known,
        events=until[:, 0] - days.until(of, ends - observed),
        observed_days=observed,
        months=months,
        monthly=monthly,
        overdispersion=dispersions(
            monthly, months, float(thresholds.dispersion_prior), thresholds.dispersion_prior_months
        ),
    )


@dataclass(frozen=True)
class Excess:
    """A count in a window beside the rate before it, for the evidence.

    activity: how many times busier all others were meanwhile; monthly: counts of the 30-day months before.
    """

    count: int
    window: int
    events: int
    observed_days: int
    monthly: tuple[int, ...]
    overdispersion: float
    activity: float
    expected: float
    z: float
    p: float

    @property
    def daily(self) -> float:
        """Expected count a day at the usual activity."""
        return (self.events + 0.5) / self.observed_days


@dataclass(frozen=True)
class Excesses:
    """Counts in windows beside the rates before them and the activity of all others meanwhile, one item each."""

    counts: Ints
    windows: Ints
    rates: Rates
    activities: Activities

    @cached_property
    def usual(self) -> Floats:
        """Expected counts if the others were as busy as usual."""
        return self.rates.daily * self.windows

    @cached_property
    def expected(self) -> Floats:
        """Expected counts."""
        return self.usual * self.activities.mean

    @cached_property
    def z(self) -> Floats:
        """(count - expected) / standard deviation of the predictive distribution, that of the activity included."""
        mean, variance = self.activities.mean, self.activities.variance
        spread = self.expected + self.usual**2 * ((mean**2 + variance) / self.rates.sizes + variance)
        return (self.counts - self.expected) / np.sqrt(spread)

    @cached_property
    def p(self) -> Floats:
        """Predictive negative binomial mid-p: P(more) + P(as many) / 2, averaged over what is known of the activity.

        The whole tail of so small counts is too large on average (Lancaster 1961, J. Am. Stat. Assoc. 56, 223-234).
        """
        means = self.usual[:, None] * FACTORS
        return self.activities.average(negative_binomial_mid_p(self.counts, means, self.rates.sizes))

    def one(self, i: int) -> Excess:
        """One of them."""
        rates = self.rates
        return Excess(
            count=int(self.counts[i]),
            window=int(self.windows[i]),
            events=int(rates.events[i]),
            observed_days=int(rates.observed_days[i]),
            monthly=tuple(rates.monthly[i, : rates.months[i]].tolist()),
            overdispersion=float(rates.overdispersion[i]),
            activity=float(self.activities.mean[i]),
            expected=float(self.expected[i]),
            z=float(self.z[i]),
            p=float(self.p[i]),
        )


def excesses(
    days: Days,
    of: Ints,
    first_days: Ints,
    ends: Ints,
    windows: Ints,
    activities: Activities,
    thresholds: Thresholds,
) -> Excesses:
    """The counts of series in (end - window, end] beside the rates before; see `rates_before`."""
    rates = rates_before(days, of, first_days, ends - windows, thresholds)
    return Excesses(days.between(of, ends - windows, ends), windows, rates, activities)


def window_ends(anchors: Sequence[int], window: int) -> list[int]:
    """Ends of windows to test: the latest anchor, then each one at least half a window before the last taken.

    Neighbouring windows share most of their trades; testing all of them costs power (each test is paid for by
    Bonferroni) and finds nothing that a window a few days later does not hold.
    """
    ends: list[int] = []
    for day in reversed(anchors):
        if not ends or ends[-1] - day >= window / 2:
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
