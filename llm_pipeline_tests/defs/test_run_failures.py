"""The sensor that tells somebody when a run failed."""

from __future__ import annotations

import sys

import dagster as dg
import httpx
import pytest
from dagster._utils.error import serializable_error_info_from_exc_info

from llm_pipeline.defs.monitoring.automation import run_failures
from llm_pipeline_tests.defs.runs import END, run
from llm_pipeline_tests.webhooks import receiving


@pytest.fixture
def failure(instance, database_url, monkeypatch):
    """What the sensor is given after a real failed run."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    result = run(instance, ["senate_disclosures"], END, config={"senate_disclosures": {"location": "/nowhere"}})
    (event,) = [e for e in result.all_events if e.event_type == dg.DagsterEventType.RUN_FAILURE]
    context = dg.build_run_status_sensor_context(
        sensor_name="run_failures",
        dagster_event=event,
        dagster_instance=instance,
        dagster_run=instance.get_run_by_id(result.run_id),
    )
    with context.for_run_failure() as failure:
        yield failure


def test_a_failed_run_is_posted_to_the_webhook(failure, monkeypatch):
    with receiving() as hook:
        monkeypatch.setenv("FAILURE_WEBHOOK_URL", hook.url)
        run_failures(failure)
    ((_, body),) = hook.received
    assert body["run_id"] == failure.dagster_run.run_id
    assert body["job"] == "__ASSET_JOB"
    assert f"run {failure.dagster_run.run_id} of __ASSET_JOB failed" in body["text"]
    assert "senate_disclosures" in body["text"]


def test_a_failing_webhook_fails_the_tick_without_its_address(failure, monkeypatch):
    with receiving(500) as hook:
        monkeypatch.setenv("FAILURE_WEBHOOK_URL", hook.url)
        with pytest.raises(httpx.HTTPError, match="FAILURE_WEBHOOK_URL answered 500"):
            run_failures(failure)
        try:
            run_failures(failure)
        except httpx.HTTPError:
            said = serializable_error_info_from_exc_info(sys.exc_info()).to_string()
    assert "geheim" not in said


def test_without_a_webhook_the_failure_is_only_logged(failure, capfd):
    run_failures(failure)
    assert f"run {failure.dagster_run.run_id} of __ASSET_JOB failed" in capfd.readouterr().err
