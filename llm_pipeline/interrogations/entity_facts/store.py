"""The table entity_facts: what stands of an answer, one row a fact; a job asked again replaces its own rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import psycopg

from llm_pipeline.db.bulk import as_jsonb_rows
from llm_pipeline.interrogations.entity_facts.contract import Fact
from llm_pipeline.interrogations.entity_facts.question import EntityFactsInput
from llm_pipeline.interrogations.queued import Evidence, Grounded, JobRef

_REPLACE = """
WITH gone AS (DELETE FROM entity_facts WHERE job_id = %(job_id)s AND ordinal > %(count)s)
INSERT INTO entity_facts (id, created_at, job_id, ordinal, entity_kind, entity_name, statement, citations, confidence,
    audit_trail_id)
SELECT id, created_at, job_id, ordinal, entity_kind, entity_name, statement, citations, confidence, audit_trail_id
FROM jsonb_populate_recordset(NULL::entity_facts, %(rows)s)
ON CONFLICT (job_id, ordinal) DO UPDATE SET created_at = EXCLUDED.created_at, statement = EXCLUDED.statement,
    citations = EXCLUDED.citations, confidence = EXCLUDED.confidence, audit_trail_id = EXCLUDED.audit_trail_id
"""


def store(
    cur: psycopg.Cursor[Any], job: JobRef, evidence: Evidence, grounded: Grounded, audit_id: str, now: datetime
) -> None:
    """Write the facts of one answer."""
    assert isinstance(job.input, EntityFactsInput)
    facts: Sequence[Fact] = grounded.result
    entity = job.input.entity
    rows = [
        {
            "id": str(uuid5(NAMESPACE_URL, f"llm-pipeline:entity_fact:{job.job_id}:{number}")),
            "created_at": now,
            "job_id": job.job_id,
            "ordinal": number,
            "entity_kind": entity.kind,
            "entity_name": entity.name,
            "statement": fact.statement,
            "citations": [one.model_dump(mode="json") for one in fact.citations],
            "confidence": fact.confidence,
            "audit_trail_id": audit_id,
        }
        for number, fact in enumerate(facts, 1)
    ]
    cur.execute(_REPLACE, {"job_id": job.job_id, "count": len(rows), "rows": as_jsonb_rows(rows)})
