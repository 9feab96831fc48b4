"""lineage_audit: a report on the provenance of one record, by a model on top of what code verified."""

from __future__ import annotations

from pydantic import BaseModel

from llm_pipeline.interrogations.lineage_audit.contract import LineageAnswer
from llm_pipeline.interrogations.lineage_audit.gathering import Audited, AuditInput, gather
from llm_pipeline.interrogations.lineage_audit.grounding import ground
from llm_pipeline.interrogations.lineage_audit.store import store
from llm_pipeline.interrogations.queued import Evidence, Grounded, QueuedInterrogation
from llm_pipeline.llm.schema import Schema, bind_constant

KEY = "lineage_audit"


def bind(schema: Schema, evidence: Evidence) -> Schema:
    """Only this audit of only this record."""
    audited: Audited = evidence.facts
    bound = bind_constant(schema, "audit_id", audited.report_id)
    return bind_constant(bound, "record_id", audited.disclosure_id)


def _ground(evidence: Evidence, answer: BaseModel) -> Grounded:
    assert isinstance(answer, LineageAnswer)
    return ground(evidence.facts, answer)


INTERROGATION = QueuedInterrogation(
    key=KEY,
    input_model=AuditInput,
    contract=LineageAnswer,
    model=lambda settings: settings.llm_audit_model,
    gather=gather,
    bind=bind,
    ground=_ground,
    store=store,
)
