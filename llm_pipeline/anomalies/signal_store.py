"""The SQL of the trading signals made from signals that a model upheld with confidence.

Belongs here: set-based reads and writes; the caller holds the transaction. Decisions and signals themselves have their
own module, `decision_store.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, LiteralString

from psycopg import Connection, Cursor
from psycopg.rows import dict_row

from llm_pipeline.anomalies.stored_candidate import row_id
from llm_pipeline.db.bulk import as_jsonb_rows

SOURCE = "llm_anomaly_detection"
LEAST_CONFIDENCE = 7
"""Confidence from which a signal becomes a trading signal."""

_TRADING_SOURCE: LiteralString = """
    SELECT s.signal_id, s.filer, s.classification, s.severity, s.confidence, s.trading_signal, s.trades_involved,
           s.as_of_date, s.evidence_as_of, s.created_at, s.review_status,
           s.statistical_evidence #>> '{thresholds,version}' AS thresholds,
           a.model_used, a.prompt_version
    FROM llm_anomaly_signals s LEFT JOIN llm_audit_trail a ON a.id = s.audit_trail_id
    WHERE (s.as_of_date >= %(start)s OR s.evidence_as_of >= %(start)s) AND s.status = 'active'
      AND s.review_status <> 'rejected' AND s.confidence >= %(least)s
    ORDER BY s.signal_id"""

_NAMES: LiteralString = """
    SELECT asset_ticker, min(asset_name COLLATE "C") FROM trading_disclosures
    WHERE asset_ticker = ANY(%s) GROUP BY 1"""

_WRITE_TRADING: LiteralString = """
    WITH made AS MATERIALIZED (
        SELECT * FROM jsonb_populate_recordset(NULL::trading_signals, %(rows)s)
    ), ended AS (
        -- Those of signals that were withdrawn or lost confidence, of whatever day: an episode found again under
        -- another id leaves none behind. Of the signals looked at, also those of tickers not suggested any more.
        UPDATE trading_signals t SET is_active = false
        WHERE t.source = 'llm_anomaly_detection' AND t.is_active
          AND NOT EXISTS (SELECT FROM made WHERE made.id = t.id)
          AND NOT EXISTS (
              SELECT FROM llm_anomaly_signals s WHERE s.signal_id = t.anomaly_signal_id AND s.status = 'active'
                AND s.confidence >= %(least)s AND s.as_of_date < %(start)s
                AND COALESCE(s.evidence_as_of, s.as_of_date) < %(start)s)
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
    """Make trading signals what the signals of confidence 7 and more say, one for each ticker.

    Those of the window, and of later days: a window run again can change how later episodes go on. The count is the
    window's. Those of withdrawn and of rejected signals are switched off. The table may have been there before: values
    take its own types.
    """
    window = {"start": start, "least": LEAST_CONFIDENCE}
    with cur.connection.cursor(row_factory=dict_row) as reading:
        found = reading.execute(_TRADING_SOURCE, window).fetchall()
    tickers = sorted({t for one in found for t in one["trading_signal"]["suggested_tickers"]})
    names = dict(cur.execute(_NAMES, [tickers]).fetchall())
    rows = [
        _trading_row(one, ticker, names.get(ticker))
        for one in found
        for ticker in dict.fromkeys(one["trading_signal"]["suggested_tickers"])
    ]
    cur.execute(_WRITE_TRADING, {**window, "rows": as_jsonb_rows(rows)})
    within = {one["signal_id"] for one in found if start <= one["as_of_date"] < end}
    kinds = [row["signal_type"] for row in rows if row["anomaly_signal_id"] in within]
    return TradingSignalCounts(len(within), kinds.count("buy"), kinds.count("sell"), kinds.count("hold"))


def strongest_signals(conn: Connection[Any], start: date, end: date, most: int) -> list[dict[str, Any]]:
    """The active signals of the as-of dates [start, end), the most confident first."""
    with conn.cursor(row_factory=dict_row) as cur:
        return cur.execute(
            """SELECT signal_id, as_of_date::text AS as_of, filer, classification, severity, confidence, review_status
               FROM llm_anomaly_signals
               WHERE as_of_date >= %s AND as_of_date < %s AND status = 'active'
               ORDER BY confidence DESC, as_of_date DESC, signal_id LIMIT %s""",
            [start, end, most],
        ).fetchall()


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
            "evidence_as_of": signal["evidence_as_of"],
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
