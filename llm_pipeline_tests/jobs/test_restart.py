"""`jobs run --loop` while the database restarts, and while it stays away; and its orderly end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest

from llm_pipeline.db.connection import connect
from llm_pipeline.db.migrations import migrate
from llm_pipeline.embedded.postgres import EmbeddedPostgres
from llm_pipeline.local_stack import free_port
from llm_pipeline.offline_model.process import running, running_in_thread
from llm_pipeline_tests.commands import SCRIPT
from llm_pipeline_tests.jobs.queue import KEY, check_whole, fill, jobs, question, rows, states
from llm_pipeline_tests.waiting import until

QUICK = {
    "JOBS_POLL_S": "3600",  # so that a loop that takes a new job was woken
    "JOBS_BACKOFF_S": "0.1",
    "LLM_VALIDATION_MODEL": "offline-rules",
}


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A server of this test alone, which may be stopped and started."""
    server = EmbeddedPostgres(tmp_path / "own")
    migrate(server.ensure().url)
    yield server
    server.stop()


@contextmanager
def looping(url: str, base_url: str, home: Path, **given: str) -> Iterator[subprocess.Popen[str]]:
    """`jobs run --loop` as a process; its report is on stdout when it was stopped."""
    environment = {**os.environ, **QUICK, **given, "DATABASE_URL": url, "OLLAMA_BASE_URL": base_url}
    environment["LLM_PIPELINE_HOME"] = str(home)
    command = [SCRIPT, "jobs", "run", "--loop", "--workers", "4", "--json"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            assert stream is not None
            stream.close()


def succeeded(url: str) -> int:
    try:
        return states(url).get("SUCCEEDED", 0)
    except psycopg.OperationalError:
        return -1


def stopped(process: subprocess.Popen[str]) -> tuple[dict, str]:
    process.send_signal(signal.SIGTERM)
    out, said = process.communicate(timeout=240)
    return json.loads(out), said


def listening(url: str) -> bool:
    try:
        return bool(rows(url, "SELECT FROM pg_stat_activity WHERE query = 'LISTEN llm_jobs' AND state = 'idle'"))
    except psycopg.OperationalError:
        return False


def test_a_loop_carries_on_when_the_database_restarts(own_server: EmbeddedPostgres, tmp_path: Path) -> None:
    url = own_server.url()
    fill(url, [question(number) for number in range(20)])
    with running() as base_url, looping(url, base_url, tmp_path) as process:
        until(lambda: succeeded(url) == 20)
        with closing(connect(url)) as locking, closing(connect(url, autocommit=True)) as looking:
            locking.execute("LOCK TABLE entity_facts IN EXCLUSIVE MODE")  # four answers come, none can be stored
            fill(url, [question(number) for number in range(20, 120)])
            waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            until(lambda: looking.execute(waiting).fetchone() == (4,))
            own_server.stop()
        assert succeeded(url) == -1
        own_server.ensure()
        until(lambda: succeeded(url) == 120)
        # It listens again, and a new job is started although the next poll is an hour away.
        until(lambda: listening(url))
        fill(url, [question(999)])
        until(lambda: succeeded(url) == 121)
        report, said = stopped(process)
    assert process.returncode == 0, said
    assert "the database is away" in said
    assert report["succeeded"] == 121
    check_whole(url)
    assert {row["attempt_count"] for row in jobs(url)} <= {1, 2}
    # No answer was paid for twice: what could not be written at once was written later.
    assert rows(url, "SELECT count(*) AS n FROM llm_audit_trail WHERE NOT cache_hit") == [{"n": 121}]


def test_calls_made_while_the_database_stays_away_are_kept_and_used(
    own_server: EmbeddedPostgres, tmp_path: Path
) -> None:
    url = own_server.url()
    fill(url, [question(number) for number in range(4)])
    spool = tmp_path / "spool"
    with running_in_thread() as model:
        model.model.held = True
        with looping(url, model.base_url, tmp_path, JOBS_LEASE_S="3") as process:  # it tries for so long to write
            until(lambda: model.model.log.in_flight == 4)
            own_server.stop()
            model.model.held = False
            until(lambda: len(list(spool.glob("*.json"))) == 4)
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=240)
        own_server.ensure()
        with looping(url, model.base_url, tmp_path) as process:
            until(lambda: succeeded(url) == 4)
            report, _ = stopped(process)
    assert (report["calls"], report["cache_hits"]) == (0, 4)
    check_whole(url)


def test_a_loop_waits_for_a_model_server_that_is_away(database_url: str, tmp_path: Path) -> None:
    fill(database_url, [question(number) for number in range(5)])
    port = free_port(24600)  # below the ports that outgoing connections are given: nobody takes it meanwhile
    quick = {"JOBS_POLL_S": "0.5", "LLM_MAX_ATTEMPTS": "1"}
    with looping(database_url, f"http://127.0.0.1:{port}", tmp_path, **quick) as process:
        until(lambda: bool(rows(database_url, "SELECT FROM llm_jobs WHERE last_error LIKE 'Unreachable%%'")))
        with running(port=port):
            until(lambda: succeeded(database_url) == 5)
            report, said = stopped(process)
    assert process.returncode == 0, said
    assert (report["dead"], report["failed"]) == (0, 0)
    assert report["released"] > 0
    assert {row["attempt_count"] for row in jobs(database_url)} == {1}


def test_a_stopped_loop_finishes_what_is_under_way_and_claims_nothing_more(database_url: str, tmp_path: Path) -> None:
    fill(database_url, [question(number) for number in range(40)])
    with running_in_thread() as model:
        model.model.held = True
        with looping(database_url, model.base_url, tmp_path) as process:
            until(lambda: model.model.log.in_flight == 4)
            process.send_signal(signal.SIGTERM)
            model.model.held = False
            report, _ = stopped(process)
    assert process.returncode == 0
    assert states(database_url) == {"SUCCEEDED": 4, "NEW": 36}
    assert (report["succeeded"], report["claimed"]) == (4, 4)
    check_whole(database_url)


def test_an_idle_loop_is_woken_by_new_jobs(database_url: str, tmp_path: Path) -> None:
    with running() as base_url, looping(database_url, base_url, tmp_path) as process:
        until(lambda: listening(database_url))
        fill(database_url, [question(1)])
        until(lambda: succeeded(database_url) == 1)
        stopped(process)
    assert jobs(database_url)[0]["interrogation_key"] == KEY
