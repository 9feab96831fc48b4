"""Fixtures for all tests: a clean environment, and a real PostgreSQL with an own migrated database for each
test.

The server and its template database are made once a session and shared by all xdist workers: the pytest
process that was started by hand (xdist's controller) owns them, the workers are told where they are.
"""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck
from hypothesis import settings as property_settings

from llm_pipeline.db.connection import connect
from llm_pipeline.db.migrations import migrate
from llm_pipeline.embedded.postgres import EmbeddedPostgres
from llm_pipeline.settings import Settings

# How long one example takes says something about the machine's other work, not about the code. Examples are the same in
# every run, so that a rare counter-example fails the run that looks for one, not somebody else's release:
# `--hypothesis-profile=searching` draws new ones, ten times as many where a test does not say how many.
ANY_MACHINE = property_settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
property_settings.register_profile("repeatable", ANY_MACHINE, derandomize=True)
property_settings.register_profile("searching", ANY_MACHINE, max_examples=1_000)
property_settings.load_profile("repeatable")

SESSION_HOME = "LLM_PIPELINE_TEST_SESSION_HOME"
TEMPLATE = "template_migrated"
EMPTY = "template0"
_numbers = itertools.count(1)


def pytest_configure(config: pytest.Config) -> None:
    if SESSION_HOME not in os.environ:
        os.environ[SESSION_HOME] = tempfile.mkdtemp(prefix="llm-pipeline-tests-", dir=_fast_folder())
        config.stash[OWNED_HOME] = Path(os.environ[SESSION_HOME])


OWNED_HOME = pytest.StashKey[Path]()
LONGEST = ("test_demo.py", "test_cli.py", "test_local_stack.py", "test_feedback.py", "test_crashes.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest tests begin first, so that no worker is left alone with one of them in the end."""
    items.sort(key=lambda one: one.path.name not in LONGEST)


def _fast_folder() -> str | None:
    """Memory, if there is enough: a fresh database takes 20 ms there and 400 ms on a disk, most of it 1,000 files."""
    memory = Path("/dev/shm")
    if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 1_000_000_000:
        return str(memory)
    return None


def pytest_unconfigure(config: pytest.Config) -> None:
    home = config.stash.get(OWNED_HOME, None)
    if home is None:
        return
    EmbeddedPostgres(home).stop()
    shutil.rmtree(home, ignore_errors=True)
    del os.environ[SESSION_HOME]


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test depends on, or writes to, what the developer has configured."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    for name in list(os.environ):
        if name.startswith(("OLLAMA_", "LLM_", "SENATE_", "HOUSE_", "DAGSTER_", "PG")) and name != SESSION_HOME:
            monkeypatch.delenv(name)
    monkeypatch.setenv("LLM_PIPELINE_HOME", str(tmp_path_factory.mktemp("home")))


@pytest.fixture(scope="session")
def server() -> EmbeddedPostgres:
    """The session's server, running, with the migrated template database."""
    server = EmbeddedPostgres(Path(os.environ[SESSION_HOME]))
    server.ensure()
    with connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(1)")  # workers: the first one makes the template
        if connection.execute("SELECT FROM pg_database WHERE datname = %s", [TEMPLATE]).fetchone() is None:
            connection.execute(f"CREATE DATABASE {TEMPLATE}_new")
            migrate(server.url(f"{TEMPLATE}_new"))
            keep_nothing(connection)
            connection.execute(f"ALTER DATABASE {TEMPLATE}_new RENAME TO {TEMPLATE}")
    return server


def keep_nothing(connection: psycopg.Connection[Any]) -> None:
    """Let a server write without waiting for the disk: nothing in it is worth keeping."""
    for setting in ("fsync", "full_page_writes", "synchronous_commit"):
        connection.execute(f"ALTER SYSTEM SET {setting} = off")
    connection.execute("SELECT pg_reload_conf()")


def _database(server: EmbeddedPostgres, template: str) -> Iterator[str]:
    name = f"test_{os.getpid()}_{next(_numbers)}"
    with connect(server.url("postgres"), autocommit=True) as connection:
        # FILE_COPY 18 ms, WAL_LOG 28 ms, measured in memory and without fsync.
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    yield server.url(name)
    with connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database_url(server: EmbeddedPostgres) -> Iterator[str]:
    """URL of a migrated, empty database of this test alone."""
    yield from _database(server, TEMPLATE)


@pytest.fixture
def empty_database_url(server: EmbeddedPostgres) -> Iterator[str]:
    """URL of a database without any table, of this test alone."""
    yield from _database(server, EMPTY)


@pytest.fixture
def db(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    """Connection to `database_url`; nothing is committed unless the test does."""
    with connect(database_url) as connection:
        yield connection
        connection.rollback()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real filings and labelled sets beside the project; it is not part of the project."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the folder shared/data with real filings is not beside the project")
    return folder
