"""The asset `prompt_recommendations` as runs: what it shows, and that a week is paid for once."""

from __future__ import annotations

import pytest

from llm_pipeline.db.connection import connect
from llm_pipeline.offline_model.faults import Fault, FaultPlan
from llm_pipeline.offline_model.process import running_in_thread
from llm_pipeline.review.service import decide
from llm_pipeline_tests.defs.runs import checks, metadata, run
from llm_pipeline_tests.recommendations.periods import START, period
from llm_pipeline_tests.recommendations.stored import NOW, store

ASSET = "prompt_recommendations"
PASSED = {f"{ASSET}.{name}": True for name in ("json_schema_valid", "grounding", "all_answered")}


@pytest.fixture
def filled(database_url, monkeypatch):
    """A week with closed signals in the database in use."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    with connect(database_url) as conn:
        store(conn, period().signals)
    return database_url


def test_a_week_is_asked_about_once_and_its_advice_is_shown(filled, instance):
    done = run(instance, [ASSET], START)
    assert done.success
    assert checks(done) == PASSED
    shown = metadata(done, ASSET)
    assert (shown["status"], shown["dagster/row_count"], shown["model_calls"]) == ("stored", 1, 1)
    assert [one.data["target"] for one in shown["recommendations"].records] == ["anomaly_detection"] * 2
    again = metadata(run(instance, [ASSET], START), ASSET)
    assert (again["status"], again["feedback_id"], again["model_calls"]) == ("stored", shown["feedback_id"], 0)


def test_what_became_of_approved_advice_is_shown_link_by_link(filled, instance):
    first = metadata(run(instance, [ASSET], START), ASSET)
    assert "what_became_of_advice" not in first
    with connect(filled) as conn:
        decide(conn, first["feedback_id"], "approved", by="Quill", why="three of four lost", now=NOW)
    shown = metadata(run(instance, [ASSET], START), ASSET)["what_became_of_advice"]
    (rule, *_) = (one.data["recommendation_id"] for one in first["recommendations"].records)
    steps = [one.data for one in shown.records if one.data["recommendation"] == rule]
    assert [one["step"] for one in steps] == ["model call", "recommendation", "review"]
    assert (steps[2]["by"], steps[2]["detail"]) == ("Quill", "approved: three of four lost")


def test_a_week_without_scorecard_is_no_failure_and_costs_nothing(database_url, monkeypatch, instance):
    monkeypatch.setenv("DATABASE_URL", database_url)
    done = run(instance, [ASSET], START)
    assert checks(done) == PASSED
    shown = metadata(done, ASSET)
    assert (shown["status"], shown["weeks_without_scorecard"]) == ("no week with closed signals", 1)
    assert shown["model_calls"] == 0


def test_a_model_that_refuses_fails_the_check_and_says_why(filled, instance, monkeypatch):
    monkeypatch.setenv("JOBS_BACKOFF_S", "0.01")
    monkeypatch.setenv("LLM_FEEDBACK_MODEL", "offline-rules")
    with running_in_thread(faults=FaultPlan((Fault("refusal"),))) as server:
        monkeypatch.setenv("OLLAMA_BASE_URL", server.base_url)
        done = run(instance, [ASSET], START)
    assert checks(done) == PASSED | {f"{ASSET}.all_answered": False}
    assert metadata(done, ASSET)["status"] == "no answer"
    (check,) = [one for one in done.get_asset_check_evaluations() if one.check_name == "all_answered"]
    assert "Refusal" in str(check.metadata["examples"].value)
