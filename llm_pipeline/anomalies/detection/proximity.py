"""Detector: a run of trades in a sector before a hearing or floor vote that concerns it. Pure.

Relevant are hearings of committees the filer sat on that day and floor votes, each in one of its sectors.

Proximity score 0-10. Each trade of the sector within `hearing_days` (`vote_days`) of the event weighs
1 - |days| / (limit + 1), trades after it half of that, for what is public is no longer an advantage; the score is
10 * (1 - exp(-total weight / 2)): one trade on the eve of a hearing 3.5, three 7.3, six 9.3.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from llm_pipeline.anomalies.detection.cautions import sample_cautions
from llm_pipeline.anomalies.detection.congress import Congress, RelatedEvent
from llm_pipeline.anomalies.detection.crowd import Crowd
from llm_pipeline.anomalies.detection.history import Histories, History, Ints, columns_of, first_least
from llm_pipeline.anomalies.detection.rates import Excess, Excesses, days_by_sector, rates_before, series_of
from llm_pipeline.anomalies.detection.tails import binomial_tail, combined_p_values, poisson_tail
from llm_pipeline.anomalies.detection.thresholds import Thresholds
from llm_pipeline.anomalies.detection.trial import (
    Finding,
    Measure,
    NearEvent,
    Trial,
    measure,
    rounded,
    set_apart,
    trials_by_filer,
)
from llm_pipeline.reference.records import GICS_SECTORS

DETECTOR = "proximity"


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
    def z(self) -> float:
        """The larger excess in standard deviations."""
        return max(self.trades.z, self.days.z)


@dataclass(frozen=True)
class RunUps:
    """Distinct run-ups that hold a newly known trade; one item each.

    of: filer; sectors: numbers; events: places in `Congress`; trades, days: decisions and days with one in
    it, beside the own rate in that sector; small: filers of those that are too small or not near their event.
    """

    of: Ints
    sectors: Ints
    events: Ints
    trades: Excesses
    days: Excesses
    small: Ints


def run_ups(histories: Histories, congress: Congress, crowd: Crowd, thresholds: Thresholds) -> RunUps:
    """All run-ups of some filers, but for those whose rate before is not known.

    Events that follow the same trades in the same sector are one run-up: that of the event nearest after them.
    """
    length = thresholds.run_up_days + 1
    of, sectors, events, ends, limits = columns_of(_questions(histories, congress, thresholds), 5)
    counted, fresh, taught = (
        days_by_sector(histories, rows) for rows in (histories.counted, histories.fresh, histories.unreported)
    )
    series = series_of(of, sectors)
    left, right = counted.until(series, ends - length), counted.until(series, ends)
    newly = np.flatnonzero(fresh.between(series, ends - length, ends) > 0)
    # Events come by day: the first of those with the same trades is the nearest.
    first = np.sort(newly[np.unique(left[newly] * (counted.day.size + 1) + right[newly], return_index=True)[1]])
    last = counted.day[right[first] - 1]
    large = (ends[first] - last <= limits[first]) & ((right - left)[first] >= thresholds.run_up_min_trades)
    rates = rates_before(taught, series[first], histories.first_days[of[first]], ends[first] - length, thresholds)
    kept = first[large & rates.known]
    windows = np.full(kept.size, length)
    busy = crowd.activities(last[large & rates.known], windows, histories.numbers[of[kept]])
    asked = (series[kept], histories.first_days[of[kept]], ends[kept] - length, thresholds)
    days = counted.distinct().between(series[kept], ends[kept] - length, ends[kept])
    return RunUps(
        of=of[kept],
        sectors=sectors[kept],
        events=events[kept],
        trades=Excesses((right - left)[kept], windows, rates.part(np.flatnonzero(large & rates.known)), busy),
        days=Excesses(days, windows, rates_before(taught.distinct(), *asked), busy),
        small=of[first[~large]],
    )


def _questions(
    histories: Histories, congress: Congress, thresholds: Thresholds
) -> Iterator[tuple[int, int, int, int, int]]:
    """(filer, sector, place of the event, its day, within how many days of it a trade is near) by filer and sector.

    Events of each sector in which something became known, from its first such trade to a run-up after its last.
    """
    fresh = histories.fresh & (histories.sector >= 0)
    of, sector, day = histories.of[fresh], histories.sector[fresh], histories.day[fresh]
    _, rows, place = np.unique(series_of(of, sector), return_index=True, return_inverse=True)
    first, last = day[rows].copy(), day[rows].copy()
    np.minimum.at(first, place, day)
    np.maximum.at(last, place, day)
    until = np.minimum(last + thresholds.run_up_days, histories.as_of)
    for i, s, low, high in zip(of[rows].tolist(), sector[rows].tolist(), first.tolist(), until.tolist(), strict=True):
        key = histories.filer_keys[i]
        for at in congress.places_between(key, s, low, high):
            related = congress.event(at)
            yield i, s, at, related.day, near_days(related, thresholds)


def examine_proximity(histories: Histories, congress: Congress, crowd: Crowd, thresholds: Thresholds) -> list[Trial]:
    """One trial a filer: the least likely run-up before any relevant event known by the as-of date.

    A run-up is the filer's decisions in a sector of the event in the `run_up_days` before it and on its day, at least
    one newly known and the last one near the event. It is compared with the filer's own rate in that sector in the
    12 months before. p combines the predictive negative binomial tails of decisions and of days with one, over all
    distinct run-ups.
    """
    runs = run_ups(histories, congress, crowd, thresholds)
    groups = np.concatenate([runs.of, runs.of, runs.small, runs.small])
    tails = np.concatenate([runs.trades.p, runs.days.p, np.ones(2 * runs.small.size)])
    p_values = combined_p_values(tails, groups, len(histories), np.ones(groups.size))
    tests = np.bincount(groups, minlength=len(histories))
    best = first_least(np.minimum(runs.trades.p, runs.days.p), runs.of, np.arange(runs.of.size))

    def found(i: int, at: int) -> Trial:
        key, p_value = histories.filer_keys[i], float(p_values[i])
        related = congress.event(int(runs.events[at]))
        run = RunUp(related, int(runs.sectors[at]), runs.trades.one(at), runs.days.one(at))

        def describe() -> Finding:
            return _finding(histories.one(i), congress, thresholds, run, p_value, int(tests[i]))

        return Trial(DETECTOR, key, p_value, run.z >= float(thresholds.min_z), describe)

    keys = histories.filer_keys
    tested = {i for i, key in enumerate(keys) if histories.anchors[i] and congress.places_of(key).size}
    return trials_by_filer(DETECTOR, keys, tested, {i: found(i, at) for i, at in best.items()})


def _finding(
    history: History, congress: Congress, thresholds: Thresholds, run: RunUp, p_value: float, tested: int
) -> Finding:
    related_sector = history.counted & (history.sector == run.sector)
    last = run.related.day
    rows = history.row[related_sector & (history.day >= last - thresholds.run_up_days) & (history.day <= last)]
    own_days, before = history.day[related_sector], last - thresholds.run_up_days - 1
    hits, trials = _hits_before(history, congress, thresholds, last - thresholds.run_up_days)
    total = int(
        np.count_nonzero(history.counted & (history.day >= last - thresholds.run_up_days) & (history.day <= last))
    )
    share = (hits + 0.5) / (trials + 1)
    limit = near_days(run.related, thresholds)
    score = proximity_score(last - own_days[np.abs(last - own_days) <= limit], limit)
    trades, expected, n = run.trades, run.trades.expected, run.trades.events
    measures: tuple[Measure, ...] = (
        measure(
            "run_up_trades",
            trades.count,
            trades.count,
            f"decisions within {thresholds.run_up_days} days up to the event",
        ),
        measure("baseline_sector_trades", n, n, f"same sector, {trades.observed_days} days before"),
        measure("activity_of_others", trades.activity, n, "times busier than usual, complementary log-log model"),
        measure("expected_trades", expected, n, "(baseline + 1/2) / days observed x days of the run-up x activity"),
        measure("baseline_deviation_pct", 100 * (trades.count / expected - 1), n, "observed / expected - 1"),
        measure("overdispersion", trades.overdispersion, len(trades.monthly), "moments of monthly counts, shrunk"),
        measure("z_score", run.z, n, "(observed - expected) / predictive sd, the larger of trades and trading days"),
        measure("poisson_p", poisson_tail(trades.count, expected), n, "Poisson tail at the expected count"),
        measure("negative_binomial_p", trades.p, n, "predictive negative binomial tail"),
        measure("trading_days", run.days.count, run.days.count, "days with such a decision in the run-up"),
        measure("trading_days_p", run.days.p, run.days.events, "as negative_binomial_p, of trading days"),
        measure("baseline_hit_share", share, trials, "baseline trades near a relevant event, (hits + 1/2) / (n + 1)"),
        measure("hit_share_p", binomial_tail(trades.count, total, share), total, "binomial tail at that share"),
        measure("proximity_score", score, int(own_days.size), "10 (1 - exp(-sum of weights / 2))"),
        measure("p_value", p_value, tested, "Cauchy combination of both tails over all run-ups looked at"),
        *set_apart(history.set_apart(history.unreported | ~related_sector, before - trades.observed_days, before)),
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
        cautions=sample_cautions(n, trades.observed_days, thresholds),
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
