"""entity_facts: facts about a named filer or company, from given texts, each with the words it stands in."""

from __future__ import annotations

from pydantic import BaseModel

from llm_pipeline.interrogations.entity_facts.contract import EntityFactsAnswer
from llm_pipeline.interrogations.entity_facts.gathering import gather
from llm_pipeline.interrogations.entity_facts.grounding import Asked, ground
from llm_pipeline.interrogations.entity_facts.question import EntityFactsInput
from llm_pipeline.interrogations.entity_facts.store import store
from llm_pipeline.interrogations.queued import Evidence, Grounded, QueuedInterrogation
from llm_pipeline.llm.schema import Schema, bind_choice, bind_constant


def bind(schema: Schema, evidence: Evidence) -> Schema:
    """Only the entity asked about, only texts that are shown. Whether words stand in a text, grounding checks."""
    asked: Asked = evidence.facts
    bound = bind_constant(schema, "entity_name", asked.entity.name)
    return bind_choice(bound, "Citation", "evidence_id", list(asked.texts))


def _ground(evidence: Evidence, answer: BaseModel) -> Grounded:
    assert isinstance(answer, EntityFactsAnswer)
    return ground(evidence.facts, answer)


INTERROGATION = QueuedInterrogation(
    key="entity_facts",
    input_model=EntityFactsInput,
    contract=EntityFactsAnswer,
    model=lambda settings: settings.llm_validation_model,
    gather=gather,
    bind=bind,
    ground=_ground,
    store=store,
)
