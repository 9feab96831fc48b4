"""Detector: amounts above what the filer is used to. Pure.

Amounts are published as ranges, so arithmetic is on the range index (1-11), which is close to a logarithmic scale.
Two questions about the newly known trades: is their mean index higher than a random pick from the filer's own trades
(permutation test), and are more of them above the filer's own 90th percentile (Fisher's exact test). Where the share is
unusual at 5 %, how rare so many large trades in so few days are counts too (predictive negative binomial).
Sources: Pitman (1937) and Fisher (1935), see `tails`; Welch (1947), Biometrika 34, 28-35 for the t reported beside.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from llm_pipeline.anomalies.detection.cautions import sample_cautions
from llm_pipeline.anomalies.detection.crowd import Crowd
from llm_pipeline.anomalies.detection.history import Flags, Histories, Ints
from llm_pipeline.anomalies.detection.rates import Days, excesses
from llm_pipeline.anomalies.detection.tails import combined_p, hypergeometric_tail, subset_sum_tail
from llm_pipeline.anomalies.detection.thresholds import Thresholds
from llm_pipeline.anomalies.detection.trial import Finding, Measure, Trial, measure, set_apart, trials_by_filer

DETECTOR = "amount"

LARGEST_INDEX = 11
"""The highest of the statutory ranges."""


def large_from(baseline: Ints) -> int:
    """The smallest index above the baseline's 90th percentile (the value at rank ceil(0.9 n))."""
    return int(np.sort(baseline)[math.ceil(0.9 * baseline.size) - 1]) + 1


def welch_t(new: Ints, baseline: Ints) -> float | None:
    """Welch's t of the difference in means; None when a sample has fewer than 2 values or nothing varies."""
    if min(new.size, baseline.size) < 2:
        return None
    spread = new.var(ddof=1) / new.size + baseline.var(ddof=1) / baseline.size
    return float((new.mean() - baseline.mean()) / math.sqrt(spread)) if spread > 0 else None


@dataclass(frozen=True)
class _Amounts:
    """Range indices of a filer's newly known trades and of the baseline, and how unusual the new ones are.

    fresh: the newly known trades among the filer's; start, end: first and last day of them; level: smallest index
    that counts as large; p_rate: 1 where it was not asked.
    """

    fresh: Flags
    start: int
    end: int
    new: Ints
    baseline: Ints
    level: int
    p_mean: float
    p_share: float
    p_rate: float = 1.0

    @property
    def p_value(self) -> float:
        """Of the trial."""
        return combined_p([self.p_mean, self.p_share, self.p_rate])

    @property
    def top(self) -> Ints:
        """The large ones of the newly known trades."""
        return self.new[self.new >= self.level]

    @property
    def steps(self) -> float:
        """Mean index of the large trades above the baseline mean; 0 if there is none."""
        return float(self.top.mean() - self.baseline.mean()) if self.top.size else 0.0

    @property
    def z(self) -> float:
        """The same in standard deviations of the baseline, which count as at least half a range."""
        return self.steps / max(float(self.baseline.std(ddof=1)), 0.5)


def examine_amount(histories: Histories, crowd: Crowd, thresholds: Thresholds) -> list[Trial]:
    """One trial a filer, on the newly known trades of the last 90 days of transactions among them.

    The baseline is every known trade with a range in the 12 months before the first of them. p combines the
    three tests.
    """
    n, of, day = len(histories), histories.of, histories.day
    ranged = histories.index > 0
    fresh = histories.fresh & ranged
    last, first = np.full(n, -1), np.full(n, np.iinfo(np.int64).max)
    np.maximum.at(last, of[fresh], day[fresh])
    fresh &= day > last[of] - thresholds.windows_days[1]
    np.minimum.at(first, of[fresh], day[fresh])
    start = first[of]
    before = histories.usual("AMOUNT_ANOMALY") & ranged & (day < start) & (day >= start - thresholds.baseline_days)
    enough = (np.bincount(of[fresh], minlength=n) >= thresholds.amount_min_trades) & (
        np.bincount(of[before], minlength=n) >= thresholds.min_baseline_trades
    )
    found = {}
    for i in np.flatnonzero(enough).tolist():
        part = slice(histories.starts[i], histories.starts[i + 1])
        index = histories.index[part]
        found[i] = _amounts(index[before[part]], index[fresh[part]], fresh[part], int(first[i]), int(last[i]))
    found |= _with_rates(histories, before | fresh, found, crowd, thresholds)
    trials = {i: _trial(histories, i, one, thresholds) for i, one in found.items()}
    return trials_by_filer(DETECTOR, histories.filer_keys, found, trials)


