"""The SQL of signals: decisions with their signals and refused claims, and the trading signals made from them.

Belongs here: set-based reads and writes; the caller holds the transaction. A human's review is never overwritten
unless the evidence under it changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, LiteralString

from psycopg import AsyncCursor, Connection, Cursor
from psycopg.rows import dict_row

from llm_pipeline.anomalies.decision import Decision, signal_row
from llm_pipeline.anomalies.stored_candidate import row_id
from llm_pipeline.db.bulk import as_jsonb_rows

SOURCE = "llm_anomaly_detection"
LEAST_CONFIDENCE = 7
"""Confidence from which a signal becomes a trading signal."""

_APPLY: LiteralString = """
    WITH decided AS MATERIALIZED (
        SELECT * FROM jsonb_populate_recordset(NULL::anomaly_decisions, %(decisions)s)
    ), remembered AS (
        INSERT INTO anomaly_decisions AS d (candidate_id, as_of_date, outcome, explanation, evidence_sha256,
            audit_trail_id, decided_at)
        SELECT candidate_id, as_of_date, outcome, explanation, evidence_sha256, audit_trail_id, %(now)s FROM decided
        ON CONFLICT (candidate_id) DO UPDATE SET outcome = EXCLUDED.outcome, explanation = EXCLUDED.explanation,
            evidence_sha256 = EXCLUDED.evidence_sha256, audit_trail_id = EXCLUDED.audit_trail_id,
            decided_at = EXCLUDED.decided_at
    ), withdrawn AS (
        UPDATE llm_anomaly_signals s SET status = 'withdrawn'
        FROM decided d WHERE s.candidate_id = d.candidate_id AND d.outcome <> 'signal' AND s.status <> 'withdrawn'
    ), claims AS (
        INSERT INTO ungrounded_claims (audit_trail_id, interrogation, claim, reason_code, detail)
        SELECT audit_trail_id, interrogation, claim, reason_code, detail
        FROM jsonb_populate_recordset(NULL::ungrounded_claims, %(claims)s)
    )
    -- The same signal again keeps what was decided on it; another one waits for a decision of its own.
    INSERT INTO llm_anomaly_signals AS s (id, created_at, signal_id, filer, classification, severity, confidence,
        trades_involved, legislative_context, statistical_evidence, reasoning, trading_signal,
        self_verification_notes, analysis_window_start, analysis_window_end, audit_trail_id, candidate_id, as_of_date,
        last_seen)
    SELECT id, %(now)s, signal_id, filer, classification, severity, confidence, trades_involved, legislative_context,
        statistical_evidence, reasoning, trading_signal, self_verification_notes, analysis_window_start,
        analysis_window_end, audit_trail_id, candidate_id, as_of_date,
        -- In a run over many days the episode may have gone on before its signal is written.
        COALESCE((SELECT max(x.as_of_date) FROM anomaly_sightings x WHERE x.candidate_id = made.candidate_id),
                 last_seen)
    FROM jsonb_populate_recordset(NULL::llm_anomaly_signals, %(signals)s) AS made
    ON CONFLICT (signal_id) DO UPDATE SET filer = EXCLUDED.filer, classification = EXCLUDED.classification,
        severity = EXCLUDED.severity, confidence = EXCLUDED.confidence, trades_involved = EXCLUDED.trades_involved,
        legislative_context = EXCLUDED.legislative_context, statistical_evidence = EXCLUDED.statistical_evidence,
        reasoning = EXCLUDED.reasoning, trading_signal = EXCLUDED.trading_signal,
        self_verification_notes = EXCLUDED.self_verification_notes,
        analysis_window_start = EXCLUDED.analysis_window_start, analysis_window_end = EXCLUDED.analysis_window_end,
        audit_trail_id = EXCLUDED.audit_trail_id, status = 'active',
        (review_status, reviewed_by, reviewed_at, review_notes) = (
            SELECT kept.* FROM (SELECT s.review_status, s.reviewed_by, s.reviewed_at, s.review_notes) AS kept
            WHERE (s.filer, s.classification, s.severity, s.confidence, s.trades_involved, s.legislative_context,
                   s.statistical_evidence, s.reasoning, s.trading_signal, s.self_verification_notes, s.as_of_date)
                IS NOT DISTINCT FROM
                  (EXCLUDED.filer, EXCLUDED.classification, EXCLUDED.severity, EXCLUDED.confidence,
                   EXCLUDED.trades_involved, EXCLUDED.legislative_context, EXCLUDED.statistical_evidence,
                   EXCLUDED.reasoning, EXCLUDED.trading_signal, EXCLUDED.self_verification_notes, EXCLUDED.as_of_date)
            UNION ALL SELECT 'pending', NULL, NULL, NULL LIMIT 1)"""

_TRADING_SOURCE: LiteralString = """
    SELECT s.signal_id, s.filer, s.classification, s.severity, s.confidence, s.trading_signal, s.trades_involved,
           s.as_of_date, s.created_at, s.review_status, s.statistical_evidence #>> '{thresholds,version}' AS thresholds,
           a.model_used, a.prompt_version
    FROM llm_anomaly_signals s LEFT JOIN llm_audit_trail a ON a.id = s.audit_trail_id
    WHERE s.as_of_date >= %(start)s AND s.as_of_date < %(end)s AND s.status = 'active'
      AND s.review_status <> 'rejected' AND s.confidence >= %(least)s
    ORDER BY s.signal_id"""

_NAMES: LiteralString = """
    SELECT asset_ticker, min(asset_name COLLATE "C") FROM trading_disclosures
    WHERE asset_ticker = ANY(%s) GROUP BY 1"""

_WRITE_TRADING: LiteralString = """
    WITH made AS MATERIALIZED (
        SELECT * FROM jsonb_populate_recordset(NULL::trading_signals, %(rows)s)
    ), ended AS (
        UPDATE trading_signals t SET is_active = false
        FROM llm_anomaly_signals s
        WHERE t.anomaly_signal_id = s.signal_id AND t.source = 'llm_anomaly_detection' AND t.is_active
          AND s.as_of_date >= %(start)s AND s.as_of_date < %(end)s
          AND NOT EXISTS (SELECT FROM made WHERE made.id = t.id)
    )
    INSERT INTO trading_signals AS t (id, ticker, asset_name, signal_type, signal_strength, confidence_score,
        generated_at, model_version, disclosure_ids, features, is_active, notes, source, anomaly_signal_id,
        review_status)
    SELECT id, ticker, asset_name, signal_type, signal_strength, confidence_score, generated_at, model_version,
        disclosure_ids, features, is_active, notes, source, anomaly_signal_id, review_status
    FROM made
    ON CONFLICT (id) DO UPDATE SET signal_type = EXCLUDED.signal_type, signal_strength = EXCLUDED.signal_strength,
        confidence_score = EXCLUDED.confidence_score, generated_at = EXCLUDED.generated_at,
        model_version = EXCLUDED.model_version, disclosure_ids = EXCLUDED.disclosure_ids,
        features = EXCLUDED.features, is_active = true, review_status = EXCLUDED.review_status
    -- As text: a found table may keep features as json, which knows no equality.
    WHERE (t.signal_type, t.signal_strength, t.confidence_score, t.model_version, t.disclosure_ids, t.features::text,
           t.is_active, t.review_status)
        IS DISTINCT FROM (EXCLUDED.signal_type, EXCLUDED.signal_strength, EXCLUDED.confidence_score,
                          EXCLUDED.model_version, EXCLUDED.disclosure_ids, EXCLUDED.features::text, true,
                          EXCLUDED.review_status)"""

_SIGNAL_TYPE = {"long": "buy", "short": "sell", "neutral": "hold"}


def read_decided(conn: Connection[Any], start: date, end: date) -> dict[str, tuple[str, str]]:
    """{candidate id: (outcome, hash of the evidence decided on)} of the candidates first seen in [start, end)."""
    rows = conn.execute(
        """SELECT candidate_id, outcome, evidence_sha256 FROM anomaly_decisions
           WHERE as_of_date >= %s AND as_of_date < %s""",
        [start, end],
    ).fetchall()
    return {row[0]: (row[1], row[2]) for row in rows}


async def apply_decisions(
    cur: AsyncCursor[dict[str, Any]],
    decisions: Sequence[Decision],
    foreign: Sequence[tuple[str, str]],
    interrogation: str,
    now: datetime,
) -> None:
    """Store decisions, signals and refused claims in ONE statement of the caller's transaction.

    Args:
        foreign: (candidate id, audit id) of answers about candidates that nobody asked about.
    """
    claims = [
        {
            "audit_trail_id": decision.audit_id,
            "interrogation": interrogation,
            "claim": claim.claim,
            "reason_code": claim.reason_code,
            "detail": claim.detail,
        }
        for decision in decisions
        for claim in decision.claims
    ] + [
        {
            "audit_trail_id": audit_id,
            "interrogation": interrogation,
            "claim": {"candidate_id": candidate_id},
            "reason_code": "unknown_candidate",
            "detail": "nobody asked about this candidate",
        }
        for candidate_id, audit_id in foreign
    ]
    await cur.execute(
        _APPLY,
        {
            "decisions": as_jsonb_rows(one.row() for one in decisions),
            "signals": as_jsonb_rows(signal_row(one) for one in decisions if one.signal is not None),
            "claims": as_jsonb_rows(claims),
            "now": now,
        },
    )


@dataclass(frozen=True)
class TradingSignalCounts:
    """Trading signals of a window by type, and how many of its signals they come from."""

    signals: int
    buy: int
    sell: int
    hold: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.buy + self.sell + self.hold


def write_trading_signals(cur: Cursor[Any], start: date, end: date) -> TradingSignalCounts:
    """Make the window's trading signals what its signals of confidence 7 and more say, one for each ticker.

    Those of withdrawn and of rejected signals are switched off. The table may have been there before: values take its
    own types.
    """
    window = {"start": start, "end": end}
    with cur.connection.cursor(row_factory=dict_row) as reading:
        found = reading.execute(_TRADING_SOURCE, {**window, "least": LEAST_CONFIDENCE}).fetchall()
    tickers = sorted({t for one in found for t in one["trading_signal"]["suggested_tickers"]})
    names = dict(cur.execute(_NAMES, [tickers]).fetchall())
    rows = [
        _trading_row(one, ticker, names.get(ticker))
        for one in found
        for ticker in dict.fromkeys(one["trading_signal"]["suggested_tickers"])
    ]
    cur.execute(_WRITE_TRADING, {**window, "rows": as_jsonb_rows(rows)})
    kinds = [row["signal_type"] for row in rows]
    return TradingSignalCounts(len(found), kinds.count("buy"), kinds.count("sell"), kinds.count("hold"))


def stray_trading_signals(conn: Connection[Any]) -> list[str]:
    """Active trading signals of ours without an active signal of confidence 7 or more behind them that nobody rejected,
    at most 20."""
    rows = conn.execute(
        """SELECT t.id::text FROM trading_signals t
           LEFT JOIN llm_anomaly_signals s ON s.signal_id = t.anomaly_signal_id AND s.status = 'active'
               AND s.confidence >= %s AND s.review_status <> 'rejected'
           WHERE t.source = %s AND t.is_active AND s.signal_id IS NULL ORDER BY 1 LIMIT 20""",
        [LEAST_CONFIDENCE, SOURCE],
    ).fetchall()
    return [row[0] for row in rows]


def _trading_row(signal: dict[str, Any], ticker: str, name: str | None) -> dict[str, Any]:
    advice = signal["trading_signal"]
    trades = [one["record_id"] for one in signal["trades_involved"] if one["ticker"] == ticker]
    return {
        "id": row_id("trading_signal", signal["signal_id"], ticker),
        "ticker": ticker,
        "asset_name": name,
        "signal_type": _SIGNAL_TYPE[advice["direction"]],
        "signal_strength": {0: "weak", 1: "weak", 2: "moderate"}.get(advice["conviction"] // 3, "strong"),
        "confidence_score": f"{signal['confidence'] / 10:.1f}",
        "generated_at": signal["created_at"],
        "model_version": f"{signal['model_used']}, {SOURCE} {signal['prompt_version']}",
        "disclosure_ids": trades,
        "features": {
            "classification": signal["classification"],
            "severity": signal["severity"],
            "filer": signal["filer"],
            "as_of_date": signal["as_of_date"],
            "time_horizon": advice["time_horizon"],
            "conviction": advice["conviction"],
            "thresholds_version": signal["thresholds"],
        },
        "is_active": True,
        "notes": "A lead for review; not an accusation, not investment advice.",
        "source": SOURCE,
        "anomaly_signal_id": signal["signal_id"],
        "review_status": signal["review_status"],
    }
