"""Measuring a version of a prompt beside the active one: same cases, same model, same seeds; every call audited.

Repeats of both versions alternate, so that a machine that slows down slows both. An identical question with an
identical seed is answered from the cache, so an evaluation that was killed goes on where it stopped, and the active
version is paid for once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from psycopg import Connection

from llm_pipeline.llm.audit import Attempt, CallContext
from llm_pipeline.llm.cache import AnswerCache, lookup
from llm_pipeline.llm.open_gateway import open_gateway
from llm_pipeline.llm.prompt_versions import active_template, stored_template
from llm_pipeline.llm.prompts import PromptTemplate
from llm_pipeline.prompt_registry.comparison import Comparison, compare
from llm_pipeline.prompt_registry.examination import Examination, Subject
from llm_pipeline.prompt_registry.store import keep_attempts, write_evaluation
from llm_pipeline.prompt_registry.subjects import subject_of
from llm_pipeline.prompt_registry.trial import Original, SetFacts, Side, Trial
from llm_pipeline.settings import Settings

SERVICE = "prompt_evaluation"
REPEATS = 3

Progress = Callable[[str], None]


class SameVersionError(ValueError):
    """A version cannot be measured against itself."""


@dataclass(frozen=True)
class Evaluation:
    """A stored evaluation."""

    id: str
    interrogation: str
    version: str
    against: str
    model: str
    sets: tuple[SetFacts, ...]
    repeats: int
    version_side: Side
    against_side: Side
    comparison: Comparison


async def _trials(
    conn: Connection[Any],
    settings: Settings,
    subject: Subject,
    examination: Examination,
    templates: tuple[PromptTemplate, PromptTemplate],
    repeats: int,
    progress: Progress | None,
) -> tuple[str, str | None, list[Trial], list[Trial]]:
    def keep(attempts: Sequence[Attempt]) -> dict[str, Original]:
        return keep_attempts(conn, attempts)

    trials: tuple[list[Trial], list[Trial]] = ([], [])
    cache = AnswerCache(lambda keys: lookup(conn, keys))
    async with open_gateway(settings, CallContext(service=SERVICE), cache=cache) as gateway:
        model = str(getattr(gateway.settings, subject.MODEL_SETTING))
        try:
            for repeat in range(repeats):
                for template, done in zip(templates, trials, strict=True):
                    done.append(await examination.run(gateway, template, repeat, keep))
                    if progress:
                        progress(f"repeat {repeat + 1} of {repeats}, version {template.version}: {_told(done[-1])}")
        finally:
            keep(gateway.abandoned)  # calls that were made when others made the run end
        return model, (await gateway.facts(model)).digest, *trials


def _told(trial: Trial) -> str:
    right = sum(outcome == "right" for outcome in trial.outcomes.values())
    return f"{right} of {len(trial.outcomes)} right, {sum(one.calls for one in trial.asked)} calls"


def evaluate_version(
    conn: Connection[Any],
    settings: Settings,
    key: str,
    version: str,
    *,
    now: datetime,
    against: str | None = None,
    repeats: int = REPEATS,
    files: Sequence[Path] = (),
    model: str | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Ask about all labelled cases with a version and with another, and store what came of it.

    Args:
        conn: in autocommit, so that every call is stored when it was made.
        against: the version to compare with; the active one unless given.
        files: further labelled sets.
        model: to ask instead of the configured one.

    Raises:
        NoExaminationError: there are no labelled cases for this prompt.
        UnknownPromptError: there is no such version.
        SameVersionError: both versions are the same.
        LabelledSetError: a file cannot be used.
        LlmError: the model cannot be used at all; calls made so far are stored.
        psycopg.Error: the database refused.
    """
    subject = subject_of(key)
    examined = stored_template(conn, key, version)
    other = stored_template(conn, key, against) if against else active_template(conn, key)
    if examined.version == other.version:
        raise SameVersionError(f"{version} is the version to compare {key} with; name another one to evaluate")
    used = settings.model_copy(update={subject.MODEL_SETTING: model}) if model else settings
    examination = subject.examination(conn, used, files)
    asked, digest, own, others = asyncio.run(
        _trials(conn, used, subject, examination, (examined, other), repeats, progress)
    )
    sides = Side.of(own), Side.of(others)
    evaluation = Evaluation(
        id=str(uuid4()),
        interrogation=key,
        version=version,
        against=other.version,
        model=asked,
        sets=tuple(examination.sets),
        repeats=repeats,
        version_side=sides[0],
        against_side=sides[1],
        comparison=compare(*sides),
    )
    values = {
        "id": evaluation.id,
        "interrogation": key,
        "version": version,
        "against": other.version,
        "model": asked,
        "model_digest": digest,
        "repeats": repeats,
        "created_at": now,
    }
    write_evaluation(conn, values, evaluation.sets, sides, evaluation.comparison)
    return evaluation
