"""What the checks ask the database, apart from what the run says of itself. The SQL counts in its own way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, LiteralString

from psycopg import Connection

from llm_pipeline.feedback.store import PUBLIC_ON

_WITHOUT_OUTCOME: LiteralString = f"""
    SELECT s.signal_id || ' at ' || h || ' trading days'
    FROM llm_anomaly_signals s CROSS JOIN unnest(%(horizons)s::integer[]) AS h
    WHERE s.status = 'active' AND {PUBLIC_ON} < %(end)s
      AND NOT EXISTS (SELECT FROM signal_outcomes o WHERE o.signal_id = s.signal_id AND o.horizon_days = h)
    ORDER BY 1"""  # noqa: S608

# A position is entered when its owner enters it. Of a closed or unpriced row, `evaluated_to` is part of what it says;
# an open one that looks beyond this window was written by a later week.
_LOOK_AHEAD: LiteralString = """
    SELECT o.signal_id || ' ' || o.ticker || ' at ' || o.horizon_days || ': ' || why
    FROM signal_outcomes o CROSS JOIN LATERAL (
        SELECT CASE
            WHEN o.basis = 'prices' AND o.entry_date <= o.as_of_date
                THEN 'entered on ' || o.entry_date || ', public on ' || o.as_of_date
            WHEN o.exit_date > o.evaluated_to THEN 'left on ' || o.exit_date || ', known to ' || o.evaluated_to
            WHEN o.entry_date > o.evaluated_to THEN 'entered on ' || o.entry_date || ', known to ' || o.evaluated_to
            WHEN o.computed_at = %(now)s AND o.evaluated_to >= %(end)s
                THEN 'known to ' || o.evaluated_to || ', written for weeks before ' || %(end)s::date
            WHEN o.evaluated_to >= %(now)s::date THEN 'known to ' || o.evaluated_to || ', which is not over'
        END AS why) AS found
    WHERE o.as_of_date < %(end)s AND why IS NOT NULL
    ORDER BY 1"""

_COUNTS: LiteralString = """
    SELECT status, count(*) FROM signal_outcomes
    WHERE signal_id = ANY(%(signals)s) AND horizon_days = ANY(%(horizons)s) GROUP BY 1"""

# Signals of a scorecard counted from the tables: closed when every outcome was settled by then and one has a return.
_RECOUNT: LiteralString = f"""
    WITH stood AS (
        SELECT s.signal_id, max(o.direction) AS direction, count(o.*) AS outcomes,
               count(*) FILTER (WHERE o.evaluated_to < c.period_end AND o.status <> 'open') AS settled,
               count(*) FILTER (WHERE o.evaluated_to < c.period_end AND o.status = 'closed') AS closed,
               c.period_start, c.period_end, c.n, c.signals, c.open, c.no_price, c.neutral
        FROM scorecards c
        JOIN llm_anomaly_signals s ON s.status = 'active'
            AND {PUBLIC_ON} >= c.period_start AND {PUBLIC_ON} < c.period_end
        LEFT JOIN signal_outcomes o ON o.signal_id = s.signal_id AND o.horizon_days = c.horizon_days
        WHERE c.period_end > %(start)s AND c.period_end <= %(end)s
          AND (c.classification, c.prompt_version, c.model) = ('ALL', 'ALL', 'ALL')
        GROUP BY s.signal_id, c.period_start, c.period_end, c.n, c.signals, c.open, c.no_price, c.neutral
    ), counted AS (
        SELECT period_end, n, signals, open, no_price, neutral, count(*) AS all_of_them,
               count(*) FILTER (WHERE direction = 'neutral') AS undirected,
               count(*) FILTER (WHERE direction <> 'neutral' AND settled = outcomes AND closed > 0) AS closed,
               count(*) FILTER (WHERE direction <> 'neutral' AND settled = outcomes AND closed = 0) AS unpriced,
               count(*) FILTER (WHERE direction <> 'neutral' AND settled < outcomes) AS running
        FROM stood GROUP BY period_end, n, signals, open, no_price, neutral
    )
    SELECT 'week before ' || period_end || ': ' || all_of_them || ' signals, ' || closed || ' closed, ' || running
           || ' open, ' || unpriced || ' without price, ' || undirected || ' neutral; the scorecard says ' || signals
           || ', ' || n || ', ' || open || ', ' || no_price || ', ' || neutral
    FROM counted
    WHERE (all_of_them, closed, running, unpriced, undirected) IS DISTINCT FROM (signals, n, open, no_price, neutral)
    ORDER BY 1"""  # noqa: S608

_NUMBERS_OF_NOTHING: LiteralString = """
    SELECT period_end || ' ' || classification || ' ' || prompt_version || ' ' || model
    FROM scorecards
    WHERE period_end > %(start)s AND period_end <= %(end)s AND (
        (n = 0 AND num_nonnulls(hit_rate, alpha_rate, false_positive_rate, mean_confidence_winners,
                                mean_confidence_losers, brier, ece, mean_alpha_pct, calibration, random_signals) > 0)
        OR (n > 0 AND num_nulls(hit_rate, brier, ece) > 0))
    ORDER BY 1"""


@dataclass(frozen=True)
class StoredOutcomes:
    """Outcomes in the table at the horizons in use."""

    closed: int
    open: int
    no_price: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.closed + self.open + self.no_price


def signals_without_outcome(conn: Connection[Any], end: date, horizons: Sequence[int]) -> list[str]:
    """Active signals public before `end` that have no outcome at a horizon."""
    return [row[0] for row in conn.execute(_WITHOUT_OUTCOME, {"end": end, "horizons": list(horizons)})]


def outcomes_ahead(conn: Connection[Any], end: date, now: datetime) -> list[str]:
    """Outcomes of signals public before `end` that use a close from before the disclosure, or later than they say, or,
    written by the run of the time `now`, one of `end` or later."""
    return [row[0] for row in conn.execute(_LOOK_AHEAD, {"end": end, "now": now})]


def stored_outcomes(conn: Connection[Any], signals: Iterable[str], horizons: Sequence[int]) -> StoredOutcomes:
    """Counts of the outcomes of these signals at these horizons."""
    values = {"signals": sorted(set(signals)), "horizons": list(horizons)}
    found = dict(conn.execute(_COUNTS, values).fetchall())
    return StoredOutcomes(found.get("closed", 0), found.get("open", 0), found.get("no_price", 0))


def miscounted_weeks(conn: Connection[Any], start: date, end: date) -> list[str]:
    """Overall scorecards of weeks that end in (start, end] whose counts are not those of the tables."""
    return [row[0] for row in conn.execute(_RECOUNT, {"start": start, "end": end})]


def numbers_of_nothing(conn: Connection[Any], start: date, end: date) -> list[str]:
    """Scorecards that state a number without a closed signal, or none although they have one."""
    return [row[0] for row in conn.execute(_NUMBERS_OF_NOTHING, {"start": start, "end": end})]
