"""The labelled sets of the validation gate: the project's own, reviewed cases, and files of `gate evaluate`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from llm_pipeline.hashing import sha256_hex
from llm_pipeline.prompt_registry.examination import LabelledSetError
from llm_pipeline.prompt_registry.store import StoredCase
from llm_pipeline.prompt_registry.trial import SetFacts, TrialCase
from llm_pipeline.sample.gate_set import gate_lines
from llm_pipeline.sample.judgement_set import judgement_lines
from llm_pipeline.validation.evaluation import (
    EvaluationFileError,
    EvaluationLine,
    evaluation_line,
    gate_items,
    read_evaluation_file,
)
from llm_pipeline.validation.interrogation import GateItem
from llm_pipeline.validation.issue import Issue, RecordFacts

SYNTHETIC, REVIEWED = "synthetic", "reviewed"
SEED = 20_260_101
END = date(2026, 1, 1)
SETTLED_LINES, OPEN_LINES = 640, 160
"""Records that rules settle (a prompt can only do harm there), and records that they leave to the model."""


@dataclass(frozen=True)
class GateSet:
    """Labelled records with their facts; `labels` by record id."""

    facts: SetFacts
    items: tuple[GateItem, ...]
    labels: Mapping[str, Mapping[str, Any]]

    def case(self, record_id: str) -> TrialCase:
        """The labelled case of a record."""
        label = self.labels[record_id]
        kind = str(label.get("kind") or "defect") if label.get("is_defect") else None
        return TrialCase(self.facts.name, record_id, kind, self.facts.name == REVIEWED)


@cache
def synthetic_set() -> GateSet:
    """The project's own labelled records, always the same."""
    lines = [*gate_lines(SETTLED_LINES, SEED, end=END), *judgement_lines(OPEN_LINES, SEED, end=END)]
    read = [evaluation_line(line) for line in lines]
    return _set_of(SYNTHETIC, _sha256(lines), read, datetime(END.year, END.month, END.day, tzinfo=UTC))


def file_set(file: Path) -> GateSet:
    """The labelled records of a file.

    Raises:
        LabelledSetError: it is not in the format, or a line has no label.
    """
    try:
        lines = read_evaluation_file(file)
    except EvaluationFileError as error:
        raise LabelledSetError(str(error)) from error
    bare = [line.record.record_id for line in lines if not line.label]
    if bare or not lines:
        raise LabelledSetError(f"{file}: {f'record {bare[0]} has no label' if bare else 'holds no record'}")
    return _set_of(f"file {file.name}", sha256_hex(file.read_bytes()), lines, datetime.now(UTC))


def reviewed_set(cases: Sequence[StoredCase]) -> GateSet:
    """Cases that people labelled, each with the facts that were computed when it was added."""
    items = []
    for case in cases:
        line = evaluation_line({"batch_id": case.case_id, "record": case.record, "label": case.label})
        (computed,) = gate_items([line], datetime.now(UTC)) if case.facts is None else [None]
        items.append(computed or GateItem(line.record, facts_from_json(case.case_id, case.facts or {})))
    labels = {case.case_id: case.label for case in cases}
    return GateSet(reviewed_facts(cases), tuple(items), labels)


def reviewed_facts(cases: Sequence[StoredCase]) -> SetFacts:
    """Name, hash and size of the set of reviewed cases."""
    content = [[case.case_id, case.record, case.facts, case.label] for case in cases]
    return SetFacts(REVIEWED, _sha256(content), len(cases))


def facts_from_json(record_id: str, value: Mapping[str, Any]) -> RecordFacts:
    """Facts as `RecordFacts.to_json` wrote them."""
    return RecordFacts(
        record_id,
        issues=tuple(Issue(**issue) for issue in value["issues"]),
        days_to_filing=value["days_to_filing"],
        trading_day=value["trading_day"],
        exchange_traded=value["exchange_traded"],
        name_match=value["name_match"],
        near=tuple(value["near"]),
    )


def _set_of(name: str, sha256: str, lines: Sequence[EvaluationLine], now: datetime) -> GateSet:
    labels = {line.record.record_id: line.label or {} for line in lines}
    return GateSet(SetFacts(name, sha256, len(lines)), tuple(gate_items(lines, now)), labels)


def _sha256(lines: Iterable[Any]) -> str:
    return sha256_hex("\n".join(json.dumps(line, sort_keys=True) for line in lines).encode())
