"""Detector: more trades in 14, 30 or 90 days than the filer's own 12 months before make likely. Pure.

Counts are decisions (the same asset, side and day in several accounts is one), savings plans and trades of
episodes already reported left out.
Sources: Poisson and negative binomial tails as in `tails`; exact conditional comparison of two Poisson rates by
Przyborowski & Wilenski (1940), Biometrika 31, 313-323; robust z with 1.4826 x MAD by Iglewicz & Hoaglin (1993).
"""

from __future__ import annotations

import numpy as np

from llm_pipeline.anomalies.book import History
from llm_pipeline.anomalies.cautions import sample_cautions
from llm_pipeline.anomalies.rates import Rate, count_between, rate_before, tightest_start
from llm_pipeline.anomalies.tails import binomial_tail, poisson_tail
from llm_pipeline.anomalies.thresholds import Thresholds
from llm_pipeline.anomalies.trial import Finding, Measure, Trial, measure, no_evidence

DETECTOR = "frequency"


def robust_z(count: int, monthly: tuple[int, ...], months: float) -> float | None:
    """(count per month - median) / (1.4826 MAD) of the baseline's months; None when the MAD is 0 (most months alike)."""
    if not monthly:
        return None
    values = np.asarray(monthly, dtype=float)
    middle = float(np.median(values))
    mad = float(np.median(np.abs(values - middle)))
    return (count / months - middle) / (1.4826 * mad) if mad > 0 else None


def examine_frequency(history: History, thresholds: Thresholds) -> Trial:
    """One trial: the least likely of the 14-, 30- and 90-day windows that end on a newly known trade.

    p is the predictive negative binomial tail, times the number of windows looked at (Bonferroni).
    """
    days, anchors = history.day[history.unreported], history.anchors
    if anchors.size == 0:
        return no_evidence(DETECTOR, history.filer_key)
    first_day = int(history.day[0])
    best: tuple[float, int, int, int, Rate] | None = None
    tested = 0
    for window in (thresholds.burst_days, *thresholds.windows_days):
        for end in anchors.tolist():
            rate = rate_before(days, first_day, end - window, thresholds)
            if rate is None or rate.events < thresholds.min_baseline_trades:
                continue
            tested += 1
            count = count_between(days, end - window, end)
            p = rate.tail(count, window)
            if count >= thresholds.frequency_min_trades and (best is None or p < best[0]):
                best = (p, window, end, count, rate)
    if best is None:
        return no_evidence(DETECTOR, history.filer_key)
    p, window, end, count, rate = best
    z = (count - rate.expected(window)) / rate.spread(window)
    p_value = min(1.0, p * tested)

    def describe() -> Finding:
        start = tightest_start(days, rate.expected(1), end - window + 1, end)
        inside = history.unreported & (history.day >= start) & (history.day <= end)
        return Finding(
            classification="FREQUENCY_SPIKE",
            detector=DETECTOR,
            subject="",
            filer_keys=(history.filer_key,),
            rows=tuple(history.row[inside].tolist()),
            measures=_measures(count, window, rate, z, p, p_value, tested),
            cautions=sample_cautions(rate.events, rate.observed_days, thresholds),
        )

    return Trial(DETECTOR, history.filer_key, p_value, z >= float(thresholds.min_z), describe)


def _measures(
    count: int, window: int, rate: Rate, z: float, p: float, p_value: float, tested: int
) -> tuple[Measure, ...]:
    n, expected = rate.events, rate.expected(window)
    share = window / (window + rate.observed_days)
    return (
        measure("trades_in_window", count, count, f"decisions in {window} days"),
        measure("window_days", window, count, "length of the window"),
        measure("baseline_trades", n, n, f"decisions in the {rate.observed_days} days before the window"),
        measure("expected_trades", expected, n, "(baseline + 1/2) / days observed x window days"),
        measure("baseline_deviation_pct", 100 * (count / expected - 1), n, "observed / expected - 1"),
        measure("overdispersion", rate.overdispersion, len(rate.monthly), "moments of monthly counts, shrunk"),
        measure("z_score", z, n, "(observed - expected) / sd of the predictive negative binomial"),
        measure("robust_z", robust_z(count, rate.monthly, window / 30), len(rate.monthly), "median and 1.4826 MAD"),
        measure("poisson_p", poisson_tail(count, expected), n, "Poisson tail at the expected count"),
        measure("exact_rate_ratio_p", binomial_tail(count, count + n, share), count + n, "conditional binomial test"),
        measure("negative_binomial_p", p, n, "predictive negative binomial tail"),
        measure("p_value", p_value, tested, "negative_binomial_p x windows looked at"),
    )
