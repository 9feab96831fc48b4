"""The queue on a genuine Ollama with a tiny random model; only where REAL_OLLAMA_URL names one.

Its words are noise: nothing that it says may become a fact unless it stands in the texts and names the entity.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from llm_pipeline.interrogations.entity_facts import INTERROGATION, bind
from llm_pipeline.interrogations.queued import Evidence
from llm_pipeline.interrogations.registry import Registry, discover
from llm_pipeline.jobs.working import Shift
from llm_pipeline.llm.schema import Schema
from llm_pipeline_tests.jobs.queue import KEY, NAME, fill, jobs, question, rows, settings, states, work

N = 6


@pytest.fixture(scope="session")
def real_ollama() -> str:
    """The address of a genuine Ollama with the tiny random models."""
    url = os.environ.get("REAL_OLLAMA_URL")
    if not url:
        pytest.skip("REAL_OLLAMA_URL names no genuine Ollama server")
    return url


def talkative(schema: Schema, evidence: Evidence) -> Schema:
    """The schema of a model that may not answer with nothing: at least one fact with a citation."""
    bound = bind(schema, evidence)
    facts = {**bound["properties"]["facts"], "minItems": 1, "maxItems": 2}
    fact = bound["$defs"]["Fact"]
    cited = {**fact["properties"]["citations"], "minItems": 1, "maxItems": 1}
    fact = {**fact, "properties": {**fact["properties"], "citations": cited}}
    return {
        **bound,
        "properties": {**bound["properties"], "facts": facts},
        "$defs": {**bound["$defs"], "Fact": fact},
    }


def registry(how: Callable[[Schema, Evidence], Schema]) -> Registry:
    return replace(discover(), interrogations={KEY: replace(INTERROGATION, bind=how)})


@pytest.mark.timeout(900)
@pytest.mark.parametrize("how", [bind, talkative])
def test_noise_becomes_no_fact_about_another_entity_nor_cites_an_unknown_text(
    database_url: str, tmp_path: Path, real_ollama: str, how: Callable[[Schema, Evidence], Schema]
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
    report = work(database_url, used, Shift(places=2, until_settled=True), registry=registry(how))
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
    if how is talkative:  # random words stand in no text: every answer was refused, and is on record
        assert states(database_url) == {"DEADLETTER": N}
        codes = rows(database_url, "SELECT DISTINCT reason_code FROM ungrounded_claims")
        assert {one["reason_code"] for one in codes} <= {"quote_not_in_evidence", "entity_not_in_quote"}
        assert codes
        assert rows(database_url, "SELECT FROM entity_facts") == []