def _amounts(baseline: Ints, new: Ints, fresh: Flags, start: int, end: int) -> _Amounts:
    level = large_from(baseline)
    large, large_before = int((new >= level).sum()), int((baseline >= level).sum())
    p_share = hypergeometric_tail(large, new.size, large + large_before, new.size + baseline.size)
    return _Amounts(fresh, start, end, new, baseline, level, subset_sum_tail(new, baseline), p_share)


def _with_rates(
    histories: Histories, seen: Flags, found: Mapping[int, _Amounts], crowd: Crowd, thresholds: Thresholds
) -> dict[int, _Amounts]:
    """How rare so many large trades in so few days are, for those whose share of them is unusual at 5 %."""
    asked = {i: one for i, one in found.items() if one.p_share <= 0.05 and one.top.size >= thresholds.amount_min_trades}
    of = np.array(list(asked), np.int64)
    ends = np.array([one.end for one in asked.values()], np.int64)
    spans = np.array([max(thresholds.burst_days, one.end - one.start + 1) for one in asked.values()], np.int64)
    levels = np.full(len(histories), LARGEST_INDEX + 1)
    levels[of] = [one.level for one in asked.values()]
    large = seen & (histories.index >= levels[histories.of])
    days = Days(histories.of[large], histories.day[large])
    busy = crowd.activities(ends, spans, histories.numbers[of])
    rare = excesses(days, of, histories.first_days[of], ends, spans, busy, thresholds)
    p_rates = np.where(rare.rates.known, rare.p, 1.0).tolist()
    return {i: replace(one, p_rate=p_rate) for (i, one), p_rate in zip(asked.items(), p_rates, strict=True)}


def _trial(histories: Histories, i: int, amounts: _Amounts, thresholds: Thresholds) -> Trial:
    large_enough = (
        amounts.top.size >= thresholds.amount_min_trades
        and amounts.steps >= float(thresholds.amount_min_steps)
        and amounts.z >= float(thresholds.min_z)
    )

    def describe() -> Finding:
        history = histories.one(i)
        usual, before = history.usual("AMOUNT_ANOMALY"), amounts.start - 1 - thresholds.baseline_days
        return Finding(
            classification="AMOUNT_ANOMALY",
            detector=DETECTOR,
            subject="",
            filer_keys=(history.filer_key,),
            rows=tuple(history.row[amounts.fresh & (history.index >= amounts.level)].tolist()),
            measures=(*_measures(amounts), *set_apart(history.set_apart(usual, before, amounts.start - 1))),
            cautions=sample_cautions(amounts.baseline.size, amounts.start - history.first_day, thresholds),
        )

    return Trial(DETECTOR, histories.filer_keys[i], amounts.p_value, large_enough, describe)


def _measures(amounts: _Amounts) -> tuple[Measure, ...]:
    new, baseline, level = amounts.new, amounts.baseline, amounts.level
    n, m = int(baseline.size), int(new.size)
    large, large_before = amounts.top.size, int((baseline >= level).sum())
    mean = float(baseline.mean())
    return (
        measure("mean_amount_index", float(new.mean()), m, "mean range index of the newly known trades"),
        measure("baseline_mean_amount_index", mean, n, "mean range index of the 12 months before"),
        measure("baseline_sd_amount_index", float(baseline.std(ddof=1)), n, "standard deviation"),
        measure("large_from_index", level, n, "smallest index above the baseline's 90th percentile"),
        measure("large_trades", large, m, "newly known trades at or above it"),
        measure("baseline_large_trades", large_before, n, "baseline trades at or above it"),
        measure("baseline_deviation_pct", 100 * (float(new.mean()) / mean - 1), n, "mean index / baseline mean - 1"),
        measure(
            "z_score", amounts.z, n, "(mean index of the large trades - baseline mean) / baseline sd, sd at least 1/2"
        ),
        measure("welch_t", welch_t(new, baseline), m + n, "Welch's t of the means"),
        measure("permutation_p", amounts.p_mean, m + n, "permutation test of the mean index"),
        measure("fisher_p", amounts.p_share, m + n, "Fisher's exact test of the share of large trades"),
        measure(
            "large_rate_p",
            amounts.p_rate,
            n,
            "predictive negative binomial tail of large trades, 1 unless fisher_p <= 0.05",
        ),
        measure("p_value", amounts.p_value, m + n, "Cauchy combination of the three"),
    )
