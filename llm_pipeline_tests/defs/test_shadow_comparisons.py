"""The asset `shadow_comparisons` and the weekly check of the lake, as runs."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from llm_pipeline.offline_model.process import running_in_thread
from llm_pipeline_tests.defs.runs import checks, failure_text, location, metadata, rows, run
from llm_pipeline_tests.replay.scenes import TODAY, add_version, changed_prompt, gate_scene

ASSET = "shadow_comparisons"
DAYS = (TODAY.date() - timedelta(days=1), TODAY.date())


@pytest.fixture
def scene(database_url, tmp_path, monkeypatch):
    """Six calls of the gate, and a registered candidate version."""
    with running_in_thread() as server:
        monkeypatch.setenv("DATABASE_URL", database_url)
        monkeypatch.setenv("OLLAMA_BASE_URL", server.base_url)
        monkeypatch.setenv("LLM_PIPELINE_HOME", str(tmp_path))
        monkeypatch.setenv("LLM_VALIDATION_MODEL", "offline-rules")
        monkeypatch.setenv("LLM_NUM_CTX", "32768")
        monkeypatch.setenv("LLM_NUM_PREDICT", "8192")
        made = gate_scene(database_url, tmp_path, server, records=30)
        add_version(database_url, changed_prompt("validation_gate", "2.0.0"))
        yield made


def test_a_window_is_compared_in_one_run_with_estimate_and_matrix_in_the_metadata(scene, instance):
    before = scene.contents()
    done = run(instance, [ASSET], *DAYS, config={ASSET: {"version": "2.0.0"}})
    assert done.success, failure_text(done)
    found = metadata(done, ASSET)
    assert (found["status"], found["dagster/row_count"], found["model_calls"]) == ("6 calls compared", 30, 6)
    assert found["estimate"]["calls"] == 6
    assert found["agreement_rate"] == 1.0
    assert found["disagreement_matrix"].startswith("| baseline \\ candidate | flag | pass | reject | no answer |")
    assert checks(done) == {f"{ASSET}.every_call_compared": True}
    assert scene.contents() == before
    again = metadata(run(instance, [ASSET], *DAYS, config={ASSET: {"version": "2.0.0"}}), ASSET)
    assert (again["model_calls"], again["cache_hits"], again["cost_usd"]) == (0, 6, 0.0)
    assert again["shadow_run_id"] == found["shadow_run_id"]


def test_an_estimate_alone_sends_and_stores_nothing(scene, instance):
    sent = scene.server.model.log.calls
    done = run(instance, [ASSET], *DAYS, config={ASSET: {"version": "2.0.0", "estimate_only": True}})
    assert metadata(done, ASSET)["status"] == "estimated only"
    assert scene.server.model.log.calls == sent
    assert rows(scene.url, "SELECT 1 FROM shadow_runs") == []


def test_a_day_without_calls_says_so(scene, instance):
    done = run(instance, [ASSET], DAYS[0] - timedelta(days=400))
    assert metadata(done, ASSET)["status"] == "no call of this interrogation in this window"


def test_a_candidate_that_is_not_there_fails_the_step_with_its_name(scene, instance):
    done = run(instance, [ASSET], *DAYS, config={ASSET: {"version": "9.9.9"}})
    assert not done.success
    assert "no version '9.9.9'" in failure_text(done)
    done = run(instance, [ASSET], *DAYS, config={ASSET: {"version": "2.0.0", "model": "not-pulled"}})
    assert "not-pulled" in failure_text(done)


def test_lost_evidence_fails_the_check_and_the_weekly_job(scene, instance):
    job = location().get_job_def("lake_check")
    assert job.execute_in_process(instance=instance).success
    (row,) = rows(
        scene.url, "SELECT lake_uri FROM llm_artifacts WHERE artifact_type = 'request_json' ORDER BY lake_uri LIMIT 1"
    )
    Path(row["lake_uri"]).unlink()
    done = run(instance, [ASSET], *DAYS, config={ASSET: {"version": "2.0.0"}})
    assert done.success
    assert checks(done) == {f"{ASSET}.every_call_compared": False}
    failed = job.execute_in_process(instance=instance, raise_on_error=False)
    assert not failed.success
    assert "1 of " in failure_text(failed)
    assert row["lake_uri"] in failure_text(failed)
