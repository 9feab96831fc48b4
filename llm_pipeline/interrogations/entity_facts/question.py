"""What a job of entity_facts asks: whom facts are wanted about, and where to look."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints, model_validator

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
