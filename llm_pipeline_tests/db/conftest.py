"""Fixtures of the database's tests: a server on which the roles of Supabase exist."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from llm_pipeline.db.connection import connect
from llm_pipeline.embedded.postgres import EmbeddedPostgres
from llm_pipeline_tests.conftest import SESSION_HOME, keep_nothing


@pytest.fixture(scope="session")
def server_with_roles() -> Iterator[EmbeddedPostgres]:
    """A server of its own with the roles that Supabase has: roles belong to all databases of a server."""
    server = EmbeddedPostgres(Path(os.environ[SESSION_HOME]) / f"roles-{os.getpid()}")
    with server.running() as url:
        with connect(url, autocommit=True) as connection:
            keep_nothing(connection)
            connection.execute("CREATE ROLE anon")
            connection.execute("CREATE ROLE service_role")
        yield server


@pytest.fixture
def with_roles(server_with_roles: EmbeddedPostgres, request: pytest.FixtureRequest) -> Iterator[str]:
    """URL of an empty database on that server, of this test alone."""
    name = f"roles_{abs(hash(request.node.nodeid))}"
    with connect(server_with_roles.url("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield server_with_roles.url(name)
    with connect(server_with_roles.url("postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
