"""Detector: a run of trades in a sector before a hearing or floor vote that concerns it. Pure.

Relevant are hearings of committees the filer sat on that day and floor votes, each in one of its sectors.

Proximity score 0-10. Each trade of the sector within `hearing_days` (`vote_days`) of the event weighs
1 - |days| / (limit + 1), trades after it half of that, for what is public is no longer an advantage; the score is
10 * (1 - exp(-total weight / 2)): one trade on the eve of a hearing 3.5, three 7.3, six 9.3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from llm_pipeline.anomalies.history import History
from llm_pipeline.anomalies.cautions import sample_cautions
from llm_pipeline.anomalies.congress import Congress, RelatedEvent
from llm_pipeline.anomalies.crowd import Crowd
from llm_pipeline.anomalies.rates import Excess, excess_in
from llm_pipeline.anomalies.tails import binomial_tail, combined_p, poisson_tail
from llm_pipeline.anomalies.thresholds import Thresholds
from llm_pipeline.anomalies.trial import Finding, Measure, NearEvent, Trial, measure, no_evidence, no_test, rounded
from llm_pipeline.reference.records import GICS_SECTORS

DETECTOR = "proximity"
Ints = NDArray[np.int64]


def near_days(related: RelatedEvent, thresholds: Thresholds) -> int:
    """Within how many days of this event a trade is near it."""
    return thresholds.hearing_days if related.event.kind == "hearing" else thresholds.vote_days


def proximity_score(days_before: Ints, limit: int) -> float:
    """Score 0-10 of trades `days_before` an event (negative = after), each at most `limit` days away to count."""
    weight = np.clip(1 - np.abs(days_before) / (limit + 1), 0, None) * np.where(days_before < 0, 0.5, 1.0)
    return 10 * (1 - math.exp(-float(weight.sum()) / 2))


@dataclass(frozen=True)
class RunUp:
    """A filer's decisions in one sector in the days up to an event, beside the filer's own rate in that sector."""

    related: RelatedEvent
    sector: int
    trades: Excess
    days: Excess

    @property
    def p(self) -> float:
        """The smaller tail, of decisions or of days with one."""
        return min(self.trades.p, self.days.p)

    @property
    def z(self) -> float:
        """The larger excess in standard deviations."""
        return max(self.trades.z, self.days.z)


def run_ups(history: History, congress: Congress, crowd: Crowd, thresholds: Thresholds) -> list[RunUp | None]:
    """Every distinct run-up that holds a newly known trade; None for one too small or not near its event.

    Events that follow the same trades in the same sector are one run-up: that of the event nearest after them.
    """
    first_day, length = history.first_day, thresholds.run_up_days
    found: list[RunUp | None] = []
    for sector in np.unique(history.sector[history.counted & history.new & (history.sector >= 0)]).tolist():
        inside = history.counted & (history.sector == sector)
        own, fresh, taught = history.day[inside], history.new[inside], (history.reported == 0)[inside]
        low, high = int(own[fresh].min()), int(own[fresh].max())
        seen: set[tuple[int, int]] = set()
        for related in congress.events_of(history.filer_key):
            if related.day < low or sector not in related.sectors:
                continue
            if related.day > min(high + length, history.as_of):
                break
            left, right = np.searchsorted(own, [related.day - length, related.day + 1])
            if not fresh[left:right].any() or (left, right) in seen:
                continue
            seen.add((int(left), int(right)))
            near = related.day - own[right - 1] <= near_days(related, thresholds)
            if not near or right - left < thresholds.run_up_min_trades:
                found.append(None)
                continue
            run = np.concatenate([own[:left][taught[:left]], own[left:right]])
            busy = crowd.activity(int(own[right - 1]), length + 1, history.filer_key)
            trades = excess_in(run, first_day, related.day, length + 1, thresholds, busy)
            days = excess_in(np.unique(run), first_day, related.day, length + 1, thresholds, busy)
            if trades is not None and days is not None:
                found.append(RunUp(related, sector, trades, days))
    return found


def examine_proximity(history: History, congress: Congress, crowd: Crowd, thresholds: Thresholds) -> Trial:
    """One trial: the least likely run-up before any relevant event known by the as-of date.

    A run-up is the filer's decisions in a sector of the event in the `run_up_days` before it and on its day, at least
    one newly known and the last one near the event. It is compared with the filer's own rate in that sector in the
    12 months before. p combines the predictive negative binomial tails of decisions and of days with one, over all
    distinct run-ups.
    """
    if not congress.events_of(history.filer_key) or not (history.counted & history.new).any():
        return no_test(DETECTOR, history.filer_key)
    found = run_ups(history, congress, crowd, thresholds)
    tails = [p for run in found for p in ((run.trades.p, run.days.p) if run else (1.0, 1.0))]
    best = min((run for run in found if run), key=lambda run: run.p, default=None)
    if best is None:
        return no_evidence(DETECTOR, history.filer_key)
    p_value = combined_p(tails)
    chosen = best

    def describe() -> Finding:
        return _finding(history, congress, thresholds, chosen, p_value, len(tails))

    return Trial(DETECTOR, history.filer_key, p_value, best.z >= float(thresholds.min_z), describe)


def _finding(
    history: History, congress: Congress, thresholds: Thresholds, run: RunUp, p_value: float, tested: int
) -> Finding:
    related_sector = history.counted & (history.sector == run.sector)
    last = run.related.day
    rows = history.row[related_sector & (history.day >= last - thresholds.run_up_days) & (history.day <= last)]
    own_days = history.day[related_sector]
    hits, trials = _hits_before(history, congress, thresholds, last - thresholds.run_up_days)
    total = int(
        np.count_nonzero(history.counted & (history.day >= last - thresholds.run_up_days) & (history.day <= last))
    )
    share = (hits + 0.5) / (trials + 1)
    limit = near_days(run.related, thresholds)
    score = proximity_score(last - own_days[np.abs(last - own_days) <= limit], limit)
    trades, rate, expected, n = run.trades, run.trades.rate, run.trades.expected, run.trades.rate.events
    measures: tuple[Measure, ...] = (
        measure(
            "run_up_trades",
            trades.count,
            trades.count,
            f"decisions within {thresholds.run_up_days} days up to the event",
        ),
        measure("baseline_sector_trades", n, n, f"same sector, {rate.observed_days} days before"),
        measure("activity_of_others", trades.activity.mean, n, "times busier than usual, complementary log-log model"),
        measure("expected_trades", expected, n, "(baseline + 1/2) / days observed x days of the run-up x activity"),
        measure("baseline_deviation_pct", 100 * (trades.count / expected - 1), n, "observed / expected - 1"),
        measure("overdispersion", rate.overdispersion, len(rate.monthly), "moments of monthly counts, shrunk"),
        measure("z_score", run.z, n, "(observed - expected) / predictive sd, the larger of trades and trading days"),
        measure("poisson_p", poisson_tail(trades.count, expected), n, "Poisson tail at the expected count"),
        measure("negative_binomial_p", trades.p, n, "predictive negative binomial tail"),
        measure("trading_days", run.days.count, run.days.count, "days with such a decision in the run-up"),
        measure("trading_days_p", run.days.p, run.days.rate.events, "as negative_binomial_p, of trading days"),
        measure("baseline_hit_share", share, trials, "baseline trades near a relevant event, (hits + 1/2) / (n + 1)"),
        measure("hit_share_p", binomial_tail(trades.count, total, share), total, "binomial tail at that share"),
        measure("proximity_score", score, int(own_days.size), "10 (1 - exp(-sum of weights / 2))"),
        measure("p_value", p_value, tested, "Cauchy combination of both tails over all run-ups looked at"),
    )
    return Finding(
        classification="TIMING_ANOMALY",
        detector=DETECTOR,
        subject=GICS_SECTORS[run.sector],
        filer_keys=(history.filer_key,),
        rows=tuple(rows.tolist()),
        measures=measures,
        events=events_near(history, rows, congress, thresholds),
        proximity_score=rounded(score),
        cautions=sample_cautions(n, rate.observed_days, thresholds),
    )


def _hits_before(history: History, congress: Congress, thresholds: Thresholds, end: int) -> tuple[int, int]:
    """(baseline trades that were near a relevant event, baseline trades), over the 12 months before `end`."""
    chosen = history.counted & (history.day < end) & (history.day >= end - thresholds.baseline_days)
    day, sector = history.day[chosen], history.sector[chosen]
    hit = np.zeros(day.size, bool)
    for related in congress.events_of(history.filer_key):
        ahead = related.day - day
        hit |= (ahead >= 0) & (ahead <= near_days(related, thresholds)) & np.isin(sector, list(related.sectors))
    return int(hit.sum()), int(day.size)


def events_near(
    history: History, rows: Ints, congress: Congress, thresholds: Thresholds, most: int = 5
) -> tuple[NearEvent, ...]:
    """Relevant events near these trades in a related sector, most trades before them first, at most `most`.

    Only events up to the as-of date: what was scheduled later is not on this calendar.
    """
    chosen = np.isin(history.row, rows)
    day, sector = history.day[chosen], history.sector[chosen]
    near = []
    for related in congress.events_of(history.filer_key):
        if related.day > history.as_of:
            break
        limit = near_days(related, thresholds)
        ahead = (related.day - day)[np.isin(sector, list(related.sectors))]
        before, after = (ahead >= 0) & (ahead <= limit), (ahead < 0) & (ahead >= -limit)
        if before.any():
            near.append(NearEvent(related.event, int(ahead[before].min()), int(before.sum()), int(after.sum())))
        elif after.any():
            near.append(NearEvent(related.event, int(ahead[after].max()), 0, int(after.sum())))
    near.sort(key=lambda e: (-e.trades_before, -e.trades_after, abs(e.days_before), e.event.day, e.event.event_id))
    return tuple(near[:most])
