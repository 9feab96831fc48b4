"""Decisions on tables that another product made: numbered reviewers, other types, its own rows left alone."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from psycopg.rows import dict_row

import llm_pipeline_tests.db as db_tests
from llm_pipeline.db.connection import async_pool, connect
from llm_pipeline.db.migrations import migrate
from llm_pipeline.review.queue import list_waiting
from llm_pipeline.validation.store import apply_batch, read_shapes
from llm_pipeline.validation.stored_rows import BatchResult, Decision
from llm_pipeline.validation.verdict import Verdict
from llm_pipeline_tests.review.scene import AUDIT, DUPLICATE, GATE_TIME, MISMATCH, issue, review, signal

EXISTING = (Path(db_tests.__file__).parent / "existing.sql").read_text()
FIRST, SECOND = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"


@pytest.fixture
def existing(empty_database_url):
    with connect(empty_database_url) as conn:
        conn.execute(EXISTING)
    migrate(empty_database_url)

    async def write():
        verdicts = [
            Verdict(FIRST, "reject", (issue(DUPLICATE),), (), 9),
            Verdict(SECOND, "flag", (issue(MISMATCH),), (), 9),
        ]
        async with (
            async_pool(empty_database_url, 1) as pool,
            pool.connection() as conn,
            conn.cursor(row_factory=dict_row) as cur,
        ):
            batch = BatchResult(tuple(Decision(one, AUDIT) for one in verdicts))
            await apply_batch(cur, batch, GATE_TIME, "validation_gate", await read_shapes(cur))

    asyncio.run(write())
    with connect(empty_database_url) as conn:
        yield conn


def test_records_are_decided_in_their_own_types(existing):
    quarantined, flagged = list_waiting(existing)
    assert [quarantined.kind, flagged.item_id] == ["quarantine", SECOND]
    assert review(existing, quarantined.item_id, "approved").days
    review(existing, SECOND, "rejected", why="w" * 500)
    rows = existing.execute(
        """SELECT original_record_id::text, status, reviewed_by, cardinality(issue_ids) FROM data_quality_quarantine
           WHERE original_record_id IS NOT NULL ORDER BY 1"""
    ).fetchall()
    # Their reviewers are numbered, so the name stands in review_decisions alone.
    assert rows == [(FIRST, "approved", None, 1), (SECOND, "rejected", None, 1)]
    assert existing.execute("SELECT reviewed_by FROM review_decisions").fetchall() == [("Thaddea",)] * 2
    assert existing.execute(
        "SELECT record_id::text, new_value FROM data_quality_corrections WHERE correction_type = 'review' ORDER BY 1"
    ).fetchall() == [(FIRST, "flag"), (SECOND, "reject")]
    assert list_waiting(existing) == []


def test_their_own_rows_wait_for_nobody_and_keep_their_status(existing):
    before = existing.execute("SELECT * FROM data_quality_quarantine WHERE original_record_id IS NULL").fetchall()
    theirs = existing.execute("SELECT * FROM trading_signals ORDER BY id").fetchall()
    for one in list_waiting(existing):
        review(existing, one.item_id, "approved")
    assert (
        existing.execute("SELECT * FROM data_quality_quarantine WHERE original_record_id IS NULL").fetchall() == before
    )
    assert existing.execute("SELECT * FROM trading_signals ORDER BY id").fetchall() == theirs


def test_a_trading_signal_in_their_table_follows_its_signal(existing):
    item_id = signal(existing, "a")
    existing.execute(
        """INSERT INTO trading_signals (ticker, signal_type, source, anomaly_signal_id, review_status)
           VALUES ('AAPL', 'buy', 'llm_anomaly_detection', %s, 'pending')""",
        [item_id],
    )
    existing.commit()
    review(existing, item_id, "approved")
    assert existing.execute("SELECT ticker FROM approved_trading_signals").fetchall() == [("AAPL",)]
    review(existing, item_id, "rejected", again=True)
    assert existing.execute(
        "SELECT review_status, is_active FROM trading_signals WHERE ticker = 'AAPL'"
    ).fetchall() == [("rejected", False)]
