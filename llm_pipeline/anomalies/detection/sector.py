"""Detector: trades gather in a sector that the filer's committees oversee. Pure.

Sources: beta-binomial predictive test of a share (Skellam 1948), exact binomial, Fisher's exact test; see `tails`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np

from llm_pipeline.anomalies.detection.book import day_of
from llm_pipeline.anomalies.detection.cautions import sample_cautions
from llm_pipeline.anomalies.detection.congress import Congress
from llm_pipeline.anomalies.detection.crowd import Crowd
from llm_pipeline.anomalies.detection.history import Flags, Floats, Histories, History, Ints, columns_of, first_least
from llm_pipeline.anomalies.detection.rates import (
    Days,
    Excesses,
    days_by_sector,
    rates_before,
    series_of,
    tightest_start,
    window_ends,
)
from llm_pipeline.anomalies.detection.tails import (
    beta_binomial_chances,
    beta_binomial_tail,
    binomial_tail,
    combined_p_values,
    hypergeometric_tail,
)
from llm_pipeline.anomalies.detection.thresholds import Thresholds
from llm_pipeline.anomalies.detection.trade import Classification
from llm_pipeline.anomalies.detection.trial import Finding, Measure, Trial, measure, set_apart, trials_by_filer
from llm_pipeline.reference.records import GICS_SECTORS

DETECTOR = "sector"

_OWN_KINDS: tuple[Classification, ...] = ("SECTOR_CLUSTER", "TIMING_ANOMALY")
"""Reported episodes of these kinds are set apart from the baseline of shares."""

MAX_SHARE_P = 0.01
"""The share itself must be unlikely at 1 %: a general burst of trades is not a sector cluster."""


@dataclass(frozen=True)
class _Shares:
    """Windows of filers beside the 12 months before, for one committee sector each; one item each.

    of: filer; k of n decisions in the window are in the sector, k0 of n0 before; newly: some of the k are newly known.
    """

    of: Ints
    ends: Ints
    windows: Ints
    sectors: Ints
    k: Ints
    n: Ints
    k0: Ints
    n0: Ints
    newly: Flags

    def part(self, rows: Ints | Flags) -> _Shares:
        """Some of the items."""
        return _Shares(**{one.name: getattr(self, one.name)[rows] for one in fields(self)})


def examine_sector(
    histories: Histories,
    congress: Congress,
    crowd: Crowd,
    pooled_shares: Mapping[int, float],
    thresholds: Thresholds,
) -> list[Trial]:
    """One trial a filer: the least likely concentration in one committee sector among the 30- and 90-day windows.

    The base rate of a sector is its share of the filer's trades in the 12 months before the window, to which the
    pooled share of all filers adds `sector_prior_weight` trades. p combines the predictive beta-binomial tails
    of all windows and sectors looked at. Fisher's test on the raw counts is reported.
    """
    shares = _shares(histories, congress, thresholds)
    priors = np.array([_prior(pooled_shares, s, thresholds) for s in range(len(GICS_SECTORS))])
    share_p, burst_p = _share_p(shares, priors, thresholds), np.ones(shares.of.size)
    rare = np.flatnonzero(share_p < 1)
    burst_p[rare] = _burst_p(histories, shares.part(rare), crowd, thresholds)
    p_values = combined_p_values(
        np.concatenate([share_p, burst_p]), np.tile(shares.of, 2), len(histories), np.ones(2 * shares.of.size)
    )
    tests = 2 * np.bincount(shares.of, minlength=len(histories))

    def found(i: int, at: int) -> Trial:
        window = _window(shares, at, priors, thresholds)
        ps = float(share_p[at]), float(p_values[i])

        def describe() -> Finding:
            return _finding(histories.one(i), window, ps, int(tests[i]), thresholds)

        large_enough = window.z >= float(thresholds.min_z)
        return Trial(DETECTOR, histories.filer_keys[i], float(p_values[i]), large_enough, describe)

    tested = set(shares.of.tolist())
    best = first_least(share_p, shares.of, rare)
    return trials_by_filer(DETECTOR, histories.filer_keys, tested, {i: found(i, at) for i, at in best.items()})


@dataclass(frozen=True)
class _Window:
    """One of `_Shares`; base: the share that is usual."""

    end: int
    days: int
    sector: int
    k: int
    n: int
    k0: int
    n0: int
    base: float

    @property
    def z(self) -> float:
        """(observed - expected) / binomial standard deviation."""
        return float((self.k - self.n * self.base) / np.sqrt(self.n * self.base * (1 - self.base)))


def _window(shares: _Shares, at: int, priors: Floats, thresholds: Thresholds) -> _Window:
    columns = (shares.ends, shares.windows, shares.sectors, shares.k, shares.n, shares.k0, shares.n0)
    end, days, sector, k, n, k0, n0 = (int(one[at]) for one in columns)
    base = float((k0 + priors[sector, 0]) / (n0 + thresholds.sector_prior_weight + 1))
    return _Window(end, days, sector, k, n, k0, n0, base)


def _finding(
    history: History, window: _Window, ps: tuple[float, float], tested: int, thresholds: Thresholds
) -> Finding:
    end, first = window.end, window.end - window.days + 1
    chosen = history.counted & (history.sector == window.sector)
    start = tightest_start(history.day[chosen], (window.k0 + 0.5) / thresholds.baseline_days, first, end)
    chosen &= (history.day >= start) & (history.day <= end)
    return Finding(
        classification="SECTOR_CLUSTER",
        detector=DETECTOR,
        subject=GICS_SECTORS[window.sector],
        filer_keys=(history.filer_key,),
        rows=tuple(history.row[chosen].tolist()),
        measures=(
            *_measures(window, int(chosen.sum()), end - start + 1, ps, tested),
            *set_apart(history.set_apart(history.usual(*_OWN_KINDS), first - 1 - thresholds.baseline_days, first - 1)),
        ),
        cautions=sample_cautions(window.n0, first - 1 - history.first_day, thresholds),
    )


def _prior(pooled_shares: Mapping[int, float], sector: int, thresholds: Thresholds) -> tuple[float, float]:
    """What the pooled share adds to the filer's own trades: (in the sector, in any other)."""
    weight, share = thresholds.sector_prior_weight, pooled_shares.get(sector, 0.0)
    return weight * share + 0.5, weight * (1 - share) + 0.5


