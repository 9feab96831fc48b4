"""The prompt `validation_gate` on its labelled records: rules, prompt, model and grounding as in production."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from psycopg import Connection

from llm_pipeline.llm.gateway import Gateway
from llm_pipeline.llm.prompts import PromptTemplate
from llm_pipeline.llm.runner import run_batches
from llm_pipeline.prompt_registry.examination import SEEDS_APART, Keep, LabelledSetError
from llm_pipeline.prompt_registry.gate_sets import GateSet, file_set, reviewed_facts, reviewed_set, synthetic_set
from llm_pipeline.prompt_registry.store import read_cases
from llm_pipeline.prompt_registry.trial import Asked, Outcome, SetFacts, Trial, TrialCase, asked_of
from llm_pipeline.settings import Settings
from llm_pipeline.validation.evaluate import LabelledVerdict, labelled, measure
from llm_pipeline.validation.interrogation import KEY as KEY
from llm_pipeline.validation.interrogation import GateItem, gate_interrogation, gate_work
from llm_pipeline.validation.verdict import decide

MODEL_SETTING = "llm_validation_model"


def required_sets(conn: Connection[Any]) -> list[SetFacts]:
    """The project's own set, and the reviewed cases where there are any."""
    cases = read_cases(conn, KEY)
    return [synthetic_set().facts, *([reviewed_facts(cases)] if cases else [])]


def examination(conn: Connection[Any], settings: Settings, files: Sequence[Path]) -> GateExamination:
    """The required sets and those of files.

    Raises:
        LabelledSetError: a file cannot be used, or two have the same name.
    """
    cases = read_cases(conn, KEY)
    given = [synthetic_set(), *([reviewed_set(cases)] if cases else []), *map(file_set, files)]
    names = [one.facts.name for one in given]
    if len(set(names)) < len(names):
        raise LabelledSetError("two of the files have the same name; an evaluation tells sets apart by it")
    return GateExamination(tuple(given), settings.validation_batch_size)


@dataclass(frozen=True)
class GateExamination:
    """Labelled records, asked in batches as production does."""

    labelled_sets: tuple[GateSet, ...]
    batch_size: int

    @property
    def sets(self) -> list[SetFacts]:
        """Which sets the records are from."""
        return [one.facts for one in self.labelled_sets]

    async def run(self, gateway: Gateway, template: PromptTemplate, repeat: int, keep: Keep) -> Trial:
        """Ask about every record once. Repeats differ in seed, and in who shares a batch with whom: a server at
        temperature 0 says the same to the same question, whatever the seed.

        Raises:
            LlmError: the model cannot be used at all.
        """
        interrogation = gate_interrogation(gateway.settings, template)
        seed = interrogation.options.seed + SEEDS_APART * repeat
        interrogation = replace(interrogation, options=replace(interrogation.options, seed=seed))
        outcomes: dict[TrialCase, Outcome] = {}
        asked: list[Asked] = []
        verdicts: list[LabelledVerdict] = []
        refused = 0
        for one in self.labelled_sets:
            by_id = {item.record_id: item for item in one.items}
            batches = self._batches(one, repeat)
            async for outcome in run_batches(gateway, interrogation, batches, gate_work(interrogation)):
                originals = keep(outcome.attempts)
                if outcome.fatal is not None:
                    raise outcome.fatal
                first = min([*outcome.answers, *outcome.failures])
                asked.append(asked_of(f"{one.facts.name} {first}", outcome.attempts, originals))
                outcomes |= {one.case(record_id): "undecided" for record_id in outcome.failures}
                for record_id, answer in outcome.answers.items():
                    item = by_id[record_id]
                    verdict = decide(item.record, item.facts, answer.value)
                    line = labelled(one.labels[record_id], verdict)
                    verdicts.append(line)
                    refused += len(verdict.claims)
                    outcomes[one.case(record_id)] = "right" if line.right else "wrong"
        return Trial(outcomes, asked, {**measure(verdicts).to_json(), "claims_refused": refused})

    def _batches(self, one: GateSet, repeat: int) -> list[Sequence[GateItem]]:
        items = list(one.items)
        if repeat:
            random.Random(repeat).shuffle(items)  # noqa: S311 - mixes batches, guards nothing
        return [items[first : first + self.batch_size] for first in range(0, len(items), self.batch_size)]
