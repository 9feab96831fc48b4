"""The prompt `anomaly_detection` on invented candidates: case, prompt, model and grounding as in production."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from psycopg import Connection

from llm_pipeline.anomalies.case import Case
from llm_pipeline.anomalies.decision import Decision, decide_case
from llm_pipeline.anomalies.interrogation import KEY as KEY
from llm_pipeline.anomalies.interrogation import anomaly_interrogation, case_work
from llm_pipeline.llm.gateway import Gateway
from llm_pipeline.llm.prompts import PromptTemplate
from llm_pipeline.llm.runner import run_batch
from llm_pipeline.llm.together import together
from llm_pipeline.prompt_registry.detection_cases import DetectionSet, synthetic_set
from llm_pipeline.prompt_registry.examination import SEEDS_APART, Keep, LabelledSetError
from llm_pipeline.prompt_registry.trial import Asked, Outcome, SetFacts, Trial, TrialCase, asked_of
from llm_pipeline.settings import Settings

MODEL_SETTING = "llm_anomaly_model"


def required_sets(conn: Connection[Any]) -> list[SetFacts]:
    """The project's own set."""
    return [synthetic_set().facts]


def examination(conn: Connection[Any], settings: Settings, files: Sequence[Path]) -> AnomalyExamination:
    """The project's own set.

    Raises:
        LabelledSetError: a file was given.
    """
    if files:
        raise LabelledSetError(f"{files[0]}: {KEY} is examined with its own set only; files are for validation_gate")
    return AnomalyExamination(synthetic_set())


@dataclass(frozen=True)
class AnomalyExamination:
    """Labelled candidates, asked case by case as production does."""

    labelled: DetectionSet

    @property
    def sets(self) -> list[SetFacts]:
        """Which set the candidates are from."""
        return [self.labelled.facts]

    async def run(self, gateway: Gateway, template: PromptTemplate, repeat: int, keep: Keep) -> Trial:
        """Ask about every case once; repeats differ in seed, and in the order of the candidates of a case.

        Raises:
            LlmError: the model cannot be used at all.
        """
        interrogation = anomaly_interrogation(gateway.settings, template)
        seed = interrogation.options.seed + SEEDS_APART * repeat
        interrogation = replace(interrogation, options=replace(interrogation.options, seed=seed))
        places = asyncio.Semaphore(gateway.settings.llm_concurrency + 2)
        asked: list[Asked] = []

        async def one(case: Case) -> list[Decision]:
            turn = repeat % len(case.candidates)
            turned = replace(case, candidates=(*case.candidates[turn:], *case.candidates[:turn]))
            async with places:
                work = case_work(interrogation, turned)
                outcome = await run_batch(gateway, interrogation, turned.candidates, work)
            asked.append(asked_of(case.candidates[0].candidate_id, outcome.attempts, keep(outcome.attempts)))
            if outcome.fatal is not None:
                raise outcome.fatal
            return decide_case(turned, outcome)

        async with together() as group:
            tasks = [group.create_task(one(case)) for case in self.labelled.cases]
        decisions = [decision for task in tasks for decision in task.result()]
        outcomes = {case: _outcome(case, made) for made in decisions for case in [self._labelled(made)]}
        return Trial(outcomes, asked, _measures([(self._labelled(made), made) for made in decisions]))

    def _labelled(self, decision: Decision) -> TrialCase:
        return self.labelled.case(decision.candidate.candidate_id)


def _outcome(case: TrialCase, decision: Decision) -> Outcome:
    if decision.outcome in ("ungrounded", "failed"):
        return "undecided"
    return "right" if (decision.outcome == "signal") == (case.kind is not None) else "wrong"


def _measures(made: Sequence[tuple[TrialCase, Decision]]) -> Mapping[str, Any]:
    """Recall and precision of upheld candidates by classification, and what was refused; no data is None."""
    kinds: dict[str, Any] = {}
    for kind in sorted({case.kind for case, _ in made if case.kind is not None}):
        planted = [decision for case, decision in made if case.kind == kind]
        upheld = [
            case
            for case, decision in made
            if decision.outcome == "signal" and decision.candidate.classification == kind
        ]
        caught = sum(decision.outcome == "signal" for decision in planted)
        found = sum(case.kind == kind for case in upheld)
        precision = found / len(upheld) if upheld else None
        kinds[kind] = {"n": len(planted), "recall": caught / len(planted), "precision": precision}
    return {
        "n": len(made),
        "outcomes": dict(Counter(decision.outcome for _, decision in made)),
        "claims_refused": sum(len(decision.claims) for _, decision in made),
        "kinds": kinds,
    }
