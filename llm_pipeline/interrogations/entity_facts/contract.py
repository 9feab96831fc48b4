"""The contract of entity_facts: what is asked about, and what a model must answer. What it is worth: `grounding.py`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

MOST_FACTS = 20
MOST_CITATIONS = 4

Id = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Name = Annotated[str, StringConstraints(min_length=2, max_length=200, strip_whitespace=True)]


class _Given(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Entity(_Given):
    """Whom facts are wanted about; `aliases` are other names and tickers that mean the same."""

    kind: Literal["filer", "company"]
    name: Name
    aliases: tuple[Name, ...] = ()


class GivenText(_Given):
    """A text to draw facts from."""

    evidence_id: Id
    text: str


class EntityFactsInput(_Given):
    """A job's input: the entity, and texts or ids of stored disclosures, or both."""

    entity: Entity
    texts: tuple[GivenText, ...] = ()
    disclosure_ids: tuple[Id, ...] = ()

    @model_validator(mode="after")
    def _something_to_read(self) -> EntityFactsInput:
        if not self.texts and not self.disclosure_ids:
            raise ValueError("texts or disclosure_ids must name something to read")
        ids = [one.evidence_id for one in self.texts]
        if len(set(ids)) < len(ids):
            raise ValueError("two texts have the same evidence_id")
        return self


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