def _shares(histories: Histories, congress: Congress, thresholds: Thresholds) -> _Shares:
    """All windows with enough trades in them and before, for each sector of a seat."""
    seats = [
        sorted(congress.committee_sectors(key, day_of(anchors[-1]))) if anchors else []
        for key, anchors in zip(histories.filer_keys, histories.anchors, strict=True)
    ]
    of, ends, windows, sectors = columns_of(
        (
            (i, end, window, sector)
            for i, (anchors, own) in enumerate(zip(histories.anchors, seats, strict=True))
            if own
            for window in thresholds.windows_days
            for end in window_ends(anchors, window)
            for sector in own
        ),
        4,
    )
    starts = ends - windows
    usual = histories.usual(*_OWN_KINDS)
    everything, before = (Days(histories.of[one], histories.day[one]) for one in (histories.counted, usual))
    by_sector, before_by_sector, fresh = (
        days_by_sector(histories, one) for one in (histories.counted, usual, histories.fresh)
    )
    series = series_of(of, sectors)
    shares = _Shares(
        of=of,
        ends=ends,
        windows=windows,
        sectors=sectors,
        k=by_sector.between(series, starts, ends),
        n=everything.between(of, starts, ends),
        k0=before_by_sector.between(series, starts - thresholds.baseline_days, starts),
        n0=before.between(of, starts - thresholds.baseline_days, starts),
        newly=fresh.between(series, starts, ends) > 0,
    )
    return shares.part((shares.n0 >= thresholds.min_baseline_trades) & (shares.n >= thresholds.sector_min_trades))


def _share_p(shares: _Shares, priors: Floats, thresholds: Thresholds) -> Floats:
    """Tails of the shares that are unlikely at `MAX_SHARE_P` and hold something new; 1 for the others."""
    asked = np.flatnonzero(shares.newly & (shares.k >= thresholds.sector_min_trades))
    k, n = shares.k[asked], shares.n[asked]
    a, b = (
        shares.k0[asked] + priors[shares.sectors[asked], 0],
        (shares.n0 - shares.k0)[asked] + priors[shares.sectors[asked], 1],
    )
    # No tail is below one of its terms: most windows need no sum.
    likely = beta_binomial_chances(np.maximum(k, (n * a / (a + b)).astype(np.int64)), n, a, b) > MAX_SHARE_P
    tails = np.ones(shares.of.size)
    for at, *counts in zip(asked[~likely].tolist(), *(one[~likely].tolist() for one in (k, n, a, b)), strict=True):
        p = beta_binomial_tail(*counts)
        tails[at] = p if p <= MAX_SHARE_P else 1.0
    return tails


def _burst_p(histories: Histories, shares: _Shares, crowd: Crowd, thresholds: Thresholds) -> Floats:
    """How rare so many days with a trade in the sector are; those of reported episodes count in the window only."""
    of, starts, series = shares.of, shares.ends - shares.windows, series_of(shares.of, shares.sectors)
    busy = crowd.activities(shares.ends, shares.windows, histories.numbers[of])
    counted, taught = (days_by_sector(histories, one).distinct() for one in (histories.counted, histories.unreported))
    rates = rates_before(taught, series, histories.first_days[of], starts, thresholds)
    burst = Excesses(counted.between(series, starts, shares.ends), shares.windows, rates, busy)
    return np.where(rates.known, burst.p, 1.0)


def _measures(
    window: _Window, burst: int, burst_days: int, ps: tuple[float, float], tested: int
) -> tuple[Measure, ...]:
    k, n, k0, n0, base = window.k, window.n, window.k0, window.n0, window.base
    return (
        measure("sector_trades", k, n, f"decisions in the sector in {window.days} days"),
        measure("window_days", window.days, n, "length of the window"),
        measure(
            "burst_trades",
            burst,
            k,
            f"of them in its last {burst_days} days, the burst, listed with those of earlier sights",
        ),
        measure("sector_share", k / n, n, "share of the window's decisions"),
        measure("baseline_sector_trades", k0, n0, "decisions in the sector in the 12 months before"),
        measure("baseline_sector_share", base, n0, "own share, with the pooled share as prior"),
        measure("baseline_deviation_pct", 100 * (k / n / base - 1), n0, "share / baseline share - 1"),
        measure("z_score", window.z, n, "(observed - expected) / binomial sd"),
        measure("binomial_p", binomial_tail(k, n, base), n, "exact binomial tail at the baseline share"),
        measure("fisher_p", hypergeometric_tail(k, n, k + k0, n + n0), n + n0, "Fisher's exact test on raw counts"),
        measure("beta_binomial_p", ps[0], n + n0, "predictive beta-binomial tail"),
        measure("p_value", ps[1], tested, "Cauchy combination over all windows and sectors looked at"),
    )
