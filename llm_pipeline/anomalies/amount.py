"""Detector: amounts above what the filer is used to. Pure.

Amounts are published as ranges, so arithmetic is on the range index (1-11), which is close to a logarithmic scale.
Two questions about the newly known trades: is their mean index higher than a random pick from the filer's own trades
(permutation test), and are more of them above the filer's own 90th percentile (Fisher's exact test). Where the share is
unusual at 5 %, how rare so many large trades in so few days are counts too (predictive negative binomial).
Sources: Pitman (1937) and Fisher (1935), see `tails`; Welch (1947), Biometrika 34, 28-35 for the t reported beside.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from llm_pipeline.anomalies.history import History
from llm_pipeline.anomalies.cautions import sample_cautions
from llm_pipeline.anomalies.crowd import Crowd
from llm_pipeline.anomalies.rates import excess_in
from llm_pipeline.anomalies.tails import combined_p, hypergeometric_tail, subset_sum_tail
from llm_pipeline.anomalies.thresholds import Thresholds
from llm_pipeline.anomalies.trial import Finding, Measure, Trial, measure, no_test

DETECTOR = "amount"
Ints = NDArray[np.int64]


def large_from(baseline: Ints) -> int:
    """The smallest index above the baseline's 90th percentile (the value at rank ceil(0.9 n))."""
    return int(np.sort(baseline)[math.ceil(0.9 * baseline.size) - 1]) + 1


def welch_t(new: Ints, baseline: Ints) -> float | None:
    """Welch's t of the difference in means; None when a sample has fewer than 2 values or nothing varies."""
    if min(new.size, baseline.size) < 2:
        return None
    spread = new.var(ddof=1) / new.size + baseline.var(ddof=1) / baseline.size
    return float((new.mean() - baseline.mean()) / math.sqrt(spread)) if spread > 0 else None


def examine_amount(history: History, crowd: Crowd, thresholds: Thresholds) -> Trial:
    """One trial on the newly known trades of the last 90 days of transactions among them.

    The baseline is every known trade with a range in the 12 months before the first of them. p combines the
    three tests.
    """
    usable = history.counted & (history.index > 0)
    fresh = usable & history.new
    if np.count_nonzero(fresh) < thresholds.amount_min_trades:
        return no_test(DETECTOR, history.filer_key)
    end = int(history.day[fresh].max())
    fresh &= history.day > end - thresholds.windows_days[1]
    start = int(history.day[fresh].min())
    before = (
        usable
        & history.usual("AMOUNT_ANOMALY")
        & (history.day < start)
        & (history.day >= start - thresholds.baseline_days)
    )
    baseline, new = history.index[before], history.index[fresh]
    if baseline.size < thresholds.min_baseline_trades or new.size < thresholds.amount_min_trades:
        return no_test(DETECTOR, history.filer_key)
    level = large_from(baseline)
    large, large_before = int((new >= level).sum()), int((baseline >= level).sum())
    p_mean = subset_sum_tail(new, baseline)
    p_share = hypergeometric_tail(large, new.size, large + large_before, new.size + baseline.size)
    p_rate = 1.0
    if p_share <= 0.05 and large >= thresholds.amount_min_trades:
        span = max(thresholds.burst_days, end - start + 1)
        days = np.sort(history.day[(before | fresh) & (history.index >= level)])
        rare = excess_in(days, history.first_day, end, span, thresholds, crowd.activity(end, span, history.filer_key))
        p_rate = 1.0 if rare is None else rare.p
    p_value = combined_p([p_mean, p_share, p_rate])
    spread = max(float(baseline.std(ddof=1)), 0.5)
    top = new[new >= level]
    z = float((top.mean() - baseline.mean()) / spread) if top.size else 0.0
    enough = large >= thresholds.amount_min_trades and float(top.mean() - baseline.mean()) >= float(
        thresholds.amount_min_steps
    )

    def describe() -> Finding:
        rows = history.row[fresh & (history.index >= level)]
        return Finding(
            classification="AMOUNT_ANOMALY",
            detector=DETECTOR,
            subject="",
            filer_keys=(history.filer_key,),
            rows=tuple(rows.tolist()),
            measures=_measures(new, baseline, level, z, (p_mean, p_share, p_rate), p_value),
            cautions=sample_cautions(int(baseline.size), start - history.first_day, thresholds),
        )

    return Trial(DETECTOR, history.filer_key, p_value, enough and z >= float(thresholds.min_z), describe)


def _measures(
    new: Ints, baseline: Ints, level: int, z: float, tails: tuple[float, float, float], p_value: float
) -> tuple[Measure, ...]:
    n, m = int(baseline.size), int(new.size)
    p_mean, p_share, p_rate = tails
    large, large_before = int((new >= level).sum()), int((baseline >= level).sum())
    mean = float(baseline.mean())
    return (
        measure("mean_amount_index", float(new.mean()), m, "mean range index of the newly known trades"),
        measure("baseline_mean_amount_index", mean, n, "mean range index of the 12 months before"),
        measure("baseline_sd_amount_index", float(baseline.std(ddof=1)), n, "standard deviation"),
        measure("large_from_index", level, n, "smallest index above the baseline's 90th percentile"),
        measure("large_trades", large, m, "newly known trades at or above it"),
        measure("baseline_large_trades", large_before, n, "baseline trades at or above it"),
        measure("baseline_deviation_pct", 100 * (float(new.mean()) / mean - 1), n, "mean index / baseline mean - 1"),
        measure("z_score", z, n, "(mean index of the large trades - baseline mean) / baseline sd, sd at least 1/2"),
        measure("welch_t", welch_t(new, baseline), m + n, "Welch's t of the means"),
        measure("permutation_p", p_mean, m + n, "permutation test of the mean index"),
        measure("fisher_p", p_share, m + n, "Fisher's exact test of the share of large trades"),
        measure(
            "large_rate_p", p_rate, n, "predictive negative binomial tail of large trades, 1 unless fisher_p <= 0.05"
        ),
        measure("p_value", p_value, m + n, "Cauchy combination of the three"),
    )
