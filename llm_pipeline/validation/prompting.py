"""The data object of the validation_gate prompt: records with their computed facts, compact.

Belongs here: what of a record and its facts a model is shown. Does not belong here: the instructions
(`prompts/validation_gate.txt`) and the fence around the data (the prompt registry).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llm_pipeline.validation.issue import RecordFacts
from llm_pipeline.validation.record import MODEL_FIELDS, ValidationRecord

LONGEST_TEXT = 400
"""Characters of one field that a model sees; real descriptions stay below 300, hostile ones do not."""


def _shown(record: ValidationRecord) -> dict[str, str | None]:
    shown = record.as_model_sees_it()
    return {
        name: value if value is None or name == "record_id" else value[:LONGEST_TEXT]
        for name, value in shown.items()
        if name in MODEL_FIELDS and (value is not None or name != "owner")
    }


def batch_data(batch_id: str, records: Sequence[ValidationRecord], facts: Mapping[str, RecordFacts]) -> dict[str, Any]:
    """`{"batch_id", "records": [{fields..., "facts": {...}}]}`, ready to be written as JSON into the prompt.

    Raises:
        KeyError: a record has no facts.
    """
    return {
        "batch_id": batch_id,
        "records": [{**_shown(r), "facts": facts[r.record_id].to_json()} for r in records],
    }
