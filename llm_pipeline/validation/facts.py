"""All facts of a batch: the four steps put together.

Belongs here: the order of the steps and what one step's result means for the next. The rules are in
`schema_facts`, `semantic_facts`, `temporal_facts` and `cross_record_facts`. Pure: no clock, no database,
no network.
"""

from __future__ import annotations

from collections.abc import Sequence

from llm_pipeline.validation.context import FactContext
from llm_pipeline.validation.cross_record_facts import cross_record_facts
from llm_pipeline.validation.issue import Issue, RecordFacts
from llm_pipeline.validation.record import ValidationRecord
from llm_pipeline.validation.schema_facts import is_exchange_traded, schema_issues
from llm_pipeline.validation.semantic_facts import semantic_issues
from llm_pipeline.validation.temporal_facts import temporal_facts

_UNUSABLE = ("impossible_date", "implausible_date")


def compute_facts(records: Sequence[ValidationRecord], context: FactContext) -> dict[str, RecordFacts]:
    """The facts of every record of a batch, by record id, in the order given.

    Raises:
        ValueError: two records of the batch share an id.
    """
    ids = [record.record_id for record in records]
    if len(set(ids)) != len(ids):
        doubled = sorted({i for i in ids if ids.count(i) > 1})
        raise ValueError(f"record ids must be unique within a batch, doubled: {doubled[:5]}")
    schema = {record.record_id: schema_issues(record, context) for record in records}
    across = cross_record_facts(records, context.neighbours)
    facts: dict[str, RecordFacts] = {}
    for record in records:
        own = schema[record.record_id]
        unusable = frozenset(i.field for i in own if i.issue_type in _UNUSABLE and i.action == "reject")
        semantic, match = semantic_issues(record, context)
        timing = temporal_facts(record, unusable)
        cross, near = across[record.record_id]
        facts[record.record_id] = RecordFacts(
            record_id=record.record_id,
            issues=_without_repeats([*own, *semantic, *timing.issues, *cross]),
            days_to_filing=timing.days_to_filing,
            trading_day=timing.trading_day,
            exchange_traded=is_exchange_traded(record),
            name_match=match,
            near=near,
        )
    return facts


def _without_repeats(issues: list[Issue]) -> tuple[Issue, ...]:
    """A garbled ticker also has a strange form: the reading of the damage says more, so the form is left
    out.
    """
    garbled = {i.field for i in issues if i.issue_type == "garbled_text"}
    return tuple(i for i in issues if not (i.issue_type == "ticker_syntax" and i.field in garbled))
