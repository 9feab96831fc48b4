"""Detector: more trading in 14, 30 or 90 days than the filer's own 12 months before make likely. Pure.

Two counts: decisions (the same asset, side and day in several accounts is one) and days with a decision, which a
broker's batch of orders does not inflate. Savings plans and trades of episodes already reported are left out.
The expected counts grow with how busy all other filers were meanwhile (`crowd.Crowd.activity`).
Sources: Poisson and negative binomial tails as in `tails`; exact conditional comparison of two Poisson rates by
Przyborowski & Wilenski (1940), Biometrika 31, 313-323; robust z with 1.4826 x MAD by Iglewicz & Hoaglin (1993).
"""

from __future__ import annotations

import numpy as np

from llm_pipeline.anomalies.detection.cautions import sample_cautions
from llm_pipeline.anomalies.detection.crowd import Crowd
from llm_pipeline.anomalies.detection.history import Histories, History, columns_of, first_least
from llm_pipeline.anomalies.detection.rates import MONTH_DAYS, Days, Excess, excesses, tightest_start, window_ends
from llm_pipeline.anomalies.detection.tails import binomial_tail, combined_p_values, poisson_tail
from llm_pipeline.anomalies.detection.thresholds import Thresholds
from llm_pipeline.anomalies.detection.trial import Finding, Measure, Trial, measure, set_apart, trials_by_filer

DETECTOR = "frequency"


def robust_z(count: int, monthly: tuple[int, ...], months: float) -> float | None:
    """(count per month - median) / (1.4826 MAD) of the baseline's months; None when the MAD is 0."""
    if not monthly:
        return None
    values = np.asarray(monthly, dtype=float)
    middle = float(np.median(values))
    mad = float(np.median(np.abs(values - middle)))
    return (count / months - middle) / (1.4826 * mad) if mad > 0 else None


def examine_frequency(histories: Histories, crowd: Crowd, thresholds: Thresholds) -> list[Trial]:
    """One trial a filer: the least likely of the 14-, 30- and 90-day windows that end on a newly known trade.

    p combines the predictive negative binomial mid-p values of both counts in all windows looked at, each weighed with
    the inverse of its length: most of a long window was looked at on earlier as-of dates. The days must exceed
    the filer's habit by `frequency_min_days_z`: one busy day is not a busy month.
    """
    lengths = (thresholds.burst_days, *thresholds.windows_days)
    of, ends, windows = columns_of(
        (
            (i, end, window)
            for i, anchors in enumerate(histories.anchors)
            for window in lengths
            for end in window_ends(anchors, window)
        ),
        3,
    )
    busy = crowd.activities(ends, windows, histories.numbers[of])
    trades = Days(histories.of[histories.unreported], histories.day[histories.unreported])
    asked = (of, histories.first_days[of], ends, windows, busy, thresholds)
    of_trades, of_days = excesses(trades, *asked), excesses(trades.distinct(), *asked)
    # Trades of reported episodes say no more what is usual, but still that somebody is known.
    ever = Days(histories.of[histories.counted], histories.day[histories.counted])
    seen = ever.between(of, ends - windows - of_trades.rates.observed_days, ends - windows)
    usable = of_trades.rates.known & (seen >= thresholds.min_baseline_trades)
    tests = 2 * np.bincount(of[usable], minlength=len(histories))
    p_values = combined_p_values(
        np.concatenate([of_trades.p[usable], of_days.p[usable]]),
        np.tile(of[usable], 2),
        len(histories),
        np.tile(1 / windows[usable], 2),
    )
    many = np.flatnonzero(usable & (of_trades.counts >= thresholds.frequency_min_trades))
    best = first_least(np.minimum(of_trades.p, of_days.p), of, many)

    def found(i: int, at: int) -> Trial:
        def describe() -> Finding:
            of_both = of_trades.one(at), of_days.one(at)
            return _finding(histories.one(i), *of_both, int(ends[at]), float(p_values[i]), int(tests[i]), thresholds)

        large_enough = float(of_days.z[at]) >= float(thresholds.frequency_min_days_z)
        return Trial(DETECTOR, histories.filer_keys[i], float(p_values[i]), large_enough, describe)

    tested = set(np.flatnonzero(tests).tolist())
    return trials_by_filer(DETECTOR, histories.filer_keys, tested, {i: found(i, at) for i, at in best.items()})


def _finding(
    history: History, trades: Excess, days: Excess, end: int, p_value: float, tested: int, thresholds: Thresholds
) -> Finding:
    start = tightest_start(history.day[history.unreported], trades.daily, end - trades.window + 1, end)
    before = end - trades.window
    inside = history.unreported & (history.day >= start) & (history.day <= end)
    return Finding(
        classification="FREQUENCY_SPIKE",
        detector=DETECTOR,
        subject="",
        filer_keys=(history.filer_key,),
        rows=tuple(history.row[inside].tolist()),
        measures=(
            *_measures(trades, days, int(inside.sum()), end - start + 1, p_value, tested),
            *set_apart(history.set_apart(history.unreported, before - trades.observed_days, before)),
        ),
        cautions=sample_cautions(trades.events, trades.observed_days, thresholds),
    )


def _measures(
    trades: Excess, days: Excess, listed: int, burst_days: int, p_value: float, tested: int
) -> tuple[Measure, ...]:
    count, window, expected = trades.count, trades.window, trades.expected
    n, months = trades.events, len(trades.monthly)
    share = window / (window + trades.observed_days)
    decisive, counted = (trades, "trades") if trades.p <= days.p else (days, "trading days")
    return (
        measure("trades_in_window", count, count, f"decisions in {window} days"),
        measure("window_days", window, count, "length of the window"),
        measure(
            "burst_trades",
            listed,
            count,
            f"of them in its last {burst_days} days, the burst, listed with those of earlier sights",
        ),
        measure("baseline_trades", n, n, f"decisions in the {trades.observed_days} days before the window"),
        measure("activity_of_others", trades.activity, n, "times busier than usual, complementary log-log model"),
        measure("expected_trades", expected, n, "(baseline + 1/2) / days observed x window days x activity"),
        measure("baseline_deviation_pct", 100 * (count / expected - 1), n, "observed / expected - 1"),
        measure("overdispersion", trades.overdispersion, months, "moments of monthly counts, shrunk"),
        measure("z_score", decisive.z, decisive.events, f"(observed - expected) / predictive sd, of {counted}"),
        measure("trades_z_score", trades.z, n, "(observed - expected) / sd of the predictive negative binomial"),
        measure("robust_z", robust_z(count, trades.monthly, window / MONTH_DAYS), months, "median and 1.4826 MAD"),
        measure("poisson_p", poisson_tail(count, expected), n, "Poisson tail at the expected count"),
        measure("exact_rate_ratio_p", binomial_tail(count, count + n, share), count + n, "conditional binomial test"),
        measure("negative_binomial_p", trades.p, n, "predictive negative binomial tail"),
        measure("trading_days_in_window", days.count, days.count, "days with a decision"),
        measure("baseline_trading_days", days.events, days.events, "days with a decision before the window"),
        measure("trading_days_z_score", days.z, days.events, "as trades_z_score, of trading days"),
        measure("trading_days_p", days.p, days.events, "as negative_binomial_p, of trading days"),
        measure("p_value", p_value, tested, "Cauchy combination of both tails in all windows looked at"),
    )
