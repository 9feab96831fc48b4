"""Detector: more trading in 14, 30 or 90 days than the filer's own 12 months before make likely. Pure.

Two counts: decisions (the same asset, side and day in several accounts is one) and days with a decision, which a
broker's batch of orders does not inflate. Savings plans and trades of episodes already reported are left out.
The expected counts grow with how busy all other filers were meanwhile (`crowd.Crowd.activity`).
Sources: Poisson and negative binomial tails as in `tails`; exact conditional comparison of two Poisson rates by
Przyborowski & Wilenski (1940), Biometrika 31, 313-323; robust z with 1.4826 x MAD by Iglewicz & Hoaglin (1993).
"""

from __future__ import annotations

import numpy as np

from llm_pipeline.anomalies.history import History
from llm_pipeline.anomalies.cautions import sample_cautions
from llm_pipeline.anomalies.crowd import Crowd
from llm_pipeline.anomalies.rates import MONTH_DAYS, Excess, excess_in, tightest_start, window_ends
from llm_pipeline.anomalies.tails import binomial_tail, combined_p, poisson_tail
from llm_pipeline.anomalies.thresholds import Thresholds
from llm_pipeline.anomalies.trial import Finding, Measure, Trial, measure, no_evidence, no_test

DETECTOR = "frequency"


def robust_z(count: int, monthly: tuple[int, ...], months: float) -> float | None:
    """(count per month - median) / (1.4826 MAD) of the baseline's months; None when the MAD is 0."""
    if not monthly:
        return None
    values = np.asarray(monthly, dtype=float)
    middle = float(np.median(values))
    mad = float(np.median(np.abs(values - middle)))
    return (count / months - middle) / (1.4826 * mad) if mad > 0 else None


def examine_frequency(history: History, crowd: Crowd, thresholds: Thresholds) -> Trial:
    """One trial: the least likely of the 14-, 30- and 90-day windows that end on a newly known trade.

    p combines the predictive negative binomial mid-p values of both counts in all windows looked at, each weighed with
    the inverse of its length: most of a long window was looked at on earlier as-of dates. The days must exceed
    the filer's habit by `frequency_min_days_z`: one busy day is not a busy month.
    """
    anchors = history.anchors
    if anchors.size == 0:
        return no_test(DETECTOR, history.filer_key)
    trades = history.day[history.unreported]
    active = np.unique(trades)
    first_day = history.first_day
    best: tuple[float, int, Excess, Excess] | None = None
    tails: list[float] = []
    weights: list[float] = []
    for window in (thresholds.burst_days, *thresholds.windows_days):
        for end in window_ends(anchors, window):
            busy = crowd.activity(end, window, history.filer_key)
            of_trades = excess_in(trades, first_day, end, window, thresholds, busy)
            of_days = excess_in(active, first_day, end, window, thresholds, busy)
            if of_trades is None or of_days is None or of_trades.rate.events < thresholds.min_baseline_trades:
                continue
            tails += (of_trades.p, of_days.p)
            weights += (1 / window, 1 / window)
            p = min(of_trades.p, of_days.p)
            if of_trades.count >= thresholds.frequency_min_trades and (best is None or p < best[0]):
                best = (p, end, of_trades, of_days)
    if not tails:
        return no_test(DETECTOR, history.filer_key)
    if best is None:
        return no_evidence(DETECTOR, history.filer_key)
    _, end, of_trades, of_days = best
    p_value = combined_p(tails, weights)

    def describe() -> Finding:
        start = tightest_start(trades, of_trades.rate.expected(1), end - of_trades.window + 1, end)
        inside = history.unreported & (history.day >= start) & (history.day <= end)
        return Finding(
            classification="FREQUENCY_SPIKE",
            detector=DETECTOR,
            subject="",
            filer_keys=(history.filer_key,),
            rows=tuple(history.row[inside].tolist()),
            measures=_measures(of_trades, of_days, p_value, len(tails)),
            cautions=sample_cautions(of_trades.rate.events, of_trades.rate.observed_days, thresholds),
        )

    return Trial(DETECTOR, history.filer_key, p_value, of_days.z >= float(thresholds.frequency_min_days_z), describe)


def _measures(trades: Excess, days: Excess, p_value: float, tested: int) -> tuple[Measure, ...]:
    rate, count, window, expected = trades.rate, trades.count, trades.window, trades.expected
    n, months = rate.events, len(rate.monthly)
    share = window / (window + rate.observed_days)
    decisive, counted = (trades, "trades") if trades.p <= days.p else (days, "trading days")
    return (
        measure("trades_in_window", count, count, f"decisions in {window} days"),
        measure("window_days", window, count, "length of the window"),
        measure("baseline_trades", n, n, f"decisions in the {rate.observed_days} days before the window"),
        measure("activity_of_others", trades.activity.mean, n, "times busier than usual, complementary log-log model"),
        measure("expected_trades", expected, n, "(baseline + 1/2) / days observed x window days x activity"),
        measure("baseline_deviation_pct", 100 * (count / expected - 1), n, "observed / expected - 1"),
        measure("overdispersion", rate.overdispersion, months, "moments of monthly counts, shrunk"),
        measure("z_score", decisive.z, decisive.rate.events, f"(observed - expected) / predictive sd, of {counted}"),
        measure("trades_z_score", trades.z, n, "(observed - expected) / sd of the predictive negative binomial"),
        measure("robust_z", robust_z(count, rate.monthly, window / MONTH_DAYS), months, "median and 1.4826 MAD"),
        measure("poisson_p", poisson_tail(count, expected), n, "Poisson tail at the expected count"),
        measure("exact_rate_ratio_p", binomial_tail(count, count + n, share), count + n, "conditional binomial test"),
        measure("negative_binomial_p", trades.p, n, "predictive negative binomial tail"),
        measure("trading_days_in_window", days.count, days.count, "days with a decision"),
        measure("baseline_trading_days", days.rate.events, days.rate.events, "days with a decision before the window"),
        measure("trading_days_z_score", days.z, days.rate.events, "as trades_z_score, of trading days"),
        measure("trading_days_p", days.p, days.rate.events, "as negative_binomial_p, of trading days"),
        measure("p_value", p_value, tested, "Cauchy combination of both tails in all windows looked at"),
    )
