"""The queue's SQL for workers: claim, renew, end, release, take back what a dead worker held.

Guarantees
- A claim is one statement with FOR UPDATE SKIP LOCKED: no job goes to two workers, and no worker waits for another.
- A claim raises the fencing token. Every later statement about the job names the token and finds nothing when a newer
  claim, or the taking back of an expired lease, came between.
- Times are the server's: leases must not depend on how well the clocks of many workers agree.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from llm_pipeline.db.bulk import clean_text
from llm_pipeline.jobs.job import ClaimedJob, Hold

CHANNEL = "llm_jobs"

# New jobs and those that wait for their next attempt are walked along the index apart, then merged.
_CLAIM = """
WITH fresh AS (
    SELECT job_id, priority, available_at, created_at FROM llm_jobs
    WHERE status = 'NEW' AND available_at <= now() AND interrogation_key <> ALL (%(without)s)
    ORDER BY priority DESC, available_at, created_at
    LIMIT %(most)s FOR UPDATE SKIP LOCKED
), again AS (
    SELECT job_id, priority, available_at, created_at FROM llm_jobs
    WHERE status = 'FAILED' AND available_at <= now() AND interrogation_key <> ALL (%(without)s)
    ORDER BY priority DESC, available_at, created_at
    LIMIT %(most)s FOR UPDATE SKIP LOCKED
), picked AS (
    SELECT job_id FROM (SELECT * FROM fresh UNION ALL SELECT * FROM again) AS both_kinds
    ORDER BY priority DESC, available_at, created_at
    LIMIT %(most)s
), claimed AS (
    UPDATE llm_jobs j
    SET status = 'RUNNING', attempt_count = attempt_count + 1, fencing_token = fencing_token + 1,
        locked_by = %(worker)s, locked_at = now(), lease_expires_at = now() + make_interval(secs => %(lease_s)s)
    FROM picked WHERE j.job_id = picked.job_id
    RETURNING j.*
)
SELECT job_id::text, fencing_token, interrogation_key, input_json, priority, attempt_count AS attempt, max_attempts,
       unusable_answers, idempotency_key, model_hint
FROM claimed ORDER BY claimed.priority DESC, available_at, created_at
"""

_TAKE_BACK = """
WITH expired AS (
    SELECT job_id FROM llm_jobs WHERE status = 'RUNNING' AND lease_expires_at < now() FOR UPDATE SKIP LOCKED
)
UPDATE llm_jobs j
SET status = CASE WHEN attempt_count >= max_attempts THEN 'DEADLETTER' ELSE 'FAILED' END,
    finished_at = CASE WHEN attempt_count >= max_attempts THEN now() END,
    available_at = now(), lease_expires_at = NULL,
    last_error = 'LeaseExpired: the worker ' || locked_by || ' was not heard of after attempt ' || attempt_count
FROM expired WHERE j.job_id = expired.job_id
RETURNING j.status
"""

_RENEW = """
UPDATE llm_jobs j SET lease_expires_at = now() + make_interval(secs => %(lease_s)s)
FROM unnest(%(ids)s::uuid[], %(tokens)s::bigint[]) AS held (job_id, token)
WHERE j.job_id = held.job_id AND j.fencing_token = held.token AND j.status = 'RUNNING'
RETURNING j.job_id::text, j.fencing_token
"""

_END = """
UPDATE llm_jobs
SET status = %(status)s, last_error = %(error)s, available_at = now() + make_interval(secs => %(pause_s)s),
    lease_expires_at = NULL, finished_at = CASE WHEN %(status)s <> 'FAILED' THEN now() END,
    result_audit_id = %(audit_id)s, evidence_ref_json = coalesce(%(evidence)s, evidence_ref_json),
    unusable_answers = unusable_answers + %(unusable)s
WHERE job_id = %(job_id)s AND fencing_token = %(token)s AND status = 'RUNNING'
"""

# The attempt did not take place: it does not count.
_RELEASE = """
UPDATE llm_jobs j
SET status = CASE WHEN attempt_count <= 1 THEN 'NEW' ELSE 'FAILED' END, attempt_count = greatest(attempt_count - 1, 0),
    available_at = now() + make_interval(secs => %(pause_s)s), lease_expires_at = NULL,
    last_error = coalesce(%(why)s, last_error)
