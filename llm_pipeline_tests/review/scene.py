"""A small stored world for the tests of review: records that the gate decided, a signal, a recommendation."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row

from llm_pipeline.db.bulk import as_jsonb_rows
from llm_pipeline.db.connection import async_pool, connect
from llm_pipeline.review.item import Decision, Kind
from llm_pipeline.review.service import Decided, decide
from llm_pipeline.validation.store import apply_batch, read_shapes
from llm_pipeline.validation.stored_rows import BatchResult
from llm_pipeline.validation.stored_rows import Decision as GateDecision
from llm_pipeline.validation.verdict import Verdict, VerdictIssue
from llm_pipeline_tests.anomalies.stored import Row, disclosure_id, store

GATE_TIME = datetime(2021, 2, 1, tzinfo=UTC)
REVIEW_TIME = datetime(2021, 3, 1, 9, tzinfo=UTC)
AUDIT = "00000000-0000-4000-8000-0000000000ff"
FILER = "Quillon A Featherbarrow"
TRADED, DISCLOSED = date(2020, 5, 4), date(2020, 6, 15)

DUPLICATE = ("duplicate", "record_id", "defect")
MISMATCH = ("ticker_asset_mismatch", "ticker", "defect")
LATE = ("late_filing", "filing_date", "finding")

Issue = tuple[str, str, str]


def issue(given: Issue) -> VerdictIssue:
    """An issue of the rules."""
    issue_type, field, kind = given
    return VerdictIssue(
        step="semantic", field=field, issue_type=issue_type, severity="warning", kind=kind, source="rules",
        description=f"{issue_type} seen", reasoning="", suggested_action="review", expected=None, actual=None,
    )  # fmt: skip


def gate(url: str, verdicts: dict[str, tuple[str, Iterable[Issue]]], now: datetime = GATE_TIME) -> None:
    """Give the pending records of these names the gate's verdicts, as a run of it does."""
    decisions = tuple(
        GateDecision(Verdict(disclosure_id(name), status, tuple(map(issue, issues)), (), 9), AUDIT)  # type: ignore[arg-type]
        for name, (status, issues) in verdicts.items()
    )

    async def write() -> None:
        async with async_pool(url, 1) as pool, pool.connection() as conn, conn.cursor(row_factory=dict_row) as cur:
            await apply_batch(cur, BatchResult(decisions), now, "validation_gate", await read_shapes(cur))

    asyncio.run(write())


def records(url: str, verdicts: dict[str, tuple[str, Iterable[Issue]]]) -> None:
    """Records of these names, decided by the gate."""
    with connect(url) as conn:
        store(conn, [Row(name, FILER, TRADED, DISCLOSED, status="pending") for name in verdicts])
    gate(url, verdicts)


def revalidate(url: str, verdicts: dict[str, tuple[str, Iterable[Issue]]], **changed: Any) -> None:
    """The records wait again, with `changed` columns, and the gate decides anew."""
    settings = "".join(f", {name} = %({name})s" for name in changed)
    with connect(url) as conn:
        conn.execute(
            f"UPDATE trading_disclosures SET llm_validation_status = 'pending'{settings} WHERE id::text = ANY(%(ids)s)",
            {"ids": [disclosure_id(name) for name in verdicts], **changed},
        )
    gate(url, verdicts, GATE_TIME + timedelta(days=60))


def signal(conn: Connection[Any], name: str, trades: Iterable[str] = (), **changed: Any) -> str:
    """An active signal over records of these names, with the trading signal made from it; its id."""
    signal_id = f"sig-{name}"
    row = {
        "signal_id": signal_id,
        "candidate_id": f"cand-{name}",
        "as_of_date": DISCLOSED,
        "filer": FILER,
        "classification": "FREQUENCY_SPIKE",
        "severity": "high",
        "confidence": 8,
        "trades_involved": [
            {"record_id": disclosure_id(one), "ticker": "AAPL", "date": str(TRADED)} for one in trades
        ],
        "statistical_evidence": {"z_score": 6.5},
        "reasoning": "16 trades in 8 days",
        "trading_signal": {
            "direction": "long", "suggested_tickers": ["AAPL"], "time_horizon": "1_month", "conviction": 7,
        },
        **changed,
    }  # fmt: skip
    names = ", ".join(row)
    conn.execute(
        f"INSERT INTO llm_anomaly_signals ({names})"
        f" SELECT {names} FROM jsonb_populate_recordset(NULL::llm_anomaly_signals, %s)",
        [as_jsonb_rows([row])],
    )
    conn.commit()
    return signal_id


def recommendation(conn: Connection[Any], name: str, status: str = "pending") -> str:
    """A recommendation; its id."""
    conn.execute(
        """INSERT INTO llm_prompt_recommendations (feedback_id, scorecard, prompt_recommendations, status)
           VALUES (%s, '{"n": 40}', '[{"target_prompt": "validation_gate", "description": "say more"}]', %s)""",
        [name, status],
    )
    conn.commit()
    return name


def review(conn: Connection[Any], item_id: str, decision: Decision, kind: Kind | None = None, **given: Any) -> Decided:
    """A decision by one reviewer, committed."""
    values: dict[str, Any] = {"by": "Thaddea", "why": "checked the filing", "now": REVIEW_TIME, **given}
    decided = decide(conn, item_id, decision, kind=kind, **values)
    conn.commit()
    return decided


def quarantine_id(conn: Connection[Any], name: str) -> str:
    """The id of the newest quarantine row of a record."""
    row = conn.execute(
        """SELECT id::text FROM data_quality_quarantine WHERE original_record_id = %s
           ORDER BY created_at DESC LIMIT 1""",
        [disclosure_id(name)],
    ).fetchone()
    assert row is not None, name
    return str(row[0])


def value(conn: Connection[Any], query: str, *values: Any) -> Any:
    """The one value of a query."""
    row = conn.execute(query, values).fetchone()
    assert row is not None, query
    return row[0]


def verdict_of(conn: Connection[Any], name: str) -> str:
    """A record's status."""
    return str(value(conn, "SELECT llm_validation_status FROM trading_disclosures WHERE id = %s", disclosure_id(name)))


def issues_of(conn: Connection[Any], name: str) -> dict[str, str]:
    """Status of each issue of a record, by type."""
    return dict(
        conn.execute(
            "SELECT issue_type, status FROM data_quality_issues WHERE record_id = %s", [disclosure_id(name)]
        ).fetchall()
    )
