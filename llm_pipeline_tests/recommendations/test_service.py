"""From an approved recommendation to a candidate version, and the chain that shows what became of it."""

from __future__ import annotations

import pytest

from llm_pipeline.db.connection import connect
from llm_pipeline.llm.prompt_versions import active_template, register_prompts, stored_template
from llm_pipeline.llm.prompts import load_prompts
from llm_pipeline.recommendations.proposal import ProposalError
from llm_pipeline.recommendations.service import (
    UnknownRecommendationError,
    chain,
    list_recommendations,
    propose,
)
from llm_pipeline.recommendations.store import read_case, store_recommendation
from llm_pipeline.settings import project_folder
from llm_pipeline_tests.recommendations.periods import END, good_answer, period
from llm_pipeline_tests.recommendations.stored import NAMES, NOW, store


@pytest.fixture
def conn(database_url):
    """A database with a stored recommendation and the registered prompts."""
    with connect(database_url) as conn:
        register_prompts(conn, load_prompts(project_folder("prompts")).values(), NOW)
        store(conn, period().signals)
        case = read_case(conn, END)
        conn.execute(
            "INSERT INTO llm_audit_trail (id, service_name, status, prompt_version, created_at) "
            "VALUES (%s, 'feedback_loop', 'ok', '1.0.0', %s)",
            [NAMES, NOW],
        )
        change = {**good_answer(case).prompt_recommendations[0].model_dump(), "change_type": "remove_rule"}
        both = [good_answer(case).prompt_recommendations[0].model_dump(), change]
        with conn.cursor() as cur:
            store_recommendation(cur, case, good_answer(case, prompt_recommendations=both), str(NAMES), NOW)
        yield conn


@pytest.fixture
def rule(conn):
    """The id of the recommendation to add a rule."""
    return list_recommendations(conn, open_only=True)[0]["recommendation_id"]


def next_after(template):
    """The version that a change of a template gets: its second number raised."""
    major, minor, _ = template.version.split(".")
    return f"{major}.{int(minor) + 1}.0"


def approve(conn):
    conn.execute("UPDATE llm_prompt_recommendations SET status = 'approved', reviewed_by = 'Quill'")


def test_an_approved_rule_becomes_a_candidate_that_names_its_origin(conn, rule):
    approve(conn)
    before = active_template(conn, "anomaly_detection")
    made = propose(conn, rule, by="Quill", why="three of four lost", now=NOW)
    assert (made.interrogation, made.version) == ("anomaly_detection", next_after(before))
    text = stored_template(conn, "anomaly_detection", made.version).text
    assert "REVIEWED RULES\n- Uphold a FREQUENCY_SPIKE only when a related event follows.\n" in text
    assert active_template(conn, "anomaly_detection") == before
    row = conn.execute(
        "SELECT origin, status, recommendation_id FROM prompt_versions WHERE interrogation = %s AND version = %s",
        [made.interrogation, made.version],
    ).fetchone()
    assert row == ("recommendation", "candidate", rule)


@pytest.mark.parametrize("status", ["pending", "rejected"])
def test_what_nobody_approved_becomes_nothing(conn, rule, status):
    conn.execute("UPDATE llm_prompt_recommendations SET status = %s", [status])
    with pytest.raises(ProposalError, match=f"is {status}: approve it first"):
        propose(conn, rule, by="Quill", why="because", now=NOW)
    assert conn.execute("SELECT count(*) FROM prompt_versions WHERE origin = 'recommendation'").fetchone() == (0,)


def test_a_change_that_is_no_sentence_needs_an_edited_template(conn, rule):
    approve(conn)
    removal = rule[:-1] + "2"
    with pytest.raises(ProposalError, match="remove_rule needs a person's edit"):
        propose(conn, removal, by="Quill", why="because", now=NOW)
    edited = active_template(conn, "anomaly_detection").text.replace("You judge what a program cannot", "You judge")
    made = propose(conn, removal, by="Quill", why="because", now=NOW, template_text=edited)
    assert "You judge what" not in stored_template(conn, "anomaly_detection", made.version).text


def test_the_chain_names_every_link_in_order(conn, rule):
    assert [one.step for one in chain(conn, rule)] == ["model call", "recommendation"]
    approve(conn)
    conn.execute(
        """INSERT INTO review_decisions (kind, item_id, decision, reviewed_by, reviewed_at, why, previous_state,
               content, content_sha256)
           SELECT 'recommendation', feedback_id, 'approved', 'Quill', %s, 'sounds right', 'pending', '{}', 'x'
           FROM llm_prompt_recommendations""",
        [NOW],
    )
    made = propose(conn, rule, by="Quill", why="three of four lost", now=NOW)
    found = chain(conn, rule)
    assert [one.step for one in found] == ["model call", "recommendation", "review", "candidate version"]
    assert found[0].id == str(NAMES)
    assert (found[2].by, found[2].detail) == ("Quill", "approved: sounds right")
    assert found[3].id == f"anomaly_detection {made.version}"


def test_an_id_that_does_not_exist_is_said_so(conn):
    for act in (lambda: chain(conn, "fb-x-p1"), lambda: propose(conn, "fb-x-p1", by="a", why="b", now=NOW)):
        with pytest.raises(UnknownRecommendationError, match="no recommendation fb-x-p1"):
            act()
