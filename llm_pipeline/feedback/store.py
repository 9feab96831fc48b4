"""The SQL of outcomes and scorecards. The caller holds the transaction.

A row is written only where it says something new, so that a second run changes nothing, the time of writing included.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any, LiteralString

from psycopg import Connection, Cursor
from psycopg.rows import dict_row

from llm_pipeline.anomalies.store import KNOWN_ON
from llm_pipeline.db.bulk import as_jsonb_rows
from llm_pipeline.feedback.outcome import Outcome
from llm_pipeline.feedback.scorecard import PeriodScorecards, Scorecard, calibration_json, card_json, random_json
from llm_pipeline.feedback.signal import Position, Signal
from llm_pipeline.reference.codes import ticker_code

_DIRECTION = {"buy": "long", "strong_buy": "long", "sell": "short", "strong_sell": "short"}

PUBLIC_ON: LiteralString = "COALESCE(s.as_of_date, s.created_at::date)"

_SIGNALS: LiteralString = f"""
    SELECT s.signal_id, {PUBLIC_ON} AS as_of_date, s.classification, s.confidence, s.trading_signal,
           COALESCE(a.prompt_version, 'unknown') AS prompt_version, COALESCE(a.model_used, 'unknown') AS model,
           t.made
    FROM llm_anomaly_signals s
    LEFT JOIN llm_audit_trail a ON a.id = s.audit_trail_id
    LEFT JOIN LATERAL (
        SELECT jsonb_agg(jsonb_build_array(t.ticker, t.id::text, t.signal_type) ORDER BY t.ticker COLLATE "C") AS made
        FROM trading_signals t WHERE t.anomaly_signal_id = s.signal_id AND t.is_active AND t.ticker IS NOT NULL
    ) AS t ON true
    WHERE s.status = 'active' AND {PUBLIC_ON} < %(end)s
      AND ({PUBLIC_ON} >= %(since)s OR %(and_unsettled)s AND (
          EXISTS (SELECT FROM signal_outcomes o
                  WHERE o.signal_id = s.signal_id AND o.status = 'open' AND o.horizon_days = ANY(%(horizons)s))
          OR EXISTS (SELECT FROM unnest(%(horizons)s::integer[]) AS h
                     WHERE NOT EXISTS (SELECT FROM signal_outcomes o
                                       WHERE o.signal_id = s.signal_id AND o.horizon_days = h))))
    ORDER BY 2, s.signal_id"""  # noqa: S608

# The table may have been there before us, with other columns: it is read as JSON, and only rows that name a signal.
_POSITIONS: LiteralString = """
    SELECT p ->> 'signal_id' AS signal_id, COALESCE(p ->> 'ticker', p ->> 'symbol') AS ticker,
           COALESCE(p ->> 'side', 'long') AS side, left(p ->> 'entry_date', 10)::date AS entry_date,
           (p ->> 'entry_price')::double precision AS entry_price, left(p ->> 'exit_date', 10)::date AS exit_date,
           (p ->> 'exit_price')::double precision AS exit_price
    FROM (SELECT to_jsonb(positions) AS p FROM positions) AS found
    WHERE p ->> 'signal_id' IS NOT NULL AND p ->> 'entry_date' IS NOT NULL
      AND (p ->> 'entry_price')::double precision > 0
      AND COALESCE(p ->> 'ticker', p ->> 'symbol') IS NOT NULL
      AND COALESCE(p ->> 'side', 'long') IN ('long', 'short')"""

_OUTCOMES: LiteralString = """
    SELECT signal_id, trading_signal_id, ticker, horizon_days, direction, status, as_of_date, evaluated_to, entry_date,
           entry_price::double precision AS entry_price, exit_date, exit_price::double precision AS exit_price,
           holding_days, return_pct, benchmark, benchmark_return_pct, alpha_pct, max_drawdown_pct, hit, basis, reason
    FROM signal_outcomes
    WHERE horizon_days = %(horizon)s AND as_of_date >= %(since)s AND as_of_date < %(end)s
    ORDER BY signal_id, ticker"""

# Outcomes go with their signal: of one withdrawn since, or of a ticker it does not suggest any more, nothing is kept.
_REMOVE: LiteralString = f"""
    DELETE FROM signal_outcomes o
    WHERE o.as_of_date < %(end)s AND (
        NOT EXISTS (SELECT FROM llm_anomaly_signals s
                    WHERE s.signal_id = o.signal_id AND s.status = 'active' AND {PUBLIC_ON} < %(end)s)
        OR EXISTS (SELECT FROM unnest(%(signals)s::text[]) AS n WHERE n = o.signal_id)
           AND NOT EXISTS (SELECT FROM unnest(%(signals)s::text[], %(tickers)s::text[]) AS n (signal_id, ticker)
                           WHERE (n.signal_id, n.ticker) = (o.signal_id, o.ticker)))"""  # noqa: S608

_COLUMNS: LiteralString = """trading_signal_id, direction, status, as_of_date, evaluated_to, entry_date, entry_price,
    exit_date, exit_price, holding_days, return_pct, benchmark, benchmark_return_pct, alpha_pct, max_drawdown_pct, hit,
    basis, reason"""
_NEW: LiteralString = ", ".join(f"EXCLUDED.{name.strip()}" for name in _COLUMNS.split(","))
_OLD: LiteralString = ", ".join(f"o.{name.strip()}" for name in _COLUMNS.split(","))

# What a later week has settled or looked at is not taken back by an earlier one.
_WRITE_OUTCOMES: LiteralString = f"""
    INSERT INTO signal_outcomes AS o (signal_id, ticker, horizon_days, {_COLUMNS}, computed_at)
    SELECT signal_id, ticker, horizon_days, {_COLUMNS}, %(now)s
    FROM jsonb_populate_recordset(NULL::signal_outcomes, %(rows)s)
    ON CONFLICT (signal_id, ticker, horizon_days) DO UPDATE SET ({_COLUMNS}, computed_at) = ({_NEW}, %(now)s)
    WHERE o.evaluated_to <= %(through)s AND ({_OLD}) IS DISTINCT FROM ({_NEW})"""  # noqa: S608

_POOL: LiteralString = f"""
    SELECT DISTINCT {KNOWN_ON} AS day, d.asset_ticker
    FROM trading_disclosures d
    WHERE d.deleted_at IS NULL AND d.llm_validation_status IN ('pass', 'flag') AND d.asset_ticker IS NOT NULL
      AND {KNOWN_ON} >= %(first)s AND {KNOWN_ON} < %(end)s"""  # noqa: S608

_CARD_COLUMNS: LiteralString = """n, hit_rate, alpha_rate, false_positive_rate, mean_confidence_winners,
    mean_confidence_losers, brier, calibration, intervals, horizon_days, benchmark, signals, open, no_price, neutral,
    ece, mean_alpha_pct, random_signals, scorecard"""
_NEW_CARD: LiteralString = ", ".join(f"EXCLUDED.{name.strip()}" for name in _CARD_COLUMNS.split(","))
_OLD_CARD: LiteralString = ", ".join(f"c.{name.strip()}" for name in _CARD_COLUMNS.split(","))
_CARD_KEY: LiteralString = "period_start, period_end, classification, prompt_version, model"

_WRITE_CARDS: LiteralString = f"""
    WITH made AS MATERIALIZED (
        SELECT * FROM jsonb_populate_recordset(NULL::scorecards, %(rows)s)
    ), gone AS (
        DELETE FROM scorecards c
        WHERE c.period_end > %(start)s AND c.period_end <= %(end)s
          AND NOT EXISTS (SELECT FROM made m
                          WHERE (m.period_start, m.period_end, m.classification, m.prompt_version, m.model)
                              = (c.period_start, c.period_end, c.classification, c.prompt_version, c.model))
    )
    INSERT INTO scorecards AS c ({_CARD_KEY}, {_CARD_COLUMNS}, computed_at)
    SELECT {_CARD_KEY}, {_CARD_COLUMNS}, %(now)s FROM made
    ON CONFLICT ({_CARD_KEY}) DO UPDATE SET ({_CARD_COLUMNS}, computed_at) = ({_NEW_CARD}, %(now)s)
    WHERE ({_OLD_CARD}) IS DISTINCT FROM ({_NEW_CARD})"""  # noqa: S608


def read_signals(
    conn: Connection[Any], since: date, end: date, horizons: Sequence[int], *, and_unsettled: bool = False
) -> list[Signal]:
    """The active signals that became public in [since, end), by day and id.

    and_unsettled: also earlier ones that have an open outcome, or none at one of the horizons.
    """
    values = {"since": since, "end": end, "horizons": list(horizons), "and_unsettled": and_unsettled}
    with conn.cursor(row_factory=dict_row) as cur:
        return [_signal(row) for row in cur.execute(_SIGNALS, values)]


def _signal(row: dict[str, Any]) -> Signal:
    advice, made = row["trading_signal"] or {}, row["made"] or []
    own = _DIRECTION.get(made[0][2], "neutral") if made else "neutral"
    tickers = advice.get("suggested_tickers", [ticker for ticker, *_ in made])
    return Signal(
        signal_id=row["signal_id"],
        as_of_date=row["as_of_date"],
        classification=row["classification"],
        direction=advice.get("direction", own),
        tickers=tuple(dict.fromkeys(tickers)),
        confidence=row["confidence"],
        prompt_version=row["prompt_version"],
        model=row["model"],
        trading_signals=tuple((ticker, id_) for ticker, id_, _ in made),
    )


def read_positions(conn: Connection[Any]) -> tuple[Position, ...]:
    """The positions that name a signal and say when and at what price they were taken."""
    with conn.cursor(row_factory=dict_row) as cur:
        return tuple(Position(**row) for row in cur.execute(_POSITIONS))


def read_outcomes(conn: Connection[Any], since: date, end: date, horizon: int) -> list[Outcome]:
    """The stored outcomes at a horizon of the signals that became public in [since, end)."""
    with conn.cursor(row_factory=dict_row) as cur:
        return [Outcome(**row) for row in cur.execute(_OUTCOMES, {"since": since, "end": end, "horizon": horizon})]


def read_pools(conn: Connection[Any], days: Iterable[date], pool_days: int) -> dict[date, frozenset[str]]:
    """By day, the tickers of validated trades that became public in the `pool_days` days up to and with it."""
    wanted = sorted(set(days))
    if not wanted:
        return {}
    first, end = wanted[0] - timedelta(days=pool_days - 1), wanted[-1] + timedelta(days=1)
    by_day: dict[date, set[str]] = {}
    for day, ticker in conn.execute(_POOL, {"first": first, "end": end}):
        by_day.setdefault(day, set()).add(ticker_code(ticker))
    back = [timedelta(days=n) for n in range(pool_days)]
    return {day: frozenset().union(*(by_day.get(day - step, ()) for step in back)) for day in wanted}


@dataclass(frozen=True)
class Written:
    """Rows that a run wrote, because they were new or said something else before, and rows it removed."""

    changed: int
    removed: int


def write_outcomes(cur: Cursor[Any], outcomes: Sequence[Outcome], through: date, now: datetime) -> Written:
    """Make the table say what became of these signals by the day `through`; what a later day settled stays."""
    named = sorted({(one.signal_id, one.ticker) for one in outcomes})
    cur.execute(
        _REMOVE,
        {
            "end": through + timedelta(days=1),
            "signals": [signal for signal, _ in named],
            "tickers": [ticker for _, ticker in named],
        },
    )
    removed = cur.rowcount
    rows = as_jsonb_rows(asdict(one) for one in outcomes)
    cur.execute(_WRITE_OUTCOMES, {"rows": rows, "through": through, "now": now})
    return Written(cur.rowcount, removed)


def write_scorecards(
    cur: Cursor[Any], periods: Sequence[PeriodScorecards], start: date, end: date, now: datetime
) -> int:
    """Make the scorecards of the weeks that end in (start, end] these; returns how many rows changed."""
    rows = as_jsonb_rows(_card_row(period, card) for period in periods for card in period.cards)
    cur.execute(_WRITE_CARDS, {"rows": rows, "start": start, "end": end, "now": now})
    return cur.rowcount


def _card_row(period: PeriodScorecards, card: Scorecard) -> dict[str, Any]:
    rates = {
        "hit_rate": card.hit_rate.interval,
        "alpha_rate": card.alpha_rate.interval,
        "false_positive_rate": card.false_positive_rate.interval,
        "mean_alpha_pct": card.alpha.interval,
    }
    return {
        "period_start": period.start,
        "period_end": period.end,
        **asdict(card.group),
        "n": card.counts.closed,
        "signals": card.counts.signals,
        "open": card.counts.open,
        "no_price": card.counts.no_price,
        "neutral": card.counts.neutral,
        "horizon_days": period.horizon_days,
        "benchmark": period.benchmark,
        "hit_rate": card.hit_rate.value,
        "alpha_rate": card.alpha_rate.value,
        "false_positive_rate": card.false_positive_rate.value,
        "mean_confidence_winners": card.mean_confidence_winners,
        "mean_confidence_losers": card.mean_confidence_losers,
        "brier": card.calibration.brier,
        "ece": card.calibration.ece,
        "calibration": calibration_json(card.calibration) or None,
        "intervals": {name: [one.low, one.high] if one else None for name, one in rates.items()},
        "mean_alpha_pct": card.alpha.mean_pct,
        "random_signals": random_json(card.random),
        "scorecard": card_json(card),
    }
