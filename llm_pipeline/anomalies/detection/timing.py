"""Detector: three or more trades inside 48 hours. Pure.

Reports carry dates without times, so 48 hours are two consecutive days. Filers whose broker trades in batches have
such clusters all year; therefore a cluster must be unlikely twice: as a scan statistic of a Poisson process with the
filer's rate, and as a size among the filer's own earlier clusters.
Sources: Naus (1982) for the scan statistic; geometric sizes with Jeffreys' prior; see `tails`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from llm_pipeline.anomalies.detection.activity import FACTORS
from llm_pipeline.anomalies.detection.cautions import sample_cautions
from llm_pipeline.anomalies.detection.crowd import Crowd
from llm_pipeline.anomalies.detection.history import Histories, History, Ints, columns_of, first_least
from llm_pipeline.anomalies.detection.rates import Days, Excess, Excesses, rates_before
from llm_pipeline.anomalies.detection.tails import geometric_run_tail, scan_tail
from llm_pipeline.anomalies.detection.thresholds import Thresholds
from llm_pipeline.anomalies.detection.trial import Finding, Trial, measure, set_apart, trials_by_filer

DETECTOR = "timing"


def cluster_sizes(days: Ints, width: int) -> Ints:
    """Sizes of clusters of sorted days: a cluster takes every trade within `width` days from its first one."""
    after = days.searchsorted(days + width).tolist()
    sizes, i = [], 0
    while i < len(after):
        sizes.append(after[i] - i)
        i = after[i]
    return np.asarray(sizes, dtype=np.int64)


@dataclass(frozen=True)
class _Cluster:
    """The largest cluster of a filer: its trades beside the own rate, earlier clusters, and how unlikely it is."""

    end: int
    trades: Excess
    sizes: Ints
    period: int
    scan_p: float
    size_p: float

    @property
    def p_value(self) -> float:
        """Of the trial."""
        return max(self.scan_p, self.size_p)


def examine_timing(histories: Histories, crowd: Crowd, thresholds: Thresholds) -> list[Trial]:
    """One trial a filer: the largest 48-hour cluster that ends on a newly known trade.

    p is the larger of the scan p over the period since the filer's previous disclosure window (30 days at least) and
    the size p times the number of days looked at.
    """
    width = thresholds.cluster_hours // 24
    of, ends = columns_of(((i, end) for i, anchors in enumerate(histories.anchors) for end in anchors), 2)
    counts = Days(histories.of[histories.counted], histories.day[histories.counted]).between(of, ends - width, ends)
    largest = np.array(list(first_least(-counts, of, np.arange(of.size)).values()), np.int64)
    of, ends, counts = of[largest], ends[largest], counts[largest]
    usual = Days(histories.of[histories.unreported], histories.day[histories.unreported])
    rates = rates_before(usual, of, histories.first_days[of], ends - width, thresholds)
    usable = rates.known & (rates.events >= thresholds.min_baseline_trades)
    tested = set(of[usable].tolist())
    enough = np.flatnonzero(usable & (counts >= thresholds.cluster_min_trades))
    of, ends, rates = of[enough], ends[enough], rates.part(enough)
    windows = np.full(of.size, width)
    busy = crowd.activities(ends, windows, histories.numbers[of])
    trades = Excesses(counts[enough], windows, rates, busy)
    expected = zip(trades.counts.tolist(), trades.usual, strict=True)
    nearby = [scan_tail(count, mean * FACTORS) for count, mean in expected]
    scan_p = busy.average(np.array(nearby).reshape(-1, FACTORS.size)).tolist()
    since, until = usual.until(of, ends - width - rates.observed_days), usual.until(of, ends - width)
    found = {}
    for at, i in enumerate(of.tolist()):
        anchors = histories.anchors[i]
        sizes = cluster_sizes(usual.day[since[at] : until[at]], width)
        period = max(thresholds.windows_days[0], anchors[-1] - anchors[0] + 1)
        own = trades.one(at)
        size_p = geometric_run_tail(own.count, sizes.size, int(sizes.sum())) * len(anchors)
        over_period = min(1.0, scan_p[at] * period / (2 * width))
        cluster = _Cluster(int(ends[at]), own, sizes, period, over_period, min(1.0, size_p))
        found[i] = _trial(histories, i, cluster, thresholds)
    return trials_by_filer(DETECTOR, histories.filer_keys, tested, found)


def _trial(histories: Histories, i: int, cluster: _Cluster, thresholds: Thresholds) -> Trial:
    large_enough = cluster.trades.z >= float(thresholds.min_z)
    return Trial(
        DETECTOR,
        histories.filer_keys[i],
        cluster.p_value,
        large_enough,
        lambda: _finding(histories.one(i), cluster, thresholds),
    )


def _finding(history: History, cluster: _Cluster, thresholds: Thresholds) -> Finding:
    trades, sizes = cluster.trades, cluster.sizes
    size, n, clusters, typical = trades.count, trades.events, int(sizes.size), float(sizes.mean())
    before = cluster.end - trades.window
    inside = history.counted & (history.day > before) & (history.day <= cluster.end)
    return Finding(
        classification="TIMING_ANOMALY",
        detector=DETECTOR,
        subject="",
        filer_keys=(history.filer_key,),
        rows=tuple(history.row[inside].tolist()),
        measures=(
            measure("cluster_trades", size, size, f"decisions within {thresholds.cluster_hours} hours"),
            measure("expected_trades", trades.expected, n, "own rate x 2 days x activity of the others"),
            measure("baseline_clusters", clusters, n, "clusters in the 12 months before"),
            measure("baseline_mean_cluster", typical, clusters, "mean size of those clusters"),
            measure("baseline_deviation_pct", 100 * (size / typical - 1), clusters, "size / mean size - 1"),
            measure("z_score", trades.z, n, "(observed - expected) / sd of the predictive negative binomial"),
            measure("scan_p", cluster.scan_p, n, f"scan statistic over {cluster.period} days"),
            measure("cluster_size_p", cluster.size_p, clusters, "geometric sizes x days looked at"),
            measure("p_value", cluster.p_value, n, "the larger of scan_p and cluster_size_p"),
            *set_apart(history.set_apart(history.unreported, before - trades.observed_days, before)),
        ),
        cautions=sample_cautions(n, trades.observed_days, thresholds),
    )
