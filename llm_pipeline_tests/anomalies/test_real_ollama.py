"""Anomaly detection on a genuine Ollama with a tiny random model; only where REAL_OLLAMA_URL names one.

Its words are noise, cut to the schema. What is asserted: every candidate gets an answer although the model knows 8,192
one-byte tokens of context only, every answer reaches grounding, and nothing of the noise becomes a signal.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection

from llm_pipeline.anomalies import account
from llm_pipeline.anomalies.contract import AnomalyAnswer
from llm_pipeline.anomalies.interrogation import anomaly_interrogation, case_work
from llm_pipeline.llm.batch import BatchOutcome
from llm_pipeline.llm.runner import run_batch
from llm_pipeline.settings import Settings
from llm_pipeline_tests.anomalies.cases import case
from llm_pipeline_tests.anomalies.test_judging import END, START, Database, filled, judge
from llm_pipeline_tests.llm.conversation import gateway

__all__ = ["filled"]

NOISE: dict[str, Any] = {
    "llm_anomaly_model": "tiny-biased",
    "llm_concurrency": 1,
    "llm_temperature": 1.2,
    "llm_idle_timeout_s": 200.0,
    "llm_total_timeout_s": 300.0,
}


def noise_about_two_candidates(url: str, home: Path, seed: int) -> BatchOutcome[Any]:
    small = case().smaller(3)
    used = Settings(llm_pipeline_home=home, llm_seed=seed, llm_num_ctx=8192, llm_num_predict=2048, **NOISE)
    asked = anomaly_interrogation(used)

    async def run() -> BatchOutcome[Any]:
        async with gateway(used, url) as opened:
            return await run_batch(opened, asked, small.candidates, case_work(asked, small))

    return asyncio.run(run())


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [7, 20])
def test_the_schema_makes_even_noise_answer_about_as_many_candidates_as_were_asked(
    real_ollama: str, tmp_path: Path, seed: int
) -> None:
    outcome = noise_about_two_candidates(real_ollama, tmp_path, seed)
    assert outcome.failures == {}
    for attempt in outcome.attempts:
        assert attempt.status == "ok", attempt.error_message
        answer = AnomalyAnswer.model_validate(attempt.parsed_output)
        asked = attempt.request_context["candidate_ids"]
        named = [one.candidate_id for one in (*answer.signals, *answer.rejected_candidates)]
        assert len(named) == len(asked)
        assert set(named) <= set(asked)


@pytest.mark.timeout(900)
def test_noise_reaches_grounding_for_every_candidate_and_none_of_it_is_stored_as_a_signal(
    filled: Connection[Any], database_url: str, tmp_path: Path, real_ollama: str
) -> None:
    db: Database = filled
    report = judge(database_url, tmp_path, url=real_ollama, **{"model": "tiny-biased"} | _options())
    assert report.reconciles
    assert report.failures == {}
    assert report.outcomes["ungrounded"] + report.outcomes["rejected"] == report.candidates > 0
    assert report.claims["number_mismatch"] + report.claims["text_number"] > 0
    assert db.execute("SELECT count(*) FROM llm_anomaly_signals").fetchone() == (0,)
    codes = db.execute("SELECT count(*), count(reason_code) FROM ungrounded_claims").fetchone()
    assert codes is not None
    assert codes[0] == codes[1] > 0
    assert account.ungrounded_signals(db, START, END) == []
    found = account.account_for_candidates(db, START, END)
    assert found.reconciles
    assert found.failed == 0


def _options() -> dict[str, Any]:
    return {name: value for name, value in NOISE.items() if name != "llm_anomaly_model"}
