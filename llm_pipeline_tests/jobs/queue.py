"""Filling a queue with questions of entity_facts, working on it, and reading what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from psycopg.rows import dict_row

from llm_pipeline.db.connection import connect
from llm_pipeline.jobs.enqueue import Enqueued, enqueue
from llm_pipeline.jobs.job import NewJob
from llm_pipeline.jobs.report import WorkReport
from llm_pipeline.jobs.working import Shift, work_on_queue
from llm_pipeline.settings import Settings

KEY = "entity_facts"
NAME = "Quillon Featherbarrow"


def question(number: int, text: str | None = None, **given: Any) -> NewJob:
    """A question whose one text names the entity, and nobody else's has."""
    words = text or f"{NAME} bought {number} shares of ACME on 2024-01-02. Somebody else sold {number + 1}."
    value = {"entity": {"kind": "filer", "name": NAME}, "texts": [{"evidence_id": f"text-{number}", "text": words}]}
    return NewJob(KEY, value, **given)


def fill(url: str, jobs: Iterable[NewJob]) -> Enqueued:
    with connect(url) as conn, conn.cursor() as cur:
        return enqueue(cur, jobs)


def settings(home: Path, base_url: str | None, **given: Any) -> Settings:
    """Quick: hardly a pause between attempts."""
    quick: dict[str, Any] = {
        "llm_pipeline_home": home,
        "ollama_base_url": base_url,
        "llm_validation_model": "offline-rules",
        "llm_backoff_s": 0.01,
        "jobs_backoff_s": 0.05,
        "jobs_backoff_cap_s": 0.1,
        "jobs_poll_s": 0.2,
    }
    return Settings(**(quick | given))


UNTIL_SETTLED = Shift(places=4, until_settled=True)


def work(url: str, used: Settings, shift: Shift = UNTIL_SETTLED, **given: Any) -> WorkReport:
    return asyncio.run(work_on_queue(url, used, shift, **given))


def rows(url: str, statement: str, *values: Any) -> list[dict[str, Any]]:
    with connect(url) as conn, conn.cursor(row_factory=dict_row) as cur:
        return cur.execute(statement, values).fetchall()


def jobs(url: str) -> list[dict[str, Any]]:
    return rows(url, "SELECT *, job_id::text AS id FROM llm_jobs ORDER BY created_at, job_id")


def states(url: str) -> dict[str, int]:
    return {row["status"]: row["n"] for row in rows(url, "SELECT status, count(*) AS n FROM llm_jobs GROUP BY 1")}


def check_whole(url: str) -> None:
    """What must hold of any queue that is at rest: results, audit rows and ends belong together."""
    assert rows(url, "SELECT job_id FROM llm_jobs WHERE status = 'RUNNING'") == []
    # Exactly the jobs that succeeded have results, each from the call that the job names.
    assert (
        rows(
            url,
            """SELECT j.job_id, j.status FROM llm_jobs j
               FULL JOIN (SELECT DISTINCT job_id, audit_trail_id FROM entity_facts) f
                   ON f.job_id = j.job_id AND f.audit_trail_id = j.result_audit_id
               WHERE j.interrogation_key = 'entity_facts' AND (j.status = 'SUCCEEDED') <> (f.job_id IS NOT NULL)
                  OR j.job_id IS NULL""",
        )
        == []
    )
    # Every deciding call is in the audit trail, for its job, with the evidence it was asked from.
    assert (
        rows(
            url,
            """SELECT j.job_id FROM llm_jobs j LEFT JOIN llm_audit_trail a ON a.id = j.result_audit_id
               WHERE j.status = 'SUCCEEDED' AND (a.job_id IS DISTINCT FROM j.job_id
                  OR a.status NOT IN ('ok', 'ungrounded') OR NOT EXISTS (
                      SELECT FROM llm_artifacts x WHERE x.audit_trail_id = a.id
                      AND x.artifact_type = 'evidence_bundle'
                      AND x.content_sha256 = j.evidence_ref_json ->> 'sha256'))""",
        )
        == []
    )
    assert rows(url, "SELECT job_id FROM llm_jobs WHERE status = 'DEADLETTER' AND last_error IS NULL") == []
    # Nobody decided twice: a result's call was made under the token that the job ended with.
    assert (
        rows(
            url,
            """SELECT j.job_id FROM llm_jobs j JOIN llm_audit_trail a ON a.id = j.result_audit_id
               WHERE j.status = 'SUCCEEDED'
                 AND (a.request_context ->> 'fencing_token')::bigint <> j.fencing_token""",
        )
        == []
    )
