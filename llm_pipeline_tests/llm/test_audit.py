"""Audit rows in a real database: one statement, any text, exactly once, also after the database was away."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from llm_pipeline.db.connection import async_connect, connect
from llm_pipeline.llm.audit import AUDIT_COLUMNS, Attempt, write_attempts
from llm_pipeline.llm.lake import Artifact
from llm_pipeline.llm.spool import load_spool, spool_attempts
from llm_pipeline_tests.llm.conversation import NOW

HOSTILE = "nul \x00 half \ud83d brace {{ x }} end"


def attempt(**given: Any) -> Attempt:
    """An attempt with two artifacts."""
    audit_id = str(uuid4())
    made = dict.fromkeys(AUDIT_COLUMNS) | {
        "id": audit_id,
        "created_at": NOW,
        "service_name": "ball_colours",
        "request_context": {"ids": ["a"]},
        "parse_success": True,
        "options": {"temperature": 0.25, "seed": 7},
        "metrics": {"total_duration": 5_000_000_000},
        "attempt": 1,
        "cache_hit": False,
        "cost_usd": 0.00012,
        "latency_ms": 12,
        "status": "ok",
    }
    kinds = ("request_json", "response_json")
    files = tuple(Artifact(str(uuid4()), audit_id, kind, "ab" * 32, 10, f"/lake/{kind}", NOW) for kind in kinds)
    made |= {"artifacts": files, "request_artifact_id": files[0].id, "response_artifact_id": files[1].id}
    return Attempt(**(made | given))


def count(db: psycopg.Connection[Any], table: str) -> int:
    row = db.execute(f"SELECT count(*) FROM {table}").fetchone()
    assert row
    return int(row[0])


def test_one_statement_writes_many_rows_with_their_artifacts(db: psycopg.Connection[Any]) -> None:
    attempts = [attempt() for _ in range(40)]
    write_attempts(db.cursor(), attempts)
    assert (count(db, "llm_audit_trail"), count(db, "llm_artifacts")) == (40, 80)
    db.commit()
    row = db.execute(
        "SELECT options, metrics, cost_usd::text, created_at, parsed_output FROM llm_audit_trail WHERE id = %s",
        (attempts[0].id,),
    ).fetchone()
    assert row == ({"temperature": 0.25, "seed": 7}, {"total_duration": 5_000_000_000}, "0.00012", NOW, None)


def test_writing_twice_changes_nothing(db: psycopg.Connection[Any]) -> None:
    attempts = [attempt()]
    write_attempts(db.cursor(), attempts)
    write_attempts(db.cursor(), attempts)
    assert (count(db, "llm_audit_trail"), count(db, "llm_artifacts")) == (1, 2)


def test_nothing_to_write_is_no_error(db: psycopg.Connection[Any]) -> None:
    write_attempts(db.cursor(), [])
    assert count(db, "llm_audit_trail") == 0


def test_rows_belong_to_the_callers_transaction(db: psycopg.Connection[Any]) -> None:
    write_attempts(db.cursor(), [attempt()])
    db.rollback()
    assert count(db, "llm_audit_trail") == 0


def test_an_async_cursor_works_the_same(database_url: str, db: psycopg.Connection[Any]) -> None:
    async def write() -> None:
        connection = await async_connect(database_url)
        async with connection, connection.cursor() as cursor:
            await write_attempts(cursor, [attempt()])

    asyncio.run(write())
    assert count(db, "llm_audit_trail") == 1


def hostile() -> Attempt:
    return attempt(
        raw_response=HOSTILE,
        parsed_output={HOSTILE: [HOSTILE]},
        request_context={HOSTILE: HOSTILE},
        error_message=HOSTILE,
        metrics={"x": 10**40},
    )


def test_no_text_breaks_a_write(db: psycopg.Connection[Any]) -> None:
    write_attempts(db.cursor(), [hostile()])
    row = db.execute("SELECT raw_response FROM llm_audit_trail").fetchone()
    assert row == ("nul \u2400 half \ufffd brace {{ x }} end",)


def test_spooled_rows_are_loaded_later_exactly_once(database_url: str, tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    batches = [[attempt(), hostile()], [attempt()]]
    for batch in batches:
        assert spool_attempts(folder, batch)
    assert spool_attempts(folder, []) is None
    with connect(database_url) as db:
        report = load_spool(db, folder)
        assert (report.files, report.rows, report.damaged) == (2, 3, ())
        assert (count(db, "llm_audit_trail"), count(db, "llm_artifacts")) == (3, 6)
        assert list(folder.iterdir()) == []


def test_a_crash_between_load_and_delete_loads_again_without_effect(database_url: str, tmp_path: Path) -> None:
    file = spool_attempts(tmp_path, [attempt()])
    assert file
    copy = file.read_bytes()
    with connect(database_url) as db:
        load_spool(db, tmp_path)
        file.write_bytes(copy)
        load_spool(db, tmp_path)
        assert count(db, "llm_audit_trail") == 1


def test_a_refused_file_stays_and_loses_nothing(database_url: str, tmp_path: Path) -> None:
    spool_attempts(tmp_path, [replace(attempt(), status="no such status")])  # type: ignore[arg-type]
    with connect(database_url) as db:
        with pytest.raises(psycopg.errors.CheckViolation):
            load_spool(db, tmp_path)
    assert len(list(tmp_path.glob("*.json"))) == 1


def test_a_damaged_file_is_kept_aside_and_named(database_url: str, tmp_path: Path) -> None:
    (tmp_path / "20260101-x.json").write_text('{"audit": [')
    with connect(database_url) as db:
        report = load_spool(db, tmp_path)
    assert [file.name for file in report.damaged] == ["20260101-x.damaged"]
    assert report.damaged[0].exists()


def test_loading_inside_a_transaction_is_refused(db: psycopg.Connection[Any], tmp_path: Path) -> None:
    db.execute("SELECT 1")
    with pytest.raises(RuntimeError, match="outside a transaction"):
        load_spool(db, tmp_path)


def test_a_missing_spool_folder_is_an_empty_one(database_url: str, tmp_path: Path) -> None:
    with connect(database_url) as db:
        assert load_spool(db, tmp_path / "none").files == 0


@pytest.mark.parametrize("kind", ["uuid", "text"])
def test_an_existing_audit_table_with_other_types_is_written_too(kind: str, db: psycopg.Connection[Any]) -> None:
    db.execute("ALTER TABLE llm_artifacts DROP CONSTRAINT llm_artifacts_audit_trail_id_fkey")
    db.execute(f"ALTER TABLE llm_audit_trail ALTER COLUMN id TYPE {kind} USING id::{kind}")
    db.execute("ALTER TABLE llm_audit_trail ALTER COLUMN latency_ms TYPE numeric, ADD COLUMN theirs int DEFAULT 3")
    write_attempts(db.cursor(), [attempt()])
    assert db.execute("SELECT latency_ms::int, theirs FROM llm_audit_trail").fetchone() == (12, 3)
