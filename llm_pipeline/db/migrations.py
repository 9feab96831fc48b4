"""Applies the numbered files of `sql/`, each exactly once and in order, and remembers their checksums.

Safe to run from any number of processes at once and to interrupt at any point: each file is one
transaction, which also holds the lock and the note that the file was applied. Lock and transaction end
together, so a killed runner leaves nothing behind, and a transaction pooler between us and the server does
no harm.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg

from llm_pipeline.db.connection import connect
from llm_pipeline.db.statements import Statement, split_statements
from llm_pipeline.hashing import sha256_hex
from llm_pipeline.settings import project_folder

# Not "schema_migrations": Rails, golang-migrate, dbmate and Ecto all keep a table of that name in public.
TABLE = "llm_schema_migrations"
LOCK = 0x6C6C6D70
# The lock is polled, never waited for: a waiting call would deadlock with CREATE INDEX CONCURRENTLY
# elsewhere.
POLL_S = 0.1
# Altering a table waits for its readers and makes everybody else wait behind it; rather give up with an
# error.
LOCK_TIMEOUT = "30s"


class MigrationError(RuntimeError):
    """The files and the database do not fit together, or a file failed; the message names the file."""


@dataclass(frozen=True)
class Migration:
    """One file of the folder. `sha256` is over its text with Unix line ends."""

    version: int
    name: str
    text: str
    sha256: str


@dataclass(frozen=True)
class Applied:
    """A file that this run applied, and how long it took."""

    version: int
    name: str
    milliseconds: int


@dataclass(frozen=True)
class MigrationStatus:
    """A file of the folder; `applied_at` is None while it is still to be applied."""

    version: int
    name: str
    applied_at: datetime | None


@dataclass(frozen=True)
class Record:
    """What the database remembers of a file."""

    name: str
    sha256: str
    applied_at: datetime


def read_folder(folder: Path) -> list[Migration]:
    """The folder's files, numbered 1, 2, 3 … without a gap.

    Raises:
        MigrationError: a file is not named NNNN_words.sql, a number is missing or used twice.
    """
    found = []
    for path in sorted(folder.glob("*.sql")):
        match = re.fullmatch(r"(\d{4})_\w+\.sql", path.name)
        if match is None:
            raise MigrationError(f"{path}: name it NNNN_words.sql")
        text = path.read_text(encoding="utf-8").replace("\r\n", "\n")
        found.append(Migration(int(match[1]), path.name, text, sha256_hex(text)))
    for number, migration in enumerate(found, start=1):
        if migration.version != number:
            raise MigrationError(f"{folder / migration.name}: expected number {number:04d} here, without gap or double")
    return found


def migrate(url: str, folder: Path | None = None) -> list[Applied]:
    """Bring the database up to date; returns what this call applied, nothing if it was up to date.

    Raises:
        MigrationError: an applied file was edited, renamed or removed, or a file failed (and left no trace).
        psycopg.OperationalError: the server does not answer.
    """
    migrations = read_folder(folder or project_folder("sql"))
    applied: list[Applied] = []
    with connect(url) as connection:
        while True:
            with connection.transaction():
                if not _lock(connection):
                    step = None
                else:
                    pending = _pending(migrations, _recorded(connection, create=True))
                    if not pending:
                        return applied
                    step = pending[0]
                    applied.append(_apply(connection, step))
            if step is None:
                time.sleep(POLL_S)


def status(url: str, folder: Path | None = None) -> list[MigrationStatus]:
    """Which files are applied; changes nothing.

    Raises:
        MigrationError: an applied file was edited, renamed or removed.
    """
    migrations = read_folder(folder or project_folder("sql"))
    with connect(url) as connection:
        recorded = _recorded(connection, create=False)
    _pending(migrations, recorded)
    return [
        MigrationStatus(m.version, m.name, recorded[m.version].applied_at if m.version in recorded else None)
        for m in migrations
    ]


def _lock(connection: psycopg.Connection[Any]) -> bool:
    row = connection.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK]).fetchone()
    return bool(row and row[0])


def _recorded(connection: psycopg.Connection[Any], *, create: bool) -> dict[int, Record]:
    row = connection.execute("SELECT to_regclass(%s)", [TABLE]).fetchone()
    if row is None or row[0] is None:
        if not create:
            return {}
        connection.execute(
            f"CREATE TABLE {TABLE} (version integer PRIMARY KEY, name text NOT NULL, sha256 text NOT NULL,"
            " applied_at timestamptz NOT NULL DEFAULT now(), milliseconds integer NOT NULL)"
        )
        connection.execute(f"ALTER TABLE {TABLE} ENABLE ROW LEVEL SECURITY")
        connection.execute(f"COMMENT ON TABLE {TABLE} IS 'Files of sql/ that were applied here, and their checksums.'")
    rows = connection.execute(f"SELECT version, name, sha256, applied_at FROM {TABLE}")  # noqa: S608
    return {version: Record(name, sha256, applied_at) for version, name, sha256, applied_at in rows}


def _pending(migrations: list[Migration], recorded: dict[int, Record]) -> list[Migration]:
    by_version = {migration.version: migration for migration in migrations}
    for version, record in sorted(recorded.items()):
        migration = by_version.get(version)
        if migration is None or migration.name != record.name:
            raise MigrationError(
                f"{record.name} was applied to this database but is not in the folder: "
                "was it renamed or removed, or is this an older version of the project?"
            )
        if migration.sha256 != record.sha256:
            raise MigrationError(
                f"{record.name} was edited after it was applied: put its old text back and write a new file"
            )
    pending = [migration for migration in migrations if migration.version not in recorded]
    if pending and recorded and pending[0].version < max(recorded):
        raise MigrationError(f"{pending[0].name} is older than the newest applied file: give it the next free number")
    return pending


def _apply(connection: psycopg.Connection[Any], migration: Migration) -> Applied:
    started = time.monotonic()
    connection.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
    for statement in split_statements(migration.text):
        try:
            connection.execute(statement.text.encode())
        except psycopg.Error as error:
            raise _failure(migration, statement, error) from error
    milliseconds = round((time.monotonic() - started) * 1000)
    connection.execute(
        f"INSERT INTO {TABLE} (version, name, sha256, milliseconds) VALUES (%s, %s, %s, %s)",  # noqa: S608
        [migration.version, migration.name, migration.sha256, milliseconds],
    )
    return Applied(migration.version, migration.name, milliseconds)


def _failure(migration: Migration, statement: Statement, error: psycopg.Error) -> MigrationError:
    """The server counts an error's position in characters from 1 in the statement; often it gives none."""
    position = error.diag.statement_position
    inside = statement.text.count("\n", 0, int(position) - 1) if position else 0
    reason = error.diag.message_primary or str(error)
    more = f" ({error.diag.message_detail})" if error.diag.message_detail else ""
    return MigrationError(f"{migration.name} line {statement.line + inside}: {reason}{more}; nothing of it was applied")
