"""Weeks put to a genuine Ollama with a tiny random model; only where REAL_OLLAMA_URL names one.

Its words are noise: nothing that it says may be stored unless the group, signal, parameter and value are so.
"""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta

import pytest

from llm_pipeline.db.connection import connect
from llm_pipeline.jobs.working import Shift, work_on_queue
from llm_pipeline.recommendations.interrogation import KEY
from llm_pipeline.recommendations.weekly import account_for_weeks, queue_weeks
from llm_pipeline.settings import load_settings
from llm_pipeline_tests.recommendations.periods import END, period
from llm_pipeline_tests.recommendations.stored import score, store

WEEKS = 4


@pytest.mark.timeout(1800)
def test_noise_names_no_signal_parameter_or_current_value_that_does_not_exist(database_url, monkeypatch):
    url = os.environ.get("REAL_OLLAMA_URL")
    if not url:
        pytest.skip("REAL_OLLAMA_URL names no genuine Ollama server")
    monkeypatch.setenv("OLLAMA_BASE_URL", url)
    monkeypatch.setenv("LLM_FEEDBACK_MODEL", "tiny-biased")
    monkeypatch.setenv("LLM_NUM_CTX", "32768")
    monkeypatch.setenv("LLM_NUM_PREDICT", "2048")
    monkeypatch.setenv("LLM_TEMPERATURE", "1.2")
    monkeypatch.setenv("LLM_CONCURRENCY", "1")
    monkeypatch.setenv("JOBS_BACKOFF_S", "0.01")
    ends = [END + timedelta(days=7 * week) for week in range(WEEKS)]
    with connect(database_url) as conn:
        store(conn, period().signals)
        for end in ends[1:]:
            score(conn, 5, end)
        conn.commit()
        asked, report = queue_weeks(conn, ends)
    assert len(asked) == WEEKS
    done = asyncio.run(work_on_queue(database_url, load_settings(), Shift(until_settled=True, only=KEY)))
    with connect(database_url) as conn:
        account_for_weeks(conn, asked, report)
    assert (report.ungrounded, report.invalid) == ([], [])
    assert len(report.stored) + len(report.failed) == WEEKS
    assert done.calls >= WEEKS
    signals = {one.signal_id for one in period().signals}
    for row in report.stored:
        assert {one for part in row["failure_patterns"] for one in part["example_signal_ids"]} <= signals
    print(f"{done.calls} calls, {len(report.stored)} stored, refused {dict(report.claims)}, failed {report.failed}")  # noqa: T201
