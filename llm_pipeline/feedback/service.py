"""The feedback loop up to scorecards: signals and prices -> outcomes -> scorecards of each week. What the assets call.

Windows [start, end) are whole weeks, Sunday to Saturday. An outcome is computed as of the window's last day; a
scorecard as of the last day of its week, from outcomes that were settled by then. So a week run again gives the same
rows, alone or as part of a longer window.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from psycopg import Connection

from llm_pipeline.feedback.market import Market
from llm_pipeline.feedback.outcome import Outcome, outcomes_of
from llm_pipeline.feedback.random_signals import Chance, RandomSignals, draw_random_signals
from llm_pipeline.feedback.result import by_signal, results_at
from llm_pipeline.feedback.rules import FeedbackRules
from llm_pipeline.feedback.scorecard import PeriodScorecards
from llm_pipeline.feedback.scoring import score_period
from llm_pipeline.feedback.signal import Positions, Signal
from llm_pipeline.feedback.store import (
    Written,
    read_outcomes,
    read_pools,
    read_positions,
    read_signals,
    write_outcomes,
    write_scorecards,
)
from llm_pipeline.reference.read import read_reference

WEEK = timedelta(days=7)
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class OutcomeReport:
    """What a run over outcomes came to.

    Attributes:
        since: first as-of date of the signals looked at.
        outcomes: all that were computed, at every horizon.
    """

    since: date
    end: date
    signals: int
    outcomes: tuple[Outcome, ...]
    written: Written
    benchmark: str | None

    @property
    def by_status(self) -> Counter[str]:
        """How many are closed, open, without price."""
        return Counter(one.status for one in self.outcomes)

    @property
    def reasons(self) -> Counter[str]:
        """Why prices are missing."""
        return Counter(one.reason for one in self.outcomes if one.reason)


@dataclass(frozen=True)
class ScorecardReport:
    """The scorecards of a window's weeks; `chance`: what random signals did in place of the last week's."""

    periods: tuple[PeriodScorecards, ...]
    changed: int
    chance: Chance | None

    @property
    def last(self) -> PeriodScorecards | None:
        """Those of the last week."""
        return self.periods[-1] if self.periods else None


def reach(horizons: Sequence[int]) -> timedelta:
    """How long after its as-of date a signal may still be open: the longest horizon in calendar days, and to spare."""
    return timedelta(days=2 * max(horizons) + 21)


def compute_outcomes(
    conn: Connection[Any], start: date, end: date, *, now: datetime, rules: FeedbackRules
) -> OutcomeReport:
    """Store what became, by the end of the window, of its signals and of the earlier ones that were not yet settled.

    Raises:
        psycopg.Error: the database refused; nothing of the window is stored.
    """
    through = end - _DAY
    since = start - reach(rules.horizons)
    signals = read_signals(conn, since, end, rules.horizons, and_unsettled=True)
    market = _market(conn, signals, rules, through)
    outcomes = outcomes_of(signals, rules.horizons, market, Positions(read_positions(conn))) if market else []
    with conn.transaction(), conn.cursor() as cur:
        written = write_outcomes(cur, outcomes, through, now)
    benchmark = market.benchmark if market else None
    return OutcomeReport(since, end, len(signals), tuple(outcomes), written, benchmark)


def score_weeks(
    conn: Connection[Any], start: date, end: date, *, now: datetime, rules: FeedbackRules
) -> ScorecardReport:
    """Store the scorecards of every week in [start, end), each of the signals of `window_weeks` weeks.

    Raises:
        psycopg.Error: the database refused; nothing of the window is stored.
    """
    since = start + WEEK - rules.window_weeks * WEEK
    signals = read_signals(conn, since, end, rules.horizons)
    outcomes = by_signal(read_outcomes(conn, since, end, rules.primary), rules.primary)
    market = _market(conn, signals, rules, end - _DAY)
    random, benchmark = RandomSignals(), rules.benchmark
    if market:
        pools = read_pools(conn, (one.as_of_date for one in signals), rules.pool_days)
        random, benchmark = draw_random_signals(signals, pools, market, rules), market.benchmark
    periods = []
    last: Chance | None = None
    for number in range((end - start) // WEEK):
        week_end = start + (number + 1) * WEEK
        first = week_end - rules.window_weeks * WEEK
        results = [one for one in results_at(signals, outcomes, week_end) if one.signal.as_of_date >= first]
        periods.append(score_period(first, week_end, results, random, rules, benchmark))
        last = random.chance(results, week_end)
    with conn.transaction(), conn.cursor() as cur:
        changed = write_scorecards(cur, periods, start, end, now)
    return ScorecardReport(tuple(periods), changed, last)


def _market(conn: Connection[Any], signals: Sequence[Signal], rules: FeedbackRules, through: date) -> Market | None:
    """Prices from the first signal on; None without signals."""
    if not signals:
        return None
    with conn.cursor() as cur:
        reference = read_reference(cur, signals[0].as_of_date, through)
    return Market(reference, rules.benchmark, through)
