"""A genuine Ollama with a tiny random model; only where REAL_OLLAMA_URL names one.

Its words are noise, so nothing is asserted about them: only that the very same bytes are asked again, that what differs
is on record, and that the same seed says the same.
"""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from llm_pipeline.replay.shadow_plan import Window
from llm_pipeline_tests.replay.scenes import WINDOW, Scene, changed_prompt
from llm_pipeline_tests.validation.service.runs import load, mixed_set, query, settings, validate


@pytest.mark.timeout(900)
def test_calls_of_a_real_server_are_replayed_and_compared(database_url, tmp_path, real_ollama):
    pending, _ = mixed_set(3)
    load(database_url, pending)
    used = settings(
        tmp_path,
        real_ollama,
        llm_validation_model="tiny-biased",
        llm_concurrency=1,
        llm_num_ctx=8192,
        llm_num_predict=768,
        llm_idle_timeout_s=60.0,
        llm_total_timeout_s=60.0,
    )
    validate(database_url, used, batch_size=1)
    scene = Scene(database_url, used, SimpleNamespace(base_url=real_ollama))  # type: ignore[arg-type]
    calls = scene.calls()
    replays = scene.replay(calls)
    assert len(replays) == len(calls) >= 3
    assert all(one.row()["request_identical"] for one in replays)
    answered = [one for one in replays if one.then.row.status in ("ok", "ungrounded")]
    assert answered
    assert all(one.answer_identical and not one.decisions for one in answered)
    assert all(one.now.model_digest == one.then.row.model_digest is not None for one in replays)

    file = tmp_path / "candidate.txt"
    file.write_bytes(changed_prompt("validation_gate", "9.1.0", ("You are calm and exact", "You are quick")))
    before = scene.contents()
    report = scene.shadow(file=file, window=Window(WINDOW.start, WINDOW.end, 2))
    assert report.plan.refused == {}
    compared = query(database_url, "SELECT count(*) AS n, count(error) AS failed FROM shadow_comparisons")[0]
    assert compared["n"] >= len(report.plan.originals) > 0
    assert compared["failed"] >= len(report.failures)
    assert scene.contents() == before
