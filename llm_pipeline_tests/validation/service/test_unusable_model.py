"""The gate without a usable model: it says at once what to do, decides nothing, and goes on when the model is back."""

from __future__ import annotations

import socket

import pytest

from llm_pipeline.offline_model.faults import Fault, FaultPlan
from llm_pipeline.offline_model.process import running_in_thread
from llm_pipeline.validation.service import ModelUnusableError
from llm_pipeline_tests.validation.service.runs import (
    check_artifacts,
    failures,
    load,
    mixed_set,
    query,
    settings,
    statuses,
    validate,
)

N = 200


@pytest.fixture
def expected(database_url):
    pending, verdicts = mixed_set(N)
    load(database_url, pending)
    return verdicts


@pytest.fixture
def dead_url():
    """The address of a port on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def check_nothing_decided(url, error_class):
    assert set(statuses(url).values()) == {"pending"}
    failed = failures(url)
    assert len(failed) == N
    assert {row["last_error_class"] for row in failed.values()} == {error_class}
    assert query(url, "SELECT id FROM data_quality_issues") == []


def test_no_server_is_said_after_a_few_tries_and_for_every_record(database_url, tmp_path, dead_url, expected):
    used = settings(tmp_path, dead_url)
    with pytest.raises(ModelUnusableError) as raised:
        validate(database_url, used)
    assert dead_url in str(raised.value)
    assert "`ollama serve`" in str(raised.value)
    assert f"{N} disclosures stay pending" in str(raised.value)
    check_nothing_decided(database_url, "Unreachable")
    # At most the calls in flight, three tries each; the other batches are not tried one by one.
    attempts = query(database_url, "SELECT status, error_message FROM llm_audit_trail")
    assert 3 <= len(attempts) <= 3 * used.llm_concurrency
    assert {row["status"] for row in attempts} == {"error"}
    assert check_artifacts(database_url, used) == len(attempts)  # requests; there was no response


def test_a_missing_model_is_said_with_the_command_that_helps(database_url, tmp_path, honest, expected):
    used = settings(tmp_path, honest.base_url, llm_validation_model="qwen3:8b")
    with pytest.raises(ModelUnusableError, match=r"ollama pull qwen3:8b"):
        validate(database_url, used)
    check_nothing_decided(database_url, "ModelMissing")
    assert len(query(database_url, "SELECT id FROM llm_audit_trail")) <= used.llm_concurrency


def test_the_next_run_decides_what_the_outage_left(database_url, tmp_path, honest, dead_url, expected):
    with pytest.raises(ModelUnusableError):
        validate(database_url, settings(tmp_path, dead_url))
    run = validate(database_url, settings(tmp_path, honest.base_url), run_id="run-2")
    assert statuses(database_url) == expected
    assert failures(database_url) == {}
    assert run.failed_checks == set()


def test_a_server_that_cuts_every_other_call_keeps_what_was_decided(database_url, tmp_path, expected):
    # A connection that is cut is not fatal: every batch is tried.
    plan = FaultPlan((Fault("cut", every_nth=2),))
    with running_in_thread(faults=plan) as server:
        used = settings(tmp_path, server.base_url, llm_max_attempts=1, llm_concurrency=2)
        run = validate(database_url, used)
    assert run.report.decided == N // 2
    assert len(run.report.undecided) == N // 2
    found = statuses(database_url)
    assert {one for one, status in found.items() if status == "pending"} == failures(database_url).keys()
    assert {one: status for one, status in found.items() if status != "pending"}.items() <= expected.items()
    assert run.account.conserved