FROM unnest(%(ids)s::uuid[], %(tokens)s::bigint[]) AS held (job_id, token)
WHERE j.job_id = held.job_id AND j.fencing_token = held.token AND j.status = 'RUNNING'
"""

_STATE = """
SELECT status, result_audit_id::text FROM llm_jobs WHERE job_id = %s AND fencing_token = %s
"""

_NEXT_DUE = """
SELECT extract(epoch FROM least(
    (SELECT min(available_at) FROM llm_jobs
     WHERE status IN ('NEW', 'FAILED') AND interrogation_key <> ALL (%(without)s)),
    (SELECT min(lease_expires_at) FROM llm_jobs WHERE status = 'RUNNING')) - now())::float8
"""


@dataclass(frozen=True)
class JobEnd:
    """How an attempt at a job ended.

    Attributes:
        error: why it is not SUCCEEDED.
        pause_s: until the next attempt.
        audit_id: of the call that decided.
        unusable: whether an answer came that cannot be used, so that the next question needs another seed.
    """

    status: Literal["SUCCEEDED", "FAILED", "DEADLETTER"]
    error: str | None = None
    pause_s: float = 0.0
    audit_id: str | None = None
    unusable: bool = False


@dataclass(frozen=True)
class TakenBack:
    """Jobs whose worker was not heard of: how many wait again, and how many had no attempt left."""

    waiting: int
    dead: int


def claim(
    conn: psycopg.Connection[Any], worker: str, most: int, lease_s: float, without: Collection[str] = ()
) -> list[ClaimedJob]:
    """Up to `most` jobs, now held by this worker for `lease_s` seconds, the most urgent first.

    Args:
        worker: a name that no other worker has.
        without: interrogations that are left alone.
    """
    values = {"worker": worker, "most": most, "lease_s": lease_s, "without": list(without)}
    with conn.cursor(row_factory=class_row(ClaimedJob)) as cur:
        return cur.execute(_CLAIM, values).fetchall()


def take_back_expired(conn: psycopg.Connection[Any]) -> TakenBack:
    """Make jobs claimable again whose lease has ended; those without an attempt left are dead-lettered."""
    states = [row[0] for row in conn.execute(_TAKE_BACK).fetchall()]
    return TakenBack(states.count("FAILED"), states.count("DEADLETTER"))


def renew(conn: psycopg.Connection[Any], held: Sequence[ClaimedJob], lease_s: float) -> frozenset[Hold]:
    """Prolong leases; what is still this worker's."""
    rows = conn.execute(_RENEW, {**_ids(held), "lease_s": lease_s}).fetchall()
    return frozenset((row[0], row[1]) for row in rows)


def end(cur: psycopg.Cursor[Any], job: ClaimedJob, how: JobEnd, evidence: dict[str, Any] | None = None) -> bool:
    """Write how an attempt ended, in the caller's transaction, and hold the row until it commits.

    Returns:
        False if the job is not this worker's any more: then nothing was written, and nothing else may be.
    """
    values = {
        "job_id": job.job_id,
        "token": job.fencing_token,
        "status": how.status,
        "error": clean_text(how.error)[:2_000] if how.error else None,
        "pause_s": how.pause_s,
        "audit_id": how.audit_id,
        "unusable": int(how.unusable),
        "evidence": Jsonb(evidence) if evidence else None,
    }
    return cur.execute(_END, values).rowcount == 1


def already_ended(conn: psycopg.Connection[Any], job: ClaimedJob, how: JobEnd) -> bool:
    """Whether this very end is in the database: the connection was lost between COMMIT and its confirmation."""
    row = conn.execute(_STATE, [job.job_id, job.fencing_token]).fetchone()
    return row is not None and row[0] == how.status and row[1] == how.audit_id


def release(
    conn: psycopg.Connection[Any], held: Sequence[ClaimedJob], why: str | None = None, pause_s: float = 0.0
) -> int:
    """Give jobs back as if they had not been claimed (the token stays raised); how many were still this worker's."""
    done = conn.execute(_RELEASE, {**_ids(held), "why": clean_text(why) if why else None, "pause_s": pause_s})
    conn.execute(f"NOTIFY {CHANNEL}")
    return done.rowcount


def seconds_to_next(conn: psycopg.Connection[Any], without: Collection[str] = ()) -> float | None:
    """Seconds until a job can be claimed, 0 or less: now; None: nothing waits and nothing runs."""
    row = conn.execute(_NEXT_DUE, {"without": list(without)}).fetchone()
    return None if row is None else row[0]


def _ids(held: Sequence[ClaimedJob]) -> dict[str, Any]:
    return {"ids": [one.job_id for one in held], "tokens": [one.fencing_token for one in held]}
