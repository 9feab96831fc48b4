"""Audit rows while the database is away: one file a batch, loaded later, each row exactly once.

A file is complete before it has its name. Loading inserts (idempotent on the id), commits, then deletes the
file; a crash between the two loads it again without effect.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from psycopg.pq import TransactionStatus

from llm_pipeline.db.bulk import json_text
from llm_pipeline.llm.audit import INSERT_ATTEMPTS, Attempt


@dataclass(frozen=True)
class SpoolReport:
    """What `load_spool` did.

    Attributes:
        files, rows: loaded and removed; rows already in the database count too.
        damaged: files that are not readable; they were renamed to `*.damaged` and kept.
    """

    files: int
    rows: int
    damaged: tuple[Path, ...]


def spool_attempts(folder: Path, attempts: Iterable[Attempt]) -> Path | None:
    """Keep attempts on disk, flushed, as one file. None when there are none.

    Raises:
        OSError: the disk refused; then the rows are nowhere, so let it propagate.
    """
    given = list(attempts)
    if not given:
        return None
    value = {
        "audit": [attempt.row() for attempt in given],
        "artifacts": [row for attempt in given for row in attempt.artifact_rows()],
    }
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{min(attempt.created_at for attempt in given):%Y%m%dT%H%M%S%f}-{uuid4().hex}"
    part = folder / f".{name}.part"
    with part.open("w", encoding="utf-8") as sink:
        sink.write(json_text(value))
        sink.flush()
        os.fsync(sink.fileno())
    return part.rename(folder / f"{name}.json")


def load_spool(conn: psycopg.Connection[Any], folder: Path) -> SpoolReport:
    """Bring spooled attempts into the database, oldest file first, a transaction a file.

    Raises:
        RuntimeError: the connection is inside a transaction, whose rollback would lose rows.
        psycopg.Error: the database refused a file; it and the later ones stay.
    """
    if conn.info.transaction_status != TransactionStatus.IDLE:
        raise RuntimeError("load_spool needs a connection outside a transaction")
    files = rows = 0
    damaged: list[Path] = []
    for file in sorted(folder.glob("*.json")) if folder.is_dir() else ():
        try:
            value = json.loads(file.read_bytes())
            audit, artifacts = value["audit"], value["artifacts"]
        except FileNotFoundError:  # another process loaded it meanwhile
            continue
        except (ValueError, KeyError, TypeError):
            damaged.append(file.rename(file.with_suffix(".damaged")))
            continue
        with conn.transaction():
            conn.execute(INSERT_ATTEMPTS, (json_text(audit), json_text(artifacts)))
        file.unlink(missing_ok=True)
        files, rows = files + 1, rows + len(audit)
    return SpoolReport(files, rows, tuple(damaged))
