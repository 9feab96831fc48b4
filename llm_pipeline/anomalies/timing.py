"""Detector: three or more trades inside 48 hours. Pure.

Reports carry dates without times, so 48 hours are two consecutive days. Filers whose broker trades in batches have
such clusters all year; therefore a cluster must be unlikely twice: as a scan statistic of a Poisson process with the
filer's rate, and as a size among the filer's own earlier clusters.
Sources: Naus (1982) for the scan statistic; geometric sizes with Jeffreys' prior; see `tails`.
"""

from __future__ import annotations

import numpy as np

from llm_pipeline.anomalies.activity import FACTORS
from llm_pipeline.anomalies.history import History, Ints
from llm_pipeline.anomalies.cautions import sample_cautions
from llm_pipeline.anomalies.crowd import Crowd
from llm_pipeline.anomalies.rates import Excess, count_between, rate_before
from llm_pipeline.anomalies.tails import geometric_run_tail, scan_tail
from llm_pipeline.anomalies.thresholds import Thresholds
from llm_pipeline.anomalies.trial import Finding, Trial, measure, no_evidence, no_test

DETECTOR = "timing"


def cluster_sizes(days: Ints, width: int) -> Ints:
    """Sizes of clusters of sorted days: a cluster takes every trade within `width` days from its first one."""
    after = days.searchsorted(days + width).tolist()
    sizes, i = [], 0
    while i < len(after):
        sizes.append(after[i] - i)
        i = after[i]
    return np.asarray(sizes, dtype=np.int64)


def examine_timing(history: History, crowd: Crowd, thresholds: Thresholds) -> Trial:
    """One trial: the largest 48-hour cluster that ends on a newly known trade.

    p is the larger of the scan p over the period since the filer's previous disclosure window (30 days at least) and
    the size p times the number of days looked at.
    """
    days, usual, anchors = history.day[history.counted], history.day[history.unreported], history.anchors
    width = thresholds.cluster_hours // 24
    if anchors.size == 0:
        return no_test(DETECTOR, history.filer_key)
    counts = [count_between(days, end - width, end) for end in anchors.tolist()]
    at = int(np.argmax(counts))
    end, size = int(anchors[at]), counts[at]
    first_day = history.first_day
    rate = rate_before(usual, first_day, end - width, thresholds)
    if rate is None or rate.events < thresholds.min_baseline_trades:
        return no_test(DETECTOR, history.filer_key)
    if size < thresholds.cluster_min_trades:
        return no_evidence(DETECTOR, history.filer_key)
    low, high = np.searchsorted(usual, [end - width - rate.observed_days, end - width], side="right")
    sizes = cluster_sizes(usual[low:high], width)
    period = max(thresholds.windows_days[0], int(anchors[-1] - anchors[0]) + 1)
    excess = Excess(size, width, rate, crowd.activity(end, width, history.filer_key))
    usual_rate = rate.expected(1)
    nearby = np.array([scan_tail(size, usual_rate * f, width, 2 * width) for f in FACTORS])
    p_scan = min(1.0, excess.activity.average(nearby) * period / (2 * width))
    p_size = min(1.0, geometric_run_tail(size, sizes.size, int(sizes.sum())) * anchors.size)
    p_value = max(p_scan, p_size)
    expected, z = excess.expected, excess.z
    typical = float(sizes.mean())

    def describe() -> Finding:
        inside = history.counted & (history.day > end - width) & (history.day <= end)
        return Finding(
            classification="TIMING_ANOMALY",
            detector=DETECTOR,
            subject="",
            filer_keys=(history.filer_key,),
            rows=tuple(history.row[inside].tolist()),
            measures=(
                measure("cluster_trades", size, size, f"decisions within {thresholds.cluster_hours} hours"),
                measure("expected_trades", expected, rate.events, "own rate x 2 days x activity of the others"),
                measure("baseline_clusters", sizes.size, rate.events, "clusters in the 12 months before"),
                measure("baseline_mean_cluster", typical, int(sizes.size), "mean size of those clusters"),
                measure("baseline_deviation_pct", 100 * (size / typical - 1), int(sizes.size), "size / mean size - 1"),
                measure("z_score", z, rate.events, "(observed - expected) / sd of the predictive negative binomial"),
                measure("scan_p", p_scan, rate.events, f"scan statistic over {period} days"),
                measure("cluster_size_p", p_size, int(sizes.size), "geometric sizes x days looked at"),
                measure("p_value", p_value, rate.events, "the larger of scan_p and cluster_size_p"),
            ),
            cautions=sample_cautions(rate.events, rate.observed_days, thresholds),
        )

    return Trial(DETECTOR, history.filer_key, p_value, z >= float(thresholds.min_z), describe)
