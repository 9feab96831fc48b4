"""The registry of prompt versions in a real database."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import psycopg
import pytest

from llm_pipeline.llm.prompt_versions import PromptVersionConflictError, register_prompts
from llm_pipeline.llm.prompts import PromptTemplate, parse_prompt
from llm_pipeline_tests.llm.conversation import NOW, TEMPLATE


def template(version: str = "1.2.3", wording: str = "You name") -> PromptTemplate:
    text = TEMPLATE.replace(b"1.2.3", version.encode()).replace(b"You name", wording.encode())
    return parse_prompt(text, "ball_colours.txt")


def states(db: psycopg.Connection[Any]) -> dict[str, str]:
    return dict(db.execute("SELECT version, status FROM prompt_versions").fetchall())


def test_a_new_file_becomes_the_active_version(db: psycopg.Connection[Any]) -> None:
    register_prompts(db, [template()], NOW)
    row = db.execute("SELECT interrogation, version, template_sha256, origin, activated_at FROM prompt_versions")
    assert row.fetchall() == [("ball_colours", "1.2.3", template().sha256, "file", NOW)]


def test_registering_again_changes_nothing(db: psycopg.Connection[Any]) -> None:
    register_prompts(db, [template()], NOW)
    register_prompts(db, [template()], NOW + timedelta(days=1))
    assert db.execute("SELECT activated_at FROM prompt_versions").fetchall() == [(NOW,)]


def test_a_raised_version_archives_the_one_before_and_back_again(db: psycopg.Connection[Any]) -> None:
    register_prompts(db, [template()], NOW)
    register_prompts(db, [template("2.0.0", "You tell")], NOW)
    assert states(db) == {"1.2.3": "archived", "2.0.0": "active"}
    register_prompts(db, [template()], NOW)
    assert states(db) == {"1.2.3": "active", "2.0.0": "archived"}


def test_another_text_under_a_known_version_is_refused_and_changes_nothing(db: psycopg.Connection[Any]) -> None:
    register_prompts(db, [template()], NOW)
    with pytest.raises(PromptVersionConflictError, match=r"ball_colours\.txt says version 1\.2\.3.*Raise"):
        register_prompts(db, [template(wording="You guess")], NOW)
    assert states(db) == {"1.2.3": "active"}


def test_no_prompts_is_no_error(db: psycopg.Connection[Any]) -> None:
    register_prompts(db, [], NOW)
    assert states(db) == {}
