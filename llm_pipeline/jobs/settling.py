"""Writing what came of an attempt: audit rows, refused claims, result and the job's end, in one transaction.

The job's row is written first, and by its fencing token: a worker that lost the job writes no result. Its calls were
made all the same, so their audit rows are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import psycopg

from llm_pipeline.interrogations.claims import write_claims
from llm_pipeline.interrogations.queued import UngroundedClaim
from llm_pipeline.jobs.job import ClaimedJob
from llm_pipeline.jobs.store import JobEnd, already_ended, end, release
from llm_pipeline.llm.audit import Attempt, write_attempts

Store = Callable[[psycopg.Cursor[Any], str, datetime], None]
"""Writes a result, given the audit row's id and the time."""

Written = Literal["written", "stale"]


class ResultNotStoredError(RuntimeError):
    """An interrogation's own `store` failed; nothing of the attempt was written."""


@dataclass(frozen=True)
class Settlement:
    """Everything that is to be written about one attempt.

    Attributes:
        how: the job's end; None: the job is given back, as if it had not been claimed, for `pause_s` seconds.
        why: the job is given back.
        evidence: the reference to the bundle.
        store: of the result, where there is one.
    """

    job: ClaimedJob
    how: JobEnd | None
    attempts: tuple[Attempt, ...] = ()
    claims: Sequence[UngroundedClaim] = ()
    evidence: dict[str, Any] | None = None
    store: Store | None = field(default=None, compare=False)
    why: str | None = None
    pause_s: float = 0.0


def settle(conn: psycopg.Connection[Any], done: Settlement, now: datetime) -> Written:
    """Write a settlement; safe to repeat after a lost connection.

    Raises:
        ResultNotStoredError: the result was not stored, and nothing else either.
        psycopg.OperationalError: the database went away; whether it was written shows when this is repeated.
    """
    with conn.transaction(), conn.cursor() as cur:
        if done.how is None:
            ours = release(conn, [done.job], done.why, done.pause_s) == 1
            write_attempts(cur, done.attempts)
            return "written" if ours else "stale"
        if end(cur, done.job, done.how, done.evidence):
            write_attempts(cur, done.attempts)
            _write_claims(cur, done)
            if done.store is not None and done.how.audit_id is not None:
                _store(cur, done.store, done.how.audit_id, now)
            return "written"
    with conn.transaction(), conn.cursor() as cur:
        write_attempts(cur, done.attempts)
        if already_ended(conn, done.job, done.how):
            return "written"
        _write_claims(cur, done)
    return "stale"


def _store(cur: psycopg.Cursor[Any], store: Store, audit_id: str, now: datetime) -> None:
    try:
        store(cur, audit_id, now)
    except psycopg.OperationalError:
        raise
    except Exception as error:
        raise ResultNotStoredError(f"the result cannot be stored: {type(error).__name__}: {error}") from error


def _write_claims(cur: psycopg.Cursor[Any], done: Settlement) -> None:
    if done.how is not None:
        write_claims(cur, done.job.interrogation_key, done.how.audit_id, done.claims)
