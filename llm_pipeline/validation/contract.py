"""The contract of the validation_gate interrogation: what a model must answer.

Belongs here: the Pydantic model of the answer, nothing else. What the answer means is decided in
`verdict`. In every object the evidence stands before the judgement, because models write left to right.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Id = Annotated[str, StringConstraints(max_length=200)]
Line = Annotated[str, StringConstraints(max_length=300)]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class GateFlag(_Answer):
    """One doubt about one field of one record."""

    step: Literal["schema", "semantic", "temporal", "cross_record"]
    field: Annotated[str, StringConstraints(max_length=40)]
    description: Line
    reasoning: Line
    severity: Literal["info", "warning", "critical"]
    suggested_action: Literal["accept", "review", "reject", "enrich"]


class RecordAnswer(_Answer):
    """The judgement of one record."""

    record_id: Id
    flags: Annotated[list[GateFlag], Field(max_length=12)]
    confidence: Annotated[int, Field(ge=0, le=10)]
    status: Literal["pass", "flag", "reject"]


class GateAnswer(_Answer):
    """The answer to one batch."""

    batch_id: Id
    records: Annotated[list[RecordAnswer], Field(max_length=100)]
    batch_summary: Annotated[str, StringConstraints(max_length=900)]
