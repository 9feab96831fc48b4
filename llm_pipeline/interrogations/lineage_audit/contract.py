"""The contract of the lineage_audit interrogation: what a model must answer.

Belongs here: the Pydantic model of the answer, nothing else; what it is worth is decided in `grounding.py`. In every
object the evidence stands before the judgement, because models write left to right.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from llm_pipeline.lineage.trust import Action

Id = Annotated[str, StringConstraints(max_length=100)]
Sentence = Annotated[str, StringConstraints(max_length=300)]
Subject = Literal[
    "hash_chain",
    "temporal_order",
    "approved_transforms",
    "gaps",
    "stored_row",
    "ledger",
    "merkle_root",
    "source",
    "extraction",
]
"""What a question is about; the first seven are computed."""

Status = Literal["VERIFIED", "UNVERIFIABLE", "FAILED"]
Grade = Literal["none", "low", "medium", "high", "critical"]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ChainIntegrity(_Answer):
    """The computed findings, restated."""

    hash_chain_valid: bool
    temporal_ordering_valid: bool
    all_transforms_approved: bool
    gaps_detected: bool


class VerificationQuestion(_Answer):
    """A question that would prove the assessment wrong, answered from the metadata alone."""

    subject: Subject
    question: Sentence
    answer: Sentence
    status: Status
    impact: Grade


class RiskFactor(_Answer):
    """A reason for less trust."""

    description: Sentence
    factor: Annotated[str, StringConstraints(max_length=80)]
    severity: Literal["low", "medium", "high", "critical"]


class LineageAnswer(_Answer):
    """The audit of one record."""

    audit_id: Id
    record_id: Id
    chain_integrity: ChainIntegrity
    verification_questions: Annotated[list[VerificationQuestion], Field(min_length=3, max_length=5)]
    risk_factors: Annotated[list[RiskFactor], Field(max_length=6)]
    provenance_chain_valid: bool
    overall_trust_score: Annotated[int, Field(ge=0, le=100)]
    recommended_action: Action
    audit_narrative: Annotated[str, StringConstraints(max_length=1000)]
