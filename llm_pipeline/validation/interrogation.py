"""The interrogation `validation_gate`: its template, contract and model, and how a batch of records is asked.

Pure but for reading the template.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llm_pipeline.hashing import hash_of
from llm_pipeline.llm.batch import BatchQuestion, Collected, collect_by_id
from llm_pipeline.llm.interrogation import Interrogation, ModelOptions
from llm_pipeline.llm.prompts import PromptTemplate, parse_prompt
from llm_pipeline.llm.runner import BatchWork
from llm_pipeline.llm.schema import bind_constant, bind_ids
from llm_pipeline.settings import Settings, project_folder
from llm_pipeline.validation.contract import GateAnswer, RecordAnswer
from llm_pipeline.validation.issue import RecordFacts
from llm_pipeline.validation.prompting import batch_data
from llm_pipeline.validation.record import ValidationRecord

KEY = "validation_gate"


@dataclass(frozen=True)
class GateItem:
    """A record with everything computed about it."""

    record: ValidationRecord
    facts: RecordFacts

    @property
    def record_id(self) -> str:
        """The id by which a model names it."""
        return self.record.record_id


def gate_template() -> PromptTemplate:
    """The prompt `prompts/validation_gate.txt`.

    Raises:
        PromptError: the file is not a usable template.
    """
    file = project_folder("prompts") / f"{KEY}.txt"
    return parse_prompt(file.read_bytes(), file.name)


def gate_interrogation(settings: Settings, template: PromptTemplate | None = None) -> Interrogation:
    """The interrogation with the model and options that the settings name.

    Args:
        template: the version to ask with; the file's where no registry is at hand.
    """
    return Interrogation(
        key=KEY,
        template=template or gate_template(),
        contract=GateAnswer,
        model=settings.llm_validation_model,
        options=ModelOptions.of(settings),
    )


def gate_work(interrogation: Interrogation) -> BatchWork[GateItem, RecordAnswer]:
    """How items are asked about and how an answer is read."""

    def build(items: Sequence[GateItem]) -> BatchQuestion:
        ids = [item.record_id for item in items]
        # From the ids alone: the same records asked again are the same question, found in the cache.
        batch_id = f"batch-{hash_of(ids)[:12]}"
        data = batch_data(
            batch_id,
            [item.record for item in items],
            {item.record_id: item.facts for item in items},
        )
        return BatchQuestion(
            messages=interrogation.render(batch_json=data),
            schema=bind_constant(bind_ids(interrogation.schema, ids), "batch_id", batch_id),
            request_context={"batch_id": batch_id, "record_ids": ids},
        )

    def collect(answer: GateAnswer, ids: Sequence[str]) -> Collected[RecordAnswer]:
        return collect_by_id(answer.records, ids, lambda one: one.record_id)

    return BatchWork(identify=lambda item: item.record_id, build=build, collect=collect)
