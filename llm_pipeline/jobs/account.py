"""What is in the queue, and replaying what is dead: the SQL of `jobs status`, `jobs retry` and the sensor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from llm_pipeline.jobs.enqueue import MANY
from llm_pipeline.jobs.store import CHANNEL

SHOWN = 20
STATES = ("NEW", "RUNNING", "FAILED", "SUCCEEDED", "DEADLETTER")

_COUNTS = "SELECT interrogation_key, status, count(*) FROM llm_jobs GROUP BY 1, 2 ORDER BY 1, 2"
_OLDEST = "SELECT min(created_at) FROM llm_jobs WHERE status IN ('NEW', 'FAILED')"
_DEAD = """
SELECT job_id::text, interrogation_key, attempt_count, last_error, finished_at
FROM llm_jobs WHERE status = 'DEADLETTER' ORDER BY finished_at DESC NULLS LAST, job_id LIMIT %s
"""
# The seed goes on from where it was: the same question again would bring the same refused answer.
_RETRY = """
UPDATE llm_jobs
SET status = 'NEW', attempt_count = 0, available_at = now(), finished_at = NULL, lease_expires_at = NULL
WHERE status = 'DEADLETTER' AND (%(ids)s::uuid[] IS NULL OR job_id = ANY (%(ids)s::uuid[]))
  AND (%(key)s::text IS NULL OR interrogation_key = %(key)s)
RETURNING job_id::text
"""
_CLAIMABLE = """
SELECT job_id::text, fencing_token FROM (
    (SELECT * FROM llm_jobs WHERE status = 'NEW' AND available_at <= now()
     ORDER BY priority DESC, available_at, created_at LIMIT %(most)s)
    UNION ALL
    (SELECT * FROM llm_jobs WHERE status = 'FAILED' AND available_at <= now()
     ORDER BY priority DESC, available_at, created_at LIMIT %(most)s)
    UNION ALL
    (SELECT * FROM llm_jobs WHERE status = 'RUNNING' AND lease_expires_at < now() LIMIT %(most)s)
) AS waiting
ORDER BY priority DESC, available_at, created_at, job_id LIMIT %(most)s
"""


@dataclass(frozen=True)
class DeadJob:
    """A job that waits for a person, and why."""

    job_id: str
    interrogation_key: str
    attempts: int
    reason: str | None
    at: datetime | None


@dataclass(frozen=True)
class QueueStatus:
    """Counts by interrogation and status; when the oldest waiting job was made; the newest dead ones."""

    counts: dict[str, dict[str, int]]
    oldest_waiting: datetime | None
    dead: tuple[DeadJob, ...]

    def total(self, status: str) -> int:
        """Jobs of this status, over all interrogations."""
        return sum(one.get(status, 0) for one in self.counts.values())


def queue_status(conn: psycopg.Connection[Any], shown: int = SHOWN) -> QueueStatus:
    """What is in the queue, with the newest `shown` dead jobs."""
    counts: dict[str, dict[str, int]] = {}
    for key, status, count in conn.execute(_COUNTS).fetchall():
        counts.setdefault(key, {})[status] = count
    row = conn.execute(_OLDEST).fetchone()
    dead = tuple(DeadJob(*one) for one in conn.execute(_DEAD, [shown]).fetchall())
    return QueueStatus(counts, row[0] if row else None, dead)


def retry_dead(
    conn: psycopg.Connection[Any], *, job_ids: Sequence[str] | None = None, interrogation_key: str | None = None
) -> tuple[str, ...]:
    """Queue dead jobs again with all their attempts: these, those of an interrogation, or all; their ids."""
    ids = list(job_ids) if job_ids is not None else None
    rows = conn.execute(_RETRY, {"ids": ids, "key": interrogation_key}).fetchall()
    if len(rows) >= MANY:
        conn.execute("ANALYZE llm_jobs")
    conn.execute(f"NOTIFY {CHANNEL}")
    return tuple(row[0] for row in rows)


def claimable(conn: psycopg.Connection[Any], most: int) -> list[tuple[str, int]]:
    """(job id, fencing token) of jobs that a worker could claim now, the most urgent first."""
    return [(row[0], row[1]) for row in conn.execute(_CLAIMABLE, {"most": most}).fetchall()]
