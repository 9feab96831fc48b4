"""Which version production asks with: activating one that passed its evaluation, and going back.

There is no way around the evaluation but going back: the version before was good enough to be active.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg import Connection

from llm_pipeline.llm.prompt_versions import ONE_AT_A_TIME, active_template, stored_template
from llm_pipeline.prompt_registry.store import (
    Activation,
    StoredEvaluation,
    read_evaluations,
    read_history,
    set_active,
)
from llm_pipeline.prompt_registry.subjects import production_model, subject_of
from llm_pipeline.prompt_registry.trial import SetFacts
from llm_pipeline.settings import Settings


class ActivationRefusedError(ValueError):
    """The version may not become active; `reasons` says why, one sentence each."""

    def __init__(self, told: str, reasons: Sequence[str]) -> None:
        super().__init__("; ".join([told, *reasons]))
        self.reasons = tuple(reasons)


class NothingToRollBackError(ValueError):
    """No other version of this prompt was active before."""


def activate(
    conn: Connection[Any],
    settings: Settings,
    key: str,
    version: str,
    *,
    by: str,
    why: str,
    now: datetime,
    evaluation_id: str | None = None,
) -> Activation:
    """Make a version the active one, on the strength of an evaluation: against what is active now, on the labelled sets
    as they are now, with the model that production asks.

    Args:
        evaluation_id: the evaluation to rest on; the newest one that will do unless given.

    Raises:
        ActivationRefusedError: no evaluation allows it.
        NoExaminationError: there are no labelled cases for this prompt.
        UnknownPromptError: there is no such version.
    """
    subject = subject_of(key)
    with conn.transaction():
        conn.execute(ONE_AT_A_TIME)
        stored_template(conn, key, version)
        active = active_template(conn, key).version
        if active == version:
            raise ActivationRefusedError(f"{key} {version} is active already", ())
        found = [
            one for one in read_evaluations(conn, key, version) if evaluation_id is None or one.id == evaluation_id
        ]
        if not found:
            which = "no evaluation" if evaluation_id is None else f"no evaluation {evaluation_id}"
            raise ActivationRefusedError(
                f"{key} {version} has {which}", [f"run `llm-pipeline prompts evaluate {key} {version}` first"]
            )
        required, model = subject.required_sets(conn), production_model(settings, subject)
        against_it = {one.id: _objections(one, active, model, required) for one in found}
        good = [one for one in found if not against_it[one.id]]
        if not good:
            told = f"{key} {version} stays as it is: evaluation {found[0].id} does not allow it"
            raise ActivationRefusedError(told, against_it[found[0].id])
        change = Activation(key, version, active, "activate", now, by, why, good[0].id)
        set_active(conn, change)
    return change


def roll_back(conn: Connection[Any], key: str, *, by: str, why: str, now: datetime) -> Activation:
    """Make the version active that was so before the present one.

    Raises:
        NoExaminationError: the file decides about this prompt.
        NothingToRollBackError: there was none.
    """
    subject_of(key)
    with conn.transaction():
        conn.execute(ONE_AT_A_TIME)
        line = line_of_activations(read_history(conn, key))
        if len(line) < 2:
            raise NothingToRollBackError(f"no other version of {key} was active before")
        change = Activation(key, line[-2], line[-1], "rollback", now, by, why, None)
        set_active(conn, change)
    return change


def line_of_activations(history: Sequence[Activation]) -> list[str]:
    """The versions that stand behind the active one, which is the last: a rollback takes back what it went back from,
    so that a second one goes further back instead of forth. Pure."""
    line: list[str] = []
    for one in history:
        if one.kind == "rollback" and line:
            line.pop()
        elif not line or line[-1] != one.version:
            line.append(one.version)
    return line


def _objections(evaluation: StoredEvaluation, active: str, model: str, required: Sequence[SetFacts]) -> list[str]:
    """Why an evaluation does not allow the activation; empty when it does."""
    used = {one["name"]: one["sha256"] for one in evaluation.sets}
    told = []
    if evaluation.against != active:
        told.append(f"it compares with {evaluation.against}, and {active} is active now: evaluate again")
    if evaluation.model != model:
        told.append(f"it asked {evaluation.model}, and production asks {model}: evaluate again")
    told += [
        f"the labelled set `{one.name}` has changed since, or was not used: evaluate again"
        for one in required
        if used.get(one.name) != one.sha256
    ]
    if evaluation.verdict != "passed":
        told += [f"its verdict is `{evaluation.verdict}`", *evaluation.reasons]
    return told
