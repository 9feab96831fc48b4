"""When an evaluation allows an activation, and what going back goes back to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg.types.json import Jsonb

from llm_pipeline.llm.prompt_versions import UnknownPromptError, active_template
from llm_pipeline.prompt_registry.activation import (
    Activation,
    ActivationRefusedError,
    activate,
    line_of_activations,
    roll_back,
)
from llm_pipeline.prompt_registry.examination import NoExaminationError
from llm_pipeline.prompt_registry.gate_sets import synthetic_set
from llm_pipeline.prompt_registry.store import write_case
from llm_pipeline_tests.prompt_registry.versions import BLIND, KEY, NOW, UNVERIFIED, add, install, settings

Database = psycopg.Connection[Any]
SIGNED: dict[str, Any] = {"by": "Ada", "why": "a test", "now": NOW}
CURRENT = [{"name": "synthetic", "sha256": synthetic_set().facts.sha256, "cases": 800}]


@pytest.fixture
def candidate(db: Database) -> str:
    install(db)
    return add(db, BLIND)


def evaluated(db: Database, version: str, **changes: Any) -> str:
    """A stored evaluation that allows the activation, but for what is changed."""
    row: dict[str, Any] = {
        "id": uuid4(),
        "interrogation": KEY,
        "version": version,
        "against": "0.1.0",
        "model": "offline-rules",
        "sets": Jsonb(changes.pop("sets", CURRENT)),
        "reasons": Jsonb(changes.pop("reasons", [])),
        "verdict": "passed",
    } | changes
    db.execute(
        "INSERT INTO prompt_evaluations (id, interrogation, version, against, model, sets, repeats, metrics, verdict,"
        " reasons, created_at) VALUES (%(id)s, %(interrogation)s, %(version)s, %(against)s, %(model)s, %(sets)s, 1,"
        " '{}', %(verdict)s, %(reasons)s, now())",
        row,
    )
    return str(row["id"])


def test_a_passed_evaluation_allows_the_activation(db: Database, candidate: str, tmp_path: Path) -> None:
    evaluation = evaluated(db, candidate)
    change = activate(db, settings(tmp_path), KEY, candidate, **SIGNED)
    assert (change.version, change.previous_version, change.evaluation_id) == (candidate, "0.1.0", evaluation)
    assert active_template(db, KEY).version == candidate
    states = dict(db.execute("SELECT version, status FROM prompt_versions").fetchall())
    assert states == {"0.1.0": "archived", candidate: "active"}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"verdict": "worse", "reasons": ["worse: recall: 0.5 against 1"]}, "worse: recall: 0.5 against 1"),
        ({"verdict": "unclear", "reasons": ["unclear: recall: too few"]}, "unclear: recall: too few"),
        ({"model": "tiny"}, "it asked tiny, and production asks offline-rules: evaluate again"),
        ({"sets": [{"name": "synthetic", "sha256": "0", "cases": 9}]}, "labelled set `synthetic` has changed since"),
        ({"sets": []}, "labelled set `synthetic` has changed since, or was not used"),
    ],
)
def test_an_evaluation_that_does_not_hold_now_does_not_allow_it(
    db: Database, candidate: str, tmp_path: Path, changes: dict[str, Any], told: str
) -> None:
    evaluated(db, candidate, **changes)
    with pytest.raises(ActivationRefusedError) as refused:
        activate(db, settings(tmp_path), KEY, candidate, **SIGNED)
    assert any(told in reason for reason in refused.value.reasons)
    assert active_template(db, KEY).version == "0.1.0"
    assert db.execute("SELECT count(*) FROM prompt_activations").fetchone() == (1,)


def test_an_evaluation_against_a_version_that_is_no_longer_active_does_not_count(
    db: Database, candidate: str, tmp_path: Path
) -> None:
    other = add(db, UNVERIFIED.replace("0.1.0", "0.3.0").replace("calm", "quick"))
    for version in (candidate, other):
        evaluated(db, version)
    activate(db, settings(tmp_path), KEY, candidate, **SIGNED)
    with pytest.raises(ActivationRefusedError, match=r"compares with 0\.1\.0, and 0\.2\.0 is active now"):
        activate(db, settings(tmp_path), KEY, other, **SIGNED)


def test_a_labelled_case_that_came_since_makes_the_evaluation_old(db: Database, candidate: str, tmp_path: Path) -> None:
    evaluated(db, candidate)
    case = {"record": {"record_id": "c"}, "label": {"accept": ["flag"]}, "facts": None, "case_id": "c"}
    signed = {"origin": "review", "source_id": "d", "created_by": "Ada", "why": "w", "created_at": NOW}
    assert write_case(db, {"interrogation": KEY, **case, **signed})
    with pytest.raises(ActivationRefusedError, match="labelled set `reviewed` has changed since, or was not used"):
        activate(db, settings(tmp_path), KEY, candidate, **SIGNED)


def test_the_evaluation_that_is_named_is_the_one_that_counts(db: Database, candidate: str, tmp_path: Path) -> None:
    good, bad = evaluated(db, candidate), evaluated(db, candidate, verdict="worse")
    with pytest.raises(ActivationRefusedError, match=bad):
        activate(db, settings(tmp_path), KEY, candidate, evaluation_id=bad, **SIGNED)
    with pytest.raises(ActivationRefusedError, match="no evaluation none"):
        activate(db, settings(tmp_path), KEY, candidate, evaluation_id="none", **SIGNED)
    assert activate(db, settings(tmp_path), KEY, candidate, evaluation_id=good, **SIGNED).evaluation_id == good


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda db, used: activate(db, used, KEY, "9.9.9", **SIGNED), UnknownPromptError),
        (lambda db, used: activate(db, used, KEY, "0.1.0", **SIGNED), ActivationRefusedError),
        (lambda db, used: activate(db, used, "weather", "1.0.0", **SIGNED), NoExaminationError),
    ],
)
def test_what_is_not_there_or_is_active_already_is_said(
    db: Database, candidate: str, tmp_path: Path, call: Callable[..., Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        call(db, settings(tmp_path))


def test_the_database_takes_no_activation_without_an_evaluation(db: Database, candidate: str) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        db.execute(
            "INSERT INTO prompt_activations (interrogation, version, kind, activated_at, activated_by, why)"
            " VALUES (%s, %s, 'activate', now(), 'x', 'y')",
            [KEY, candidate],
        )


def change(version: str, kind: str) -> Activation:
    return Activation(KEY, version, None, kind, NOW, "a", "b", None)


def test_going_back_twice_goes_further_back_and_not_forth() -> None:
    history = [change("1", "bootstrap"), change("2", "activate"), change("3", "activate")]
    assert line_of_activations(history) == ["1", "2", "3"]
    history.append(change("2", "rollback"))
    assert line_of_activations(history) == ["1", "2"]
    history.append(change("4", "activate"))
    assert line_of_activations(history) == ["1", "2", "4"]


def test_a_rollback_names_what_it_went_back_from(db: Database, candidate: str, tmp_path: Path) -> None:
    evaluated(db, candidate)
    activate(db, settings(tmp_path), KEY, candidate, **SIGNED)
    back = roll_back(db, KEY, by="Bob", why="false alarms", now=NOW)
    assert (back.version, back.previous_version, back.kind) == ("0.1.0", candidate, "rollback")
    row = db.execute("SELECT activated_by, why FROM prompt_activations ORDER BY seq DESC LIMIT 1").fetchone()
    assert row == ("Bob", "false alarms")
