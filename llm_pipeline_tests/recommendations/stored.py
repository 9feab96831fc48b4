"""Signals with outcomes and a scorecard in a real database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid5

from psycopg import Connection
from psycopg.types.json import Jsonb

from llm_pipeline.recommendations.case import SignalResult
from llm_pipeline_tests.recommendations.periods import END, START

NOW = datetime(2024, 3, 10, 3, tzinfo=UTC)
HORIZON = 21
NAMES = UUID("a4b1c0de-0000-5000-8000-00000000feed")


def store(conn: Connection[Any], signals: Sequence[SignalResult], end: date = END) -> None:
    """Write signals, their model calls, trades' issues, closed outcomes and the scorecard that counts them."""
    for one in signals:
        hit = None if one.direction == "neutral" else one.hit
        audit, trade = uuid5(NAMES, one.signal_id), f"trade of {one.signal_id}"
        conn.execute(
            """INSERT INTO llm_audit_trail (id, service_name, status, prompt_version)
               VALUES (%s, 'anomaly_detection', 'ok', %s) ON CONFLICT DO NOTHING""",
            [audit, one.prompt_version],
        )
        conn.execute(
            """INSERT INTO llm_anomaly_signals (signal_id, as_of_date, filer, classification, severity, confidence,
                   trades_involved, statistical_evidence, trading_signal, audit_trail_id)
               VALUES (%s, %s, 'Invented Filer', %s, %s, %s, %s, %s, %s, %s)""",
            [
                one.signal_id,
                one.as_of_date,
                one.classification,
                one.severity,
                one.confidence,
                Jsonb([{"record_id": trade, "ticker": "AAPL", "date": "2024-01-02"}]),
                Jsonb({"cautions": [f"{caution}: said at length" for caution in one.cautions]}),
                Jsonb({"direction": one.direction, "suggested_tickers": ["AAPL"]}),
                audit,
            ],
        )
        for issue in one.quality_issues:
            conn.execute(
                """INSERT INTO data_quality_issues (severity, issue_type, table_name, record_id)
                   VALUES ('warning', %s, 'trading_disclosures', %s)""",
                [issue, trade],
            )
        conn.execute(
            """INSERT INTO signal_outcomes (signal_id, ticker, direction, status, entry_date, exit_date, return_pct,
                   alpha_pct, hit, horizon_days, evaluated_to, as_of_date)
               VALUES (%s, 'AAPL', %s, 'closed', '2024-01-11', '2024-02-12', %s, %s, %s, %s, '2024-02-12', %s)""",
            [one.signal_id, one.direction, one.return_pct, one.alpha_pct, hit, HORIZON, one.as_of_date],
        )
    score(conn, len(signals), end)
    conn.commit()


def score(conn: Connection[Any], closed: int, end: date = END) -> None:
    """The overall scorecard of the 52 weeks before `end`."""
    conn.execute(
        """INSERT INTO scorecards (period_start, period_end, classification, n, horizon_days, signals, open, no_price,
               neutral, scorecard)
           VALUES (%s, %s, 'ALL', %s, %s, %s, 0, 0, 0, %s)""",
        [START.replace(year=START.year - 1), end, closed, HORIZON, closed, Jsonb({"n": closed, "hit_rate": 0.4})],
    )
