"""What the checks say when something goes wrong, and what they stop: misbehaving models, strangers in the tables."""

from __future__ import annotations

import dagster as dg
import pytest

from llm_pipeline.offline_model import MODEL_NAME
from llm_pipeline.offline_model.faults import Fault, FaultPlan
from llm_pipeline.offline_model.process import running_in_thread
from llm_pipeline_tests.defs.runs import (
    ASSETS,
    expected_verdicts,
    failed,
    failure_text,
    metadata,
    rows,
    run,
    verdicts,
)

UNREAD = "senate_disclosures.every_filing_read"
MANY_REJECTED = "validation_status.reject_share"


@pytest.fixture
def model(monkeypatch):
    """Starts a model server with faults and makes it the one in use."""
    monkeypatch.setenv("LLM_VALIDATION_MODEL", MODEL_NAME)
    monkeypatch.setenv("LLM_BACKOFF_S", "0")

    def use(url):
        monkeypatch.setenv("OLLAMA_BASE_URL", url)

    return use


@pytest.fixture
def after_validation():
    """A downstream asset that notes whether it ran."""
    ran = []

    @dg.asset(
        deps=["validation_status"],
        partitions_def=dg.DailyPartitionsDefinition(start_date="2012-01-01", timezone="UTC", end_offset=1),
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def downstream() -> None:
        ran.append(True)

    return downstream, ran


def test_a_server_that_always_fails_leaves_everything_pending_with_a_reason(sourced, instance, sample, model):
    with running_in_thread(faults=FaultPlan((Fault("http_500"),))) as server:
        model(server.base_url)
        result = run(instance, ASSETS, sample.start, sample.end)
    assert set(verdicts(sourced).values()) == {"pending"}
    assert result.success
    assert failed(result) == {
        UNREAD,
        "validation_status.all_decided",
        "validation_status.first_attempt_validity",
    }
    found = metadata(result, "validation_status")
    total = len(expected_verdicts(sample))
    assert (found["selected"], found["decided_in_this_run"], found["undecided"]) == (total, 0, total)
    assert found["status"] == f"0 decided, {total} still pending with a reason"
    reasons = rows(sourced, "SELECT DISTINCT last_error_class FROM validation_failures")
    assert len(reasons) == 1


def test_what_failed_is_made_up_for_by_the_next_run(sourced, instance, sample, model):
    with running_in_thread(faults=FaultPlan((Fault("refusal", every_nth=2),))) as server:
        model(server.base_url)
        run(instance, ASSETS, sample.start, sample.end)
    with running_in_thread() as server:
        model(server.base_url)
        result = run(instance, ["validation_status"], sample.start, sample.end)
    assert failed(result) <= {MANY_REJECTED}
    assert verdicts(sourced) == expected_verdicts(sample)
    assert metadata(result, "validation_status")["undecided"] == 0


def test_answers_that_miss_the_contract_at_first_are_asked_again_and_noted(sourced, instance, sample, model):
    with running_in_thread(faults=FaultPlan((Fault("invalid_schema", first_calls=2),))) as server:
        model(server.base_url)
        result = run(instance, ASSETS, sample.start, sample.end)
    assert verdicts(sourced) == expected_verdicts(sample)
    assert failed(result) == {UNREAD, MANY_REJECTED, "validation_status.first_attempt_validity"}


@pytest.mark.parametrize(
    ("address", "name", "said"),
    [(None, "no-such-model", "no-such-model"), ("http://127.0.0.1:9", MODEL_NAME, "http://127.0.0.1:9")],
)
def test_an_unusable_model_fails_the_run_in_one_clear_line(
    sourced, instance, sample, model, monkeypatch, address, name, said
):
    with running_in_thread() as server:
        model(address or server.base_url)
        monkeypatch.setenv("LLM_VALIDATION_MODEL", name)
        result = run(instance, ASSETS, sample.start, sample.end)
    assert not result.success
    text = failure_text(result)
    assert said in text
    assert "\n" not in text
    assert set(verdicts(sourced).values()) == {"pending"}


def test_a_rejected_row_that_is_not_in_quarantine_stops_what_comes_after(sourced, instance, sample, after_validation):
    downstream, ran = after_validation
    assert run(instance, ASSETS, sample.start, sample.end, also=[downstream]).success
    assert ran == [True]
    rows(sourced, "DELETE FROM data_quality_quarantine RETURNING id")
    result = run(instance, ["validation_status"], sample.start, sample.end, also=[downstream])
    assert failed(result) == {"validation_status.conservation"}
    assert not result.success
    assert ran == [True]


def test_rows_that_the_ledger_does_not_know_stop_the_validation(sourced, instance, sample):
    run(instance, ["senate_disclosures"], sample.start, sample.end)
    rows(sourced, "DELETE FROM ingest_ledger WHERE state = 'parsed' RETURNING 1")
    rows(sourced, "UPDATE trading_disclosures SET llm_validation_status = 'pending' RETURNING 1")
    # Without a source nothing is loaded again, which would write the ledger anew.
    config = {"senate_disclosures": {"location": "senate_efd=" + str(sample.senate / "titled_reports.jsonl")}}
    result = run(instance, ("senate_disclosures", "validation_status"), sample.start, sample.end, config=config)
    assert "senate_disclosures.ledger_reconciles" in failed(result)
    assert not result.success
    assert set(verdicts(sourced).values()) == {"pending"}
