"""`gate evaluate`: the real gate (rules, prompt, model, grounding) on records of a file, without a database."""

from __future__ import annotations

import asyncio
import codecs
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from llm_pipeline.llm.audit import CallContext
from llm_pipeline.llm.lake import Lake
from llm_pipeline.llm.open_gateway import open_gateway
from llm_pipeline.llm.prompts import PromptTemplate
from llm_pipeline.llm.runner import run_batches
from llm_pipeline.settings import Settings
from llm_pipeline.validation.context import context_of
from llm_pipeline.validation.evaluate import GateMeasures, labelled, measure
from llm_pipeline.validation.facts import compute_facts
from llm_pipeline.validation.interrogation import GateItem, gate_interrogation, gate_work
from llm_pipeline.validation.record import ValidationRecord, record_from_json
from llm_pipeline.validation.verdict import Verdict, decide


class EvaluationFileError(ValueError):
    """The file is not in the format of `gate evaluate`; the message names the line."""


@dataclass(frozen=True)
class EvaluationLine:
    """One line of the file."""

    batch_id: str
    record: ValidationRecord
    label: dict[str, Any] | None


@dataclass(frozen=True)
class Evaluation:
    """Verdicts in the order of the file, `undecided` as "id: reason", and the measures where there are labels."""

    verdicts: tuple[Verdict, ...]
    undecided: tuple[str, ...]
    measures: GateMeasures | None
    calls: int
    model: str

    def as_json(self) -> dict[str, Any]:
        """The one object that `--json` prints."""
        metrics: dict[str, Any] = {
            "model": self.model,
            "calls": self.calls,
            "undecided": list(self.undecided),
        }
        return {
            "records": [
                {
                    "record_id": verdict.record_id,
                    "status": verdict.status,
                    "flags": [
                        {
                            "step": issue.step,
                            "field": issue.field,
                            "severity": issue.severity,
                            "kind": issue.kind,
                            "source": issue.source,
                            "issue_type": issue.issue_type,
                            "description": issue.description,
                        }
                        for issue in verdict.issues
                    ],
                }
                for verdict in self.verdicts
            ],
            "metrics": metrics | (self.measures.to_json() if self.measures else {}),
        }


def read_evaluation_file(file: Path) -> list[EvaluationLine]:
    """The lines of an evaluation file.

    Raises:
        EvaluationFileError: a line is not JSON, holds no record, a label that says nothing, or a record id that an
            earlier line has.
    """
    lines: list[EvaluationLine] = []
    seen: set[str] = set()
    # Lines end at b"\n" and nowhere else: JSON text may hold U+2028 and its like.
    for number, text in enumerate(file.read_bytes().removeprefix(codecs.BOM_UTF8).split(b"\n"), start=1):
        if not text.strip():
            continue
        try:
            line = evaluation_line(json.loads(text.decode("utf-8")), fallback_id=f"line-{number}")
        except (ValueError, RecursionError) as error:
            raise EvaluationFileError(f"{file}, line {number}: {error}") from error
        if line.record.record_id in seen:
            raise EvaluationFileError(f"{file}, line {number}: record {line.record.record_id} is there twice")
        seen.add(line.record.record_id)
        lines.append(line)
    return lines


def evaluation_line(value: Any, fallback_id: str = "") -> EvaluationLine:
    """One line of the format.

    Raises:
        ValueError: it holds no record, or a label that says nothing.
    """
    if not isinstance(value, dict) or not isinstance(value.get("record"), dict):
        raise ValueError('not an object {"batch_id", "record": {...}, "label"?: {...}}')
    label = value.get("label")
    if label is not None and not (isinstance(label, dict) and (label.get("accept") or label.get("expected"))):
        raise ValueError("the label says neither `accept` nor `expected`")
    return EvaluationLine(
        str(value.get("batch_id") or ""), record_from_json(value["record"], fallback_id=fallback_id), label
    )


def evaluate_file(file: Path, settings: Settings, template: PromptTemplate | None = None) -> Evaluation:
    """Run the gate on every record of a file; artifacts of the calls are not kept.

    Args:
        template: the prompt to ask with; that of `prompts/` unless given.

    Raises:
        EvaluationFileError: see `read_evaluation_file`.
        LlmError: the model cannot be used at all.
    """
    return asyncio.run(_evaluate(read_evaluation_file(file), settings, template))


def gate_items(lines: Sequence[EvaluationLine], now: datetime) -> list[GateItem]:
    """The records with what code computes about them at a time.

    What other lines say about names is knowledge, as the stored table is; duplicates and contradictions are looked for
    within a batch_id, as the lines' author labelled them.
    """
    context = context_of([line.record for line in lines], now)
    groups: dict[str, list[ValidationRecord]] = {}
    for line in lines:
        groups.setdefault(line.batch_id, []).append(line.record)
    return [
        GateItem(record, facts[record.record_id])
        for records in groups.values()
        for facts in [compute_facts(records, context)]
        for record in records
    ]


async def _evaluate(lines: Sequence[EvaluationLine], settings: Settings, template: PromptTemplate | None) -> Evaluation:
    items = gate_items(lines, datetime.now(UTC))
    size = settings.validation_batch_size
    batches = [items[first : first + size] for first in range(0, len(items), size)]
    verdicts: dict[str, Verdict] = {}
    undecided: list[str] = []
    calls = 0
    with tempfile.TemporaryDirectory() as folder:
        call = CallContext(service="gate_evaluate")
        async with open_gateway(settings, call, lake=Lake(folder)) as gateway:
            interrogation = gate_interrogation(gateway.settings, template)
            with Progress(console=Console(stderr=True), transient=True) as progress:
                bar = progress.add_task("records", total=len(items))
                by_id = {item.record_id: item for item in items}
                async for outcome in run_batches(gateway, interrogation, batches, gate_work(interrogation)):
                    if outcome.fatal is not None:
                        raise outcome.fatal
                    calls += outcome.calls
                    for record_id, answer in outcome.answers.items():
                        item = by_id[record_id]
                        verdicts[record_id] = decide(item.record, item.facts, answer.value)
                    undecided += [f"{name}: {one.error_class}: {one.message}" for name, one in outcome.failures.items()]
                    progress.advance(bar, len(outcome.answers) + len(outcome.failures))
    decided = [line for line in lines if line.record.record_id in verdicts]
    marked = [labelled(line.label, verdicts[line.record.record_id]) for line in decided if line.label]
    return Evaluation(
        verdicts=tuple(verdicts[line.record.record_id] for line in decided),
        undecided=tuple(undecided),
        measures=measure(marked) if marked else None,
        calls=calls,
        model=interrogation.model,
    )


def summary_lines(result: Evaluation) -> list[str]:
    """The evaluation for a person: a verdict a line, then the measures."""
    lines = [
        f"{verdict.record_id}  {verdict.status:6}  {', '.join(issue.issue_type for issue in verdict.issues)}".rstrip()
        for verdict in result.verdicts
    ]
    found = result.measures
    if found is None:
        return lines
    lines += [
        "",
        f"model {result.model}, {result.calls} calls, {found.n} labelled records, {found.right} right",
    ]
    lines.append(f"false alarms {found.false_alarms} of {found.clean} clean records")
    lines.append(f"{'kind':28} {'n':>4} {'recall':>7} {'precision':>9}")
    for kind, one in sorted(found.kinds.items()):
        lines.append(f"{kind:28} {one.n:4} {_share(one.recall):>7} {_share(one.precision):>9}")
    return lines


def _share(value: float | None) -> str:
    return "no data" if value is None else f"{value:.3f}"
