"""The gateway against a genuine Ollama with tiny random models; only where REAL_OLLAMA_URL names one.

Their words are noise, so nothing is asserted about content: only that the protocol is understood and that every
outcome is one of the named ones.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from llm_pipeline.llm.batch import BatchOutcome
from llm_pipeline.llm.reply import Reply
from llm_pipeline.llm.runner import run_batch
from llm_pipeline_tests.llm.conversation import Ball, Balls, build, gateway, interrogation, settings, work


def ask(url: str, home: Path, ids: list[str], model: str = "tiny-biased", **given: Any) -> Reply[Balls]:
    used = settings(home, llm_idle_timeout_s=60.0, llm_total_timeout_s=60.0, **given)

    async def run() -> Reply[Balls]:
        async with gateway(used, url) as open_gateway:
            asked = interrogation(used, model)
            question = build(asked)(ids)
            return await open_gateway.ask(asked, question.messages, question.schema, Balls)

    return asyncio.run(run())


def test_a_real_server_keeps_to_the_bound_schema(real_ollama: str, tmp_path: Path) -> None:
    reply = ask(real_ollama, tmp_path, ["a", "b", "c"])
    assert reply.error is None, reply.error
    assert reply.answer is not None
    assert len(reply.answer.records) == 3
    assert {ball.record_id for ball in reply.answer.records} <= {"a", "b", "c"}
    (attempt,) = reply.attempts
    assert attempt.done_reason == "stop"
    assert attempt.model_digest
    assert len(attempt.model_digest) == 64
    assert attempt.server_version
    assert attempt.input_tokens
    assert attempt.output_tokens


def test_a_thinking_model_answers_in_the_schema_too(real_ollama: str, tmp_path: Path) -> None:
    assert ask(real_ollama, tmp_path, ["a"], "tiny-think").error is None


def test_a_model_that_was_not_pulled_is_fatal(real_ollama: str, tmp_path: Path) -> None:
    reply = ask(real_ollama, tmp_path, ["a"], "nope:1b")
    assert type(reply.error).__name__ == "ModelMissing"
    assert len(reply.attempts) == 1


def test_an_answer_cut_at_num_predict_is_not_taken_for_an_answer(real_ollama: str, tmp_path: Path) -> None:
    ids = [f"a-rather-long-identifier-{number:05}" for number in range(12)]
    reply = ask(real_ollama, tmp_path, ids, llm_num_predict=64)
    assert type(reply.error).__name__ == "Truncated"


def test_a_prompt_beyond_the_window_is_noticed(real_ollama: str, tmp_path: Path) -> None:
    # 522 prompt tokens (these models have one a byte) and the answer's 84: 0.5.4 shifts the window, newer ones stop
    reply = ask(real_ollama, tmp_path, ["a", "b"], llm_num_ctx=600)
    assert type(reply.error).__name__ in ("ContextOverflow", "Truncated")


def test_a_batch_of_noise_is_accounted_for(real_ollama: str, tmp_path: Path) -> None:
    used = settings(tmp_path, llm_idle_timeout_s=60.0, llm_total_timeout_s=60.0)
    ids = [f"r{number}" for number in range(8)]

    async def run() -> BatchOutcome[Ball]:
        async with gateway(used, real_ollama) as open_gateway:
            asked = interrogation(used, "tiny-biased")
            return await run_batch(open_gateway, asked, ids, work(asked))

    outcome = asyncio.run(run())
    assert outcome.answers.keys() | outcome.failures.keys() == set(ids)
    assert {attempt.model_used for attempt in outcome.attempts} == {"tiny-biased"}
