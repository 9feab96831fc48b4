"""Connections are alike, whoever opens them and whatever the address looks like."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr

from llm_pipeline.db.connection import async_connect, async_pool, connect, is_pooled, libpq_url, resolve_url
from llm_pipeline.embedded.postgres import EmbeddedPostgres
from llm_pipeline.settings import Settings, load_settings

SESSION = """
    SELECT current_setting('TimeZone'), current_setting('application_name'), '2020-07-01T12:00Z'::timestamptz"""
EXPECTED = ("UTC", "llm-pipeline", datetime(2020, 7, 1, 12, tzinfo=UTC))


def test_a_session_is_in_utc_and_has_a_name(database_url):
    with connect(database_url) as connection:
        assert connection.execute(SESSION).fetchone() == EXPECTED
        assert connection.autocommit is False
        connection.rollback()
        assert connection.execute(SESSION).fetchone() == EXPECTED
    with connect(database_url, autocommit=True) as connection:
        assert connection.execute(SESSION).fetchone() == EXPECTED


def test_asynchronous_sessions_are_the_same(database_url):
    async def ask():
        async with await async_connect(database_url) as connection:
            alone = await (await connection.execute(SESSION)).fetchone()
        async with async_pool(database_url, 3) as pool:

            async def one():
                async with pool.connection() as connection:
                    return await (await connection.execute(SESSION)).fetchone()

            return [alone, *await asyncio.gather(*[one() for _ in range(9)])]

    assert set(asyncio.run(ask())) == {EXPECTED}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("postgres://u:p@h/d", "postgresql://u:p@h/d"),
        ("postgresql+psycopg2://u@h/d\n", "postgresql://u@h/d"),
        ("postgresql://u@h:6543/d?pgbouncer=true", "postgresql://u@h:6543/d"),
        ("postgresql://u@h/d?pgbouncer=true&sslmode=require", "postgresql://u@h/d?sslmode=require"),
        ("postgresql://u@h/d?sslmode=require&pgbouncer=true", "postgresql://u@h/d?sslmode=require"),
        ("host=/run/pg dbname=d", "host=/run/pg dbname=d"),
    ],
)
def test_an_address_loses_what_libpq_does_not_know(given, expected):
    assert libpq_url(given) == expected


@pytest.mark.parametrize(
    ("url", "pooled"),
    [
        ("postgresql://u@db.example.org:5432/d", False),
        ("postgresql://u@db.example.org:6543/d", True),
        ("postgresql://u@eu-1.pooler.example.org:5432/d", True),
        ("postgresql://u@pgbouncer/d", True),
        ("postgresql://u@h/d?pgbouncer=true", True),
    ],
)
def test_a_poolers_address_is_recognised(url, pooled):
    assert is_pooled(url) is pooled


def test_no_statement_is_prepared_behind_a_pooler(database_url):
    with connect(f"{database_url}&pgbouncer=true") as connection:
        assert connection.prepare_threshold is None
    with connect(database_url) as connection:
        assert connection.prepare_threshold is not None


def test_the_address_of_the_environment_wins(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgres://u:p@h/d")
    settings = load_settings()
    assert settings.database_url == SecretStr("postgres://u:p@h/d")
    assert resolve_url(settings) == "postgresql://u:p@h/d"
    assert not EmbeddedPostgres(settings.llm_pipeline_home).is_running()


def test_without_an_address_the_embedded_server_is_started(tmp_path):
    settings = Settings(llm_pipeline_home=tmp_path)
    embedded = EmbeddedPostgres(tmp_path)
    try:
        assert resolve_url(settings) == embedded.url()
        assert embedded.is_running()
    finally:
        embedded.stop()
