"""The registry of prompt versions in a real database."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import psycopg
import pytest

from llm_pipeline.llm.prompt_versions import (
    PromptVersionConflictError,
    UnknownPromptError,
    VersionOrderError,
    active_template,
    add_candidate,
    next_version,
    number_of,
    register_prompts,
    stored_template,
    waiting_version,
    with_version,
)
from llm_pipeline.llm.prompts import PromptError, PromptTemplate, parse_prompt
from llm_pipeline_tests.llm.conversation import NOW, TEMPLATE

KEY = "ball_colours"
Database = psycopg.Connection[Any]


def text(version: str = "1.2.3", wording: str = "You name") -> str:
    return TEMPLATE.decode().replace("1.2.3", version).replace("You name", wording)


def template(version: str = "1.2.3", wording: str = "You name") -> PromptTemplate:
    return parse_prompt(text(version, wording).encode(), "ball_colours.txt")


def states(db: Database) -> dict[str, str]:
    return dict(db.execute("SELECT version, status FROM prompt_versions").fetchall())


def add(db: Database, given: str, **changes: Any) -> str:
    told: dict[str, Any] = {"origin": "recommendation", "by": "Ada", "why": "clearer", "now": NOW} | changes
    return add_candidate(db, given, **told).version


def test_the_first_version_of_an_installation_is_active_and_its_activation_is_on_record(db: Database) -> None:
    register_prompts(db, [template()], NOW)
    row = db.execute("SELECT interrogation, version, template_sha256, origin, activated_at FROM prompt_versions")
    assert row.fetchall() == [(KEY, "1.2.3", template().sha256, "file", NOW)]
    history = db.execute("SELECT version, previous_version, kind, activated_at FROM prompt_activations").fetchall()
    assert history == [("1.2.3", None, "bootstrap", NOW)]


def test_registering_again_changes_nothing(db: Database) -> None:
    register_prompts(db, [template()], NOW)
    register_prompts(db, [template()], NOW + timedelta(days=1))
    assert db.execute("SELECT activated_at FROM prompt_versions").fetchall() == [(NOW,)]
    assert db.execute("SELECT count(*) FROM prompt_activations").fetchone() == (1,)


def test_a_file_with_a_raised_version_waits_as_a_candidate_and_the_active_text_stays_in_use(db: Database) -> None:
    register_prompts(db, [template()], NOW)
    register_prompts(db, [template("2.0.0", "You tell")], NOW)
    assert states(db) == {"1.2.3": "active", "2.0.0": "candidate"}
    assert active_template(db, KEY) == template()
    assert stored_template(db, KEY, "2.0.0") == template("2.0.0", "You tell")
    assert waiting_version(db, KEY, "1.2.3") == "2.0.0"


def test_of_a_prompt_that_nothing_examines_the_file_s_version_is_active_and_on_record(db: Database) -> None:
    for version, wording in (
        ("1.2.3", "You name"),
        ("2.0.0", "You tell"),
        ("2.0.0", "You tell"),
        ("1.2.3", "You name"),
    ):
        register_prompts(db, [template(version, wording)], NOW, examined=False)
    assert states(db) == {"1.2.3": "active", "2.0.0": "archived"}
    history = db.execute("SELECT version, previous_version, kind FROM prompt_activations ORDER BY seq").fetchall()
    assert history == [("1.2.3", None, "bootstrap"), ("2.0.0", "1.2.3", "file"), ("1.2.3", "2.0.0", "file")]


def test_another_text_under_a_known_version_is_refused_and_changes_nothing(db: Database) -> None:
    register_prompts(db, [template()], NOW)
    with pytest.raises(PromptVersionConflictError, match=r"ball_colours\.txt says version 1\.2\.3.*Raise"):
        register_prompts(db, [template(wording="You guess")], NOW)
    assert states(db) == {"1.2.3": "active"}


def test_no_prompts_is_no_error(db: Database) -> None:
    register_prompts(db, [], NOW)
    assert states(db) == {}


def test_a_prompt_without_an_active_version_is_an_error_that_names_it(db: Database) -> None:
    with pytest.raises(UnknownPromptError, match="no active version of ball_colours"):
        active_template(db, KEY)
    register_prompts(db, [template()], NOW)
    with pytest.raises(UnknownPromptError, match=r"no version 3\.0\.0 of ball_colours"):
        stored_template(db, KEY, "3.0.0")


def test_a_candidate_names_who_added_it_and_the_recommendation_it_carries_out(db: Database) -> None:
    register_prompts(db, [template()], NOW)
    assert add(db, text(next_version(db, KEY), "You tell"), recommendation_id="rec-7") == "1.3.0"
    row = db.execute(
        "SELECT status, origin, created_by, why, recommendation_id FROM prompt_versions WHERE version = '1.3.0'"
    )
    assert row.fetchone() == ("candidate", "recommendation", "Ada", "clearer", "rec-7")
    assert active_template(db, KEY) == template()


def test_a_candidate_before_the_first_run_becomes_active_only_as_the_file_of_the_installation(db: Database) -> None:
    add(db, text("1.2.3"))
    assert states(db) == {"1.2.3": "candidate"}
    register_prompts(db, [template()], NOW)
    assert states(db) == {"1.2.3": "active"}


@pytest.mark.parametrize(
    ("given", "error", "told"),
    [
        (text("1.2.3"), PromptVersionConflictError, r"has a version 1\.2\.3 already"),
        (text("1.2.2"), VersionOrderError, r"1\.2\.2 of ball_colours is below 1\.2\.3"),
        (text("1.10.0").replace("USER:", "ASK:"), PromptError, "needs a line `SYSTEM:`"),
        ("hello", PromptError, "must start with the lines"),
        (text("1.10.0", "You\x00"), PromptError, "NUL"),
        (text("1.10.0", "You \ud83d"), PromptError, "not UTF-8"),
    ],
)
def test_a_candidate_that_cannot_be_one_is_refused_with_the_reason(
    db: Database, given: str, error: type[Exception], told: str
) -> None:
    register_prompts(db, [template()], NOW)
    with pytest.raises(error, match=told):
        add(db, given)
    assert states(db) == {"1.2.3": "active"}


def test_versions_are_compared_as_numbers_and_not_as_text(db: Database) -> None:
    register_prompts(db, [template("1.9.0")], NOW)
    add(db, text("1.10.0", "You tell"))
    assert number_of("1.10.0") > number_of("1.9.0")
    assert waiting_version(db, KEY, "1.9.0") == "1.10.0"
    assert next_version(db, KEY) == "1.11.0"
    assert waiting_version(db, KEY, "1.10.0") is None


def test_a_raised_header_changes_the_version_and_no_other_byte() -> None:
    before = text("1.2.3", "Version: 1.2.3, you name")
    assert with_version(before, "2.0.0") == before.replace("# Version: 1.2.3", "# Version: 2.0.0")


def test_a_stored_text_that_was_tampered_with_is_not_used(db: Database) -> None:
    register_prompts(db, [template()], NOW)
    db.execute("ALTER TABLE prompt_versions DISABLE TRIGGER template_is_fixed")
    db.execute("UPDATE prompt_versions SET template = replace(template, 'colours', 'sizes')")
    with pytest.raises(PromptError, match="SHA-256 differs"):
        active_template(db, KEY)


@pytest.mark.parametrize("change", ["UPDATE prompt_activations SET why = 'x'", "DELETE FROM prompt_activations"])
def test_the_history_of_activations_cannot_be_rewritten(db: Database, change: str) -> None:
    register_prompts(db, [template()], NOW)
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="append-only"):
        db.execute(change)
