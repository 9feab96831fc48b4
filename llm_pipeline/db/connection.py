"""Connections to the project's database, all alike: UTC, UTF-8, a name that the server shows."""

from __future__ import annotations

import re
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from llm_pipeline.embedded.postgres import EmbeddedPostgres
from llm_pipeline.settings import Settings

POOLER_PORT = "6543"  # Supabase's transaction pooler
SESSION = "SET TIME ZONE 'UTC'"


def resolve_url(settings: Settings) -> str:
    """The database to use: `DATABASE_URL`, or else the embedded server, which is started if it does not run.

    Raises:
        EmbeddedPostgresError: the embedded server cannot be started.
    """
    if settings.database_url is not None:
        return libpq_url(settings.database_url.get_secret_value())
    return EmbeddedPostgres(settings.llm_pipeline_home).ensure().url


def libpq_url(url: str) -> str:
    """The address without what libpq does not know: SQLAlchemy's driver name, Prisma's pgbouncer=true."""
    plain = re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql://", url.strip())
    return re.sub(r"([?&])pgbouncer=\w*&?", r"\1", plain).rstrip("?&")


def is_pooled(url: str) -> bool:
    """Whether the address looks like a transaction pooler's, where prepared statements do not survive."""
    parts = conninfo_to_dict(libpq_url(url))
    host = str(parts.get("host") or "")
    return "pgbouncer" in url or "pooler" in host or str(parts.get("port")) == POOLER_PORT


def _arguments(url: str, given: dict[str, Any]) -> dict[str, Any]:
    defaults: dict[str, Any] = {"application_name": "llm-pipeline", "client_encoding": "utf8"}
    if is_pooled(url):
        defaults["prepare_threshold"] = None
    return {"conninfo": libpq_url(url), **defaults, **given}


def connect(url: str, **given: Any) -> psycopg.Connection[Any]:
    """A connection; `given` goes to `psycopg.connect` (autocommit is off unless asked for).

    Raises:
        psycopg.OperationalError: the server does not answer or refuses.
    """
    connection = psycopg.connect(**_arguments(url, given))
    connection.execute(SESSION)
    if not connection.autocommit:
        connection.commit()
    return connection


async def async_connect(url: str, **given: Any) -> psycopg.AsyncConnection[Any]:
    """Like `connect`, for asyncio."""
    connection = await psycopg.AsyncConnection.connect(**_arguments(url, given))
    await _set_session(connection)
    return connection


async def _set_session(connection: psycopg.AsyncConnection[Any]) -> None:
    await connection.execute(SESSION)
    if not connection.autocommit:
        await connection.commit()


def async_pool(url: str, max_size: int) -> AsyncConnectionPool[psycopg.AsyncConnection[Any]]:
    """A pool of at most `max_size` such connections, unopened: `async with async_pool(url, 8) as pool`.

    In autocommit, so that a lone statement costs one round trip instead of three; what belongs together goes into
    `async with connection.transaction()`.
    """
    arguments = _arguments(url, {"autocommit": True})
    return AsyncConnectionPool(
        arguments.pop("conninfo"), kwargs=arguments, configure=_set_session,
        min_size=min(1, max_size), max_size=max_size, open=False, name="llm-pipeline",
    )  # fmt: skip


def thread_pool(url: str, max_size: int, timeout_s: float) -> ConnectionPool[psycopg.Connection[Any]]:
    """As `async_pool`, for threads; a thread that gets no connection within `timeout_s` gets a PoolTimeout.

    The pool's own attempts to reconnect are given up as soon, because their pauses grow to minutes; the next thread
    that asks starts a new one.
    """
    arguments = _arguments(url, {"autocommit": True})
    return ConnectionPool(
        arguments.pop("conninfo"), kwargs=arguments, configure=_set_session_here,
        min_size=min(1, max_size), max_size=max_size, timeout=timeout_s, reconnect_timeout=timeout_s, open=False,
        name="llm-pipeline-threads",
    )  # fmt: skip


def _set_session_here(connection: psycopg.Connection[Any]) -> None:
    connection.execute(SESSION)
