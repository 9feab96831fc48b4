"""The loop closed: outcomes, advice, approval, a candidate, the regression gate, activation, effect, and back."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from llm_pipeline.db.connection import connect
from llm_pipeline.jobs.working import Shift, work_on_queue
from llm_pipeline.llm.prompt_versions import active_template, register_prompts
from llm_pipeline.llm.prompts import load_prompts
from llm_pipeline.offline_model.process import running_in_thread
from llm_pipeline.prompt_registry.activation import ActivationRefusedError, activate, roll_back
from llm_pipeline.prompt_registry.evaluation import evaluate_version
from llm_pipeline.recommendations.interrogation import KEY
from llm_pipeline.recommendations.service import chain, propose
from llm_pipeline.recommendations.weekly import account_for_weeks, queue_weeks
from llm_pipeline.review.service import decide
from llm_pipeline.settings import project_folder
from llm_pipeline_tests.prompt_registry.versions import settings
from llm_pipeline_tests.recommendations.periods import END, period
from llm_pipeline_tests.recommendations.stored import HORIZON, NOW, store

SIGNED: dict[str, Any] = {"by": "Quill", "why": "three of four spikes lost"}


def score_version(conn, version, hit_rate):
    """The newest scorecard of a prompt version."""
    conn.execute(
        """INSERT INTO scorecards (period_start, period_end, classification, prompt_version, n, horizon_days, signals,
               open, no_price, neutral, hit_rate, scorecard)
           VALUES (%s, %s, 'ALL', %s, 10, %s, 10, 0, 0, 0, %s, %s)""",
        [END, END + timedelta(days=70), version, HORIZON, hit_rate, Jsonb({})],
    )


def test_advice_takes_effect_only_by_a_person_and_the_gate_and_every_link_has_an_id(database_url, tmp_path):
    with connect(database_url, autocommit=True) as conn, running_in_thread() as server:
        used = settings(tmp_path, server.base_url, llm_feedback_model="offline-rules")
        register_prompts(conn, load_prompts(project_folder("prompts")).values(), NOW)
        store(conn, period().signals)
        before = active_template(conn, "anomaly_detection")
        asked, report = queue_weeks(conn, [END])
        asyncio.run(work_on_queue(database_url, used, Shift(until_settled=True, only=KEY)))
        (advice,) = account_for_weeks(conn, asked, report).stored
        (rule, *_) = advice["prompt_recommendations"]

        decide(conn, advice["feedback_id"], "approved", now=NOW, kind="recommendation", **SIGNED)
        made = propose(conn, rule["recommendation_id"], now=NOW, **SIGNED)
        assert active_template(conn, "anomaly_detection") == before
        with pytest.raises(ActivationRefusedError, match="no evaluation"):
            activate(conn, used, made.interrogation, made.version, now=NOW, **SIGNED)
        measured = evaluate_version(conn, used, made.interrogation, made.version, now=NOW, repeats=1)
        assert measured.comparison.verdict == "passed"
        change = activate(conn, used, made.interrogation, made.version, now=NOW, **SIGNED)
        assert rule["description"] in active_template(conn, "anomaly_detection").system
        assert conn.execute("SELECT status FROM llm_prompt_recommendations").fetchall() == [("applied",)]

        score_version(conn, before.version, 0.4)
        score_version(conn, made.version, 0.7)
        links = chain(conn, rule["recommendation_id"])
        assert [one.step for one in links] == [
            *("model call", "recommendation", "review", "candidate version", "evaluation", "activate"),
            *("measured effect", "measured effect"),
        ]
        by_step = {one.step: one for one in links}
        assert by_step["model call"].id == str(advice["audit_trail_id"])
        assert by_step["evaluation"].id == str(measured.id) == str(change.evaluation_id)
        assert {one.detail for one in links[-2:]} == {
            f"{before.version}: n 10, hit rate 0.4000, mean alpha no data",
            f"{made.version}: n 10, hit rate 0.7000, mean alpha no data",
        }

        roll_back(conn, made.interrogation, by="Quill", why="a complaint", now=NOW)
        assert active_template(conn, "anomaly_detection") == before
        assert [one.step for one in chain(conn, rule["recommendation_id"])][5:7] == ["activate", "rollback"]
