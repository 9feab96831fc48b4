"""When the queue is drained by itself, and what a run of it shows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from llm_pipeline.db.connection import connect
from llm_pipeline.defs.resources import PostgresResource
from llm_pipeline.jobs.draining import AGAIN_AFTER_S, decide
from llm_pipeline.jobs.job import NewJob
from llm_pipeline_tests.defs.runs import location
from llm_pipeline_tests.jobs.queue import KEY, check_whole, fill, question, rows, states

NOW = datetime(2026, 3, 4, 5, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def repository():
    return location().get_repository_def()


@pytest.fixture
def url(database_url, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", database_url)
    return database_url


def tick(repository, instance):
    with dg.build_sensor_context(
        instance=instance, repository_def=repository, resources={"postgres": PostgresResource()}
    ) as context:
        return repository.get_sensor_def("job_queue").evaluate_tick(context)


def drain(repository, instance, **config):
    return repository.get_job("drain_jobs").execute_in_process(
        instance=instance, raise_on_error=False, run_config={"ops": {"drain_queue": {"config": config}}}
    )


def test_a_run_is_due_only_when_jobs_can_be_claimed_and_no_run_is_at_it():
    assert decide([], 0, NOW).run_key is None
    assert decide([("a", 0)], 1, NOW).run_key is None
    assert decide([("a", 0)], 0, NOW).run_key is not None


def test_one_state_of_the_queue_gets_one_run_and_another_when_nobody_claimed_for_long():
    first = decide([("a", 0), ("b", 0)], 0, NOW).run_key
    assert decide([("a", 0), ("b", 0)], 0, NOW + timedelta(seconds=30)).run_key == first
    assert decide([("a", 1), ("b", 0)], 0, NOW).run_key != first
    assert decide([("b", 0)], 0, NOW).run_key != first
    assert decide([("a", 0), ("b", 0)], 0, NOW + timedelta(seconds=AGAIN_AFTER_S)).run_key != first


def test_the_sensor_starts_a_run_that_drains_the_queue_and_then_rests(url, repository, instance):
    assert tick(repository, instance).skip_message == "no job can be claimed now"
    fill(url, [question(number) for number in range(3)])
    (request,) = tick(repository, instance).run_requests
    assert [one.run_key for one in tick(repository, instance).run_requests] == [request.run_key]

    result = drain(repository, instance)
    assert result.success
    assert states(url) == {"SUCCEEDED": 3}
    (event,) = [one for one in result.get_step_success_events() if one.step_key == "drain_queue"]
    assert event is not None
    assert tick(repository, instance).skip_message == "no job can be claimed now"
    calls = rows(url, "SELECT DISTINCT dagster_run_id, service_name FROM llm_audit_trail")
    assert [tuple(one.values()) for one in calls] == [(result.run_id, KEY)]
    check_whole(url)


def test_no_second_run_is_started_beside_one_under_way(url, repository, instance):
    fill(url, [question(1)])
    instance.create_run_for_job(repository.get_job("drain_jobs"), status=dg.DagsterRunStatus.STARTED)
    assert tick(repository, instance).skip_message == "a run is draining the queue already"


def test_a_waiting_retry_is_no_reason_for_a_run_before_it_is_due(url, repository, instance):
    fill(url, [question(1)])
    with connect(url) as conn:
        conn.execute("UPDATE llm_jobs SET status = 'FAILED', available_at = now() + interval '1 hour'")
    assert tick(repository, instance).skip_message == "no job can be claimed now"


def metadata(result):
    outputs = [one for one in result.all_events if one.event_type_value == "STEP_OUTPUT"]
    return {key: value.value for key, value in outputs[0].event_specific_data.metadata.items()}


def test_a_run_shows_what_it_did(url, repository, instance):
    fill(url, [question(number) for number in range(3)])
    found = metadata(drain(repository, instance, most=2))
    assert (found["status"], found["claimed"], found["succeeded"], found["model_calls"]) == ("drained", 2, 2, 2)
    assert found["by_interrogation"].records[0].data["interrogation"] == KEY
    assert states(url) == {"NEW": 1, "SUCCEEDED": 2}


def test_a_run_with_nothing_to_do_says_so(url, repository, instance):
    result = drain(repository, instance)
    assert result.success
    assert metadata(result)["status"] == "nothing to claim"


def test_dead_jobs_fail_the_run_and_what_succeeded_stays(url, repository, instance):
    fill(url, [question(1), NewJob("no_such_key", {})])
    result = drain(repository, instance)
    assert not result.success
    (failure,) = [event.step_failure_data.user_failure_data for event in result.get_step_failure_events()]
    assert failure.description.startswith("1 of 2 jobs were dead-lettered; first: UnknownInterrogationError")
    assert failure.metadata["dead"].value == 1
    assert states(url) == {"DEADLETTER": 1, "SUCCEEDED": 1}


def test_a_model_that_is_away_fails_the_run_and_the_jobs_wait(url, repository, instance, monkeypatch):
    monkeypatch.setenv("OLLAMA_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("LLM_MAX_ATTEMPTS", "1")
    fill(url, [question(1)])
    result = drain(repository, instance)
    assert not result.success
    (failure,) = [event.step_failure_data.user_failure_data for event in result.get_step_failure_events()]
    assert "its jobs wait: Unreachable" in failure.description
    assert states(url) == {"NEW": 1}
    # The claim raised the token, so the sensor's next look is another batch, and gets another run.
    assert tick(repository, instance).run_requests
