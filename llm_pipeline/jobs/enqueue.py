"""Putting questions into the queue, any number in one statement, each at most once."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import psycopg

from llm_pipeline.db.bulk import as_jsonb_rows
from llm_pipeline.jobs.job import NewJob

MANY = 500
"""New jobs from which the table is analysed: with stale statistics a claim sorts the backlog and takes 65 times as
long."""

_ENQUEUE = """
INSERT INTO llm_jobs (interrogation_key, input_json, priority, idempotency_key, model_hint, max_attempts)
SELECT interrogation_key, input_json, priority, idempotency_key, model_hint, max_attempts
FROM jsonb_populate_recordset(NULL::llm_jobs, %s)
ON CONFLICT (idempotency_key) DO NOTHING
RETURNING job_id::text
"""


@dataclass(frozen=True)
class Enqueued:
    """What became of some questions: ids of the new jobs, and how many were in the queue already."""

    job_ids: tuple[str, ...]
    known: int


def enqueue(cur: psycopg.Cursor[Any], jobs: Iterable[NewJob]) -> Enqueued:
    """Queue these questions in the caller's transaction; one that is there already, in any state, is left as it is.

    Inputs are not checked here: what an interrogation does not take is dead-lettered with the reason by the worker
    (`Registry.checked` says so earlier).

    Raises:
        TypeError, ValueError: an input is no JSON.
        psycopg.Error: the database refused; nothing was queued.
    """
    given = list(jobs)
    rows = {
        job.key: {
            "interrogation_key": job.interrogation_key,
            "input_json": json.loads(job.input_json),
            "priority": job.priority,
            "idempotency_key": job.key,
            "model_hint": job.model_hint,
            "max_attempts": job.max_attempts,
        }
        for job in given
    }
    if not rows:
        return Enqueued((), 0)
    new = [row[0] for row in cur.execute(_ENQUEUE, [as_jsonb_rows(rows.values())]).fetchall()]
    if len(new) >= MANY:
        cur.execute("ANALYZE llm_jobs")
    return Enqueued(tuple(new), len(given) - len(new))
