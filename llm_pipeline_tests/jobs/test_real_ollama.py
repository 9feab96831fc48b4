"""The queue on a genuine Ollama with a tiny random model; only where REAL_OLLAMA_URL names one.

Its words are noise: nothing that it says may become a fact unless it stands in the texts and names the entity.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from llm_pipeline.jobs.working import Shift
from llm_pipeline_tests.jobs.queue import NAME, check_whole, fill, jobs, question, rows, settings, states, work

N = 6


@pytest.fixture(scope="session")
def real_ollama() -> str:
    """The address of a genuine Ollama with the tiny random models."""
    url = os.environ.get("REAL_OLLAMA_URL")
    if not url:
        pytest.skip("REAL_OLLAMA_URL names no genuine Ollama server")
    return url


@pytest.mark.timeout(900)
def test_noise_becomes_no_fact_about_another_entity_nor_cites_an_unknown_text(
    database_url: str, tmp_path: Path, real_ollama: str
) -> None:
    fill(database_url, [question(number, max_attempts=2) for number in range(N)])
    used = settings(
        tmp_path,
        real_ollama,
        llm_validation_model="tiny-biased",
        llm_concurrency=1,
        llm_num_ctx=8192,
        llm_num_predict=512,
        llm_idle_timeout_s=120.0,
        llm_total_timeout_s=120.0,
        llm_max_attempts=1,
    )
    report = work(database_url, used, Shift(places=2, until_settled=True))
    print(report.as_json())
    assert report.calls >= N
    assert sum(states(database_url).values()) == N
    assert states(database_url).keys() <= {"SUCCEEDED", "DEADLETTER"}
    texts = {row["id"]: row["input_json"]["texts"][0] for row in jobs(database_url)}
    for fact in rows(database_url, "SELECT *, job_id::text AS job FROM entity_facts"):
        assert fact["entity_name"] == NAME
        for citation in fact["citations"]:
            assert citation["evidence_id"] == texts[fact["job"]]["evidence_id"]
            assert citation["quote"] in texts[fact["job"]]["text"]
    for row in jobs(database_url):
        assert row["status"] == "SUCCEEDED" or row["last_error"]
    calls = rows(database_url, "SELECT DISTINCT model_used, endpoint FROM llm_audit_trail")
    assert [tuple(one.values()) for one in calls] == [("tiny-biased", real_ollama.rstrip("/"))]
    succeeded = rows(database_url, "SELECT job_id FROM llm_jobs WHERE status = 'SUCCEEDED'")
    assert len(rows(database_url, "SELECT DISTINCT job_id FROM entity_facts")) <= len(succeeded)
    if not rows(database_url, "SELECT FROM entity_facts"):
        return
    check_whole(database_url)
