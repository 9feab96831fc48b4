"""Detector: trades gather in a sector that the filer's committees oversee. Pure.

Sources: beta-binomial predictive test of a share (Skellam 1948), exact binomial, Fisher's exact test; see `tails`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from llm_pipeline.anomalies.book import day_of
from llm_pipeline.anomalies.history import History
from llm_pipeline.anomalies.cautions import sample_cautions
from llm_pipeline.anomalies.congress import Congress
from llm_pipeline.anomalies.crowd import Crowd
from llm_pipeline.anomalies.rates import excess_in, tightest_start, window_ends
from llm_pipeline.anomalies.tails import beta_binomial_tail, binomial_tail, combined_p, hypergeometric_tail
from llm_pipeline.anomalies.thresholds import Thresholds
from llm_pipeline.anomalies.trial import Finding, Measure, Trial, measure, no_evidence, no_test
from llm_pipeline.reference.records import GICS_SECTORS

DETECTOR = "sector"

MAX_SHARE_P = 0.01
"""The share itself must be unlikely at 1 %: a general burst of trades is not a sector cluster."""


def examine_sector(
    history: History,
    congress: Congress,
    crowd: Crowd,
    pooled_shares: Mapping[int, float],
    thresholds: Thresholds,
) -> Trial:
    """One trial: the least likely concentration in one committee sector among the 30- and 90-day windows.

    The base rate of a sector is its share of the filer's trades in the 12 months before the window, to which the
    pooled share of all filers adds `sector_prior_weight` trades. p combines the predictive beta-binomial tails
    of all windows and sectors looked at. Fisher's test on the raw counts is reported.
    """
    usable = history.counted
    anchors = np.unique(history.day[usable & history.new])
    seats = congress.committee_sectors(history.filer_key, day_of(anchors[-1])) if anchors.size else frozenset()
    if not seats:
        return no_test(DETECTOR, history.filer_key)
    day, sector, new = history.day[usable], history.sector[usable], history.new[usable]
    usual = usable & history.usual("SECTOR_CLUSTER", "TIMING_ANOMALY")
    usual_day, usual_sector = history.day[usual], history.sector[usual]
    unreported = history.reported[usable] == 0
    first_day = history.first_day
    best: tuple[float, int, int, int, tuple[int, int, int, int]] | None = None
    tails: list[float] = []
    for window in thresholds.windows_days:
        for end in window_ends(anchors, window):
            low, high = np.searchsorted(day, [end - window, end], side="right")
            since, until = np.searchsorted(
                usual_day, [end - window - thresholds.baseline_days, end - window], side="right"
            )
            inside, before = sector[low:high], usual_sector[since:until]
            if before.size < thresholds.min_baseline_trades or inside.size < thresholds.sector_min_trades:
                continue
            touched = set(sector[low:high][new[low:high]].tolist())
            for s in sorted(seats):
                k, k0 = int((inside == s).sum()), int((before == s).sum())
                if s not in touched or k < thresholds.sector_min_trades:
                    tails += (1.0, 1.0)
                    continue
                prior = thresholds.sector_prior_weight * pooled_shares.get(s, 0.0) + 0.5
                rest = thresholds.sector_prior_weight * (1 - pooled_shares.get(s, 0.0)) + 0.5
                p = beta_binomial_tail(k, inside.size, k0 + prior, before.size - k0 + rest)
                if p > MAX_SHARE_P:
                    tails += (1.0, 1.0)
                    continue
                in_sector = sector == s
                days = np.unique(day[in_sector & (unreported | (day > end - window))])
                burst = excess_in(
                    days, first_day, end, window, thresholds, crowd.activity(end, window, history.filer_key)
                )
                tails += (p, 1.0 if burst is None else burst.p)
                if best is None or p < best[0]:
                    best = (p, s, end, window, (k, inside.size, k0, before.size))
    if not tails:
        return no_test(DETECTOR, history.filer_key)
    if best is None:
        return no_evidence(DETECTOR, history.filer_key)
    p, s, end, window, counts = best
    k, n, k0, n0 = counts
    base = (k0 + thresholds.sector_prior_weight * pooled_shares.get(s, 0.0) + 0.5) / (
        n0 + thresholds.sector_prior_weight + 1
    )
    z = float((k - n * base) / np.sqrt(n * base * (1 - base)))
    p_value = combined_p(tails)

    def describe() -> Finding:
        chosen = usable & (history.sector == s)
        start = tightest_start(history.day[chosen], (k0 + 0.5) / thresholds.baseline_days, end - window + 1, end)
        chosen &= (history.day >= start) & (history.day <= end)
        return Finding(
            classification="SECTOR_CLUSTER",
            detector=DETECTOR,
            subject=GICS_SECTORS[s],
            filer_keys=(history.filer_key,),
            rows=tuple(history.row[chosen].tolist()),
            measures=_measures(counts, base, window, z, p, p_value, len(tails)),
            cautions=sample_cautions(n0, end - window - first_day, thresholds),
        )

    return Trial(DETECTOR, history.filer_key, p_value, z >= float(thresholds.min_z), describe)


def _measures(
    counts: tuple[int, int, int, int], base: float, window: int, z: float, p: float, p_value: float, tested: int
) -> tuple[Measure, ...]:
    k, n, k0, n0 = counts
    return (
        measure("sector_trades", k, n, f"decisions in the sector in {window} days"),
        measure("window_days", window, n, "length of the window"),
        measure("sector_share", k / n, n, "share of the window's decisions"),
        measure("baseline_sector_trades", k0, n0, "decisions in the sector in the 12 months before"),
        measure("baseline_sector_share", base, n0, "own share, with the pooled share as prior"),
        measure("baseline_deviation_pct", 100 * (k / n / base - 1), n0, "share / baseline share - 1"),
        measure("z_score", z, n, "(observed - expected) / binomial sd"),
        measure("binomial_p", binomial_tail(k, n, base), n, "exact binomial tail at the baseline share"),
        measure("fisher_p", hypergeometric_tail(k, n, k + k0, n + n0), n + n0, "Fisher's exact test on raw counts"),
        measure("beta_binomial_p", p, n + n0, "predictive beta-binomial tail"),
        measure("p_value", p_value, tested, "Cauchy combination over all windows and sectors looked at"),
    )
