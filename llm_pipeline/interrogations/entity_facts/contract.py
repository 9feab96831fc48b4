"""The contract of entity_facts: what a model must answer. What an answer is worth is decided in `grounding.py`."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

MOST_FACTS = 20
MOST_CITATIONS = 4


class Citation(BaseModel):
    """Words of one evidence text, copied letter by letter."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    evidence_id: Annotated[str, StringConstraints(max_length=200)]
    quote: Annotated[str, StringConstraints(max_length=400)]


class Fact(BaseModel):
    """One thing that the evidence says about the entity: first where it says so, then what."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    citations: Annotated[list[Citation], Field(max_length=MOST_CITATIONS)]
    statement: Annotated[str, StringConstraints(max_length=400)]
    confidence: Annotated[int, Field(ge=0, le=10)]


class EntityFactsAnswer(BaseModel):
    """The answer: whom it is about, and what was found; nothing found is an answer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    entity_name: Annotated[str, StringConstraints(max_length=200)]
    facts: Annotated[list[Fact], Field(max_length=MOST_FACTS)]
