"""The gate when the database goes away: what was decided stays, no paid call is forgotten, the next run goes on."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path

import psycopg
import pytest

from llm_pipeline.db.connection import connect
from llm_pipeline.offline_model.faults import Fault, FaultPlan
from llm_pipeline.offline_model.process import running_in_thread
from llm_pipeline.validation.window_run import spool_folder
from llm_pipeline_tests.validation.service.runs import (
    check_artifacts,
    check_stored_reasons,
    failures,
    load,
    mixed_set,
    query,
    settings,
    statuses,
    validate,
    validating,
)
from llm_pipeline_tests.waiting import until

N = 400
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


def decided(conn) -> int:
    return conn.execute("SELECT count(*) FROM trading_disclosures WHERE llm_validation_status <> 'pending'").fetchone()[
        0
    ]


def answered(home: Path) -> set[str]:
    """Audit ids of the calls whose response is in the lake, where it is before anything else can fail."""
    return {file.parent.name for file in home.glob("lake/llm_runs/*/*/*/*/response_json.json.gz")}


def waiting(conn) -> int:
    """How many connections of the database wait for a lock."""
    return conn.execute(WAITING).fetchone()[0]


def cut_while_answers_wait_to_be_stored(url: str, locking: psycopg.Connection, held: list[str]) -> None:
    """End every other connection of the database and refuse new ones, as a server that shuts down does.

    It happens once some disclosures are decided and while two batches, each with an answer, wait for the lock on one of
    their rows, so that the run cannot end before: cut at any other moment, it may have been reading, with no answer to
    lose.
    """
    with connect(url, autocommit=True) as conn:
        name = conn.execute("SELECT current_database()").fetchone()[0]
        until(lambda: decided(conn) >= 100 and waiting(conn) == len(held))
        conn.execute(f"ALTER DATABASE {name} CONNECTION LIMIT 0")
        conn.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> ALL(%s)",
            [name, [conn.info.backend_pid, locking.info.backend_pid]],
        )


def test_a_lost_database_loses_no_verdict_and_no_call(database_url, server, tmp_path):
    pending, expected = mixed_set(N)
    load(database_url, pending)
    name = psycopg.conninfo.conninfo_to_dict(database_url)["dbname"]
    with connect(server.url("postgres"), autocommit=True) as admin:
        # A limit does not hold for superusers, so the run works as an ordinary role.
        admin.execute(f"CREATE ROLE {name}_worker LOGIN")
    with connect(database_url) as conn:
        conn.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {name}_worker")
        for (table,) in conn.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall():
            conn.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    worker_url = psycopg.conninfo.make_conninfo(database_url, user=f"{name}_worker")
    try:
        with running_in_thread(faults=FaultPlan((Fault("http_503", every_nth=3),))) as model:
            used = settings(tmp_path, model.base_url, llm_concurrency=4, llm_backoff_s=0.1, llm_max_attempts=8)

            held = [pending.disclosures[n]["id"] for n in (150, 250)]

            async def both() -> None:
                with connect(database_url) as locking:
                    locking.execute("SELECT FROM trading_disclosures WHERE id::text = ANY(%s) FOR UPDATE", [held])
                    await asyncio.gather(
                        validating(worker_url, used, batch_size=10),
                        asyncio.to_thread(cut_while_answers_wait_to_be_stored, database_url, locking, held),
                    )

            with pytest.raises(psycopg.OperationalError):
                asyncio.run(both())
            done = {one: status for one, status in statuses(database_url).items() if status != "pending"}
            assert 100 <= len(done) < N
            # What was called and is not in the trail is on disk, each call once, with its files in the lake.
            spooled = [json.loads(file.read_text()) for file in spool_folder(used).glob("*.json")]
            waiting = [row["id"] for one in spooled for row in one["audit"]]
            stored = [row["id"] for row in query(database_url, "SELECT id::text FROM llm_audit_trail")]
            assert waiting
            assert len(waiting) == len(set(waiting))
            known = set(waiting) | set(stored)  # a commit whose answer was lost is in both, and loads without effect
            assert answered(tmp_path) <= known  # retries that were waiting for their turn too

            with connect(database_url, autocommit=True) as conn:
                conn.execute(f"ALTER DATABASE {name} CONNECTION LIMIT -1")
            model.model.set_faults(FaultPlan())
            run = validate(worker_url, used, batch_size=10, run_id="run-2")
    finally:
        with connect(server.url("postgres"), autocommit=True) as admin:
            admin.execute(f"ALTER DATABASE {name} CONNECTION LIMIT -1")
        with connect(database_url) as conn:
            conn.execute(f"DROP OWNED BY {name}_worker")
            conn.execute(f"DROP ROLE {name}_worker")

    assert list(spool_folder(used).glob("*.json")) == []
    trail = Counter(row["id"] for row in query(database_url, "SELECT id::text FROM llm_audit_trail"))
    assert known <= trail.keys()
    assert set(trail.values()) == {1}
    assert statuses(database_url) == expected
    assert done.items() <= expected.items()
    assert run.report.decided == N - len(done)
    assert run.report.cache_hits > 0  # answers that were paid for and only their verdicts lost
    assert failures(database_url) == {}
    assert run.failed_checks == set()
    check_stored_reasons(database_url)
    check_artifacts(database_url, used)


def test_a_run_that_is_stopped_while_it_stores_forgets_no_call(database_url, tmp_path, honest):
    pending, expected = mixed_set(100)
    load(database_url, pending)
    used = settings(tmp_path, honest.base_url)

    async def stopped() -> None:
        with connect(database_url) as conn:
            conn.execute("LOCK TABLE trading_disclosures IN EXCLUSIVE MODE")  # may be read, not written
            run = asyncio.create_task(validating(database_url, used))
            with connect(database_url, autocommit=True) as looking:
                await asyncio.to_thread(until, lambda: waiting(looking) == 4)
            assert len(answered(tmp_path)) == 4
            run.cancel()
            with pytest.raises(asyncio.CancelledError):
                await run

    asyncio.run(asyncio.wait_for(stopped(), 240))
    assert set(statuses(database_url).values()) == {"pending"}
    assert query(database_url, "SELECT id FROM llm_audit_trail") == []
    run = validate(database_url, used, run_id="run-2")
    assert answered(tmp_path) <= {row["id"] for row in query(database_url, "SELECT id::text FROM llm_audit_trail")}
    assert (run.report.calls, run.report.cache_hits) == (4, 4)
    assert honest.model.log.calls == 4
    assert statuses(database_url) == expected


def test_a_batch_that_a_table_refuses_is_stored_record_by_record(database_url, tmp_path, honest):
    pending, expected = mixed_set(50)
    load(database_url, pending)
    refused = next(one for one, status in expected.items() if status == "flag")
    with connect(database_url) as conn:
        conn.execute(f"ALTER TABLE data_quality_issues ADD CONSTRAINT of_theirs CHECK (record_id <> '{refused}')")
    run = validate(database_url, settings(tmp_path, honest.base_url))
    assert (run.report.selected, run.report.decided) == (50, 49)
    assert statuses(database_url) == {**expected, refused: "pending"}
    assert failures(database_url).keys() == {refused}
    assert failures(database_url)[refused]["last_error_class"] == "CheckViolation"
    assert "of_theirs" in failures(database_url)[refused]["last_error"]
    assert run.failed_checks == {"all_decided"}
    assert len(query(database_url, "SELECT id FROM llm_audit_trail")) == 2
    check_stored_reasons(database_url)
