"""The gate with a model that does what it is asked: right verdicts, their reasons stored, nothing paid twice."""

from __future__ import annotations

from collections import Counter

import pytest

from llm_pipeline.db.connection import connect
from llm_pipeline.offline_model import MODEL_NAME
from llm_pipeline.validation.stored_rows import issue_id
from llm_pipeline_tests.validation.service.runs import (
    NOW,
    check_artifacts,
    check_stored_reasons,
    failures,
    load,
    mixed_set,
    query,
    rules_alone,
    settings,
    statuses,
    validate,
)

N = 230


@pytest.fixture
def expected(database_url):
    pending, verdicts = mixed_set(N)
    load(database_url, pending)
    return verdicts


def issues_of(url):
    return query(url, "SELECT * FROM data_quality_issues ORDER BY id")


def test_every_record_gets_the_verdict_it_deserves(database_url, tmp_path, honest, expected):
    used = settings(tmp_path, honest.base_url)
    assert rules_alone(database_url) == expected
    run = validate(database_url, used)
    assert statuses(database_url) == expected
    assert run.report.statuses == Counter(expected.values())
    assert (run.report.selected, run.report.decided, run.report.undecided) == (N, N, [])
    assert run.report.counts_reconcile
    assert run.account.conserved
    assert run.account.total == N
    # Ten batches of 25, the last of 5; loaded rows are older than a day, and all are decided.
    assert run.report.calls == honest.model.log.calls == 10
    assert run.failed_checks == set()
    assert failures(database_url) == {}


def test_reasons_are_stored_with_the_verdicts(database_url, tmp_path, honest, expected):
    used = settings(tmp_path, honest.base_url)
    validate(database_url, used)
    check_stored_reasons(database_url)
    for row in query(
        database_url,
        """SELECT q.*, to_jsonb(d) AS now FROM data_quality_quarantine q
           JOIN trading_disclosures d ON d.id::text = q.original_record_id""",
    ):
        assert row["quarantine_reason"].startswith("impossible_date: ")
        assert row["original_data"]["raw_data"] == row["now"]["raw_data"]
        assert row["status"] == "pending"
        named = query(database_url, "SELECT * FROM data_quality_issues WHERE id = ANY(%s)", row["issue_ids"])
        assert {one["record_id"] for one in named} == {row["original_record_id"]}
    for row in issues_of(database_url):
        assert row["id"] == issue_id(row["record_id"], row["issue_type"], row["field_name"], row["source"])
        assert row["status"] == "open"
        assert row["source"] == "rules"
    validated = query(database_url, "SELECT DISTINCT llm_validated_at AS at FROM trading_disclosures")
    assert [row["at"] for row in validated] == [NOW]


def test_every_call_is_in_the_audit_trail_with_its_exact_bytes(database_url, tmp_path, honest, expected):
    used = settings(tmp_path, honest.base_url)
    run = validate(database_url, used)
    calls = query(database_url, "SELECT * FROM llm_audit_trail")
    assert len(calls) == run.report.calls == 10
    assert check_artifacts(database_url, used) == 20
    asked = Counter(one for call in calls for one in call["request_context"]["record_ids"])
    assert asked == Counter(dict.fromkeys(expected, 1))
    for call in calls:
        assert call["status"] == "ok"
        assert call["model_used"] == MODEL_NAME
        assert call["dagster_run_id"] == "run-1"
        assert call["parse_success"]
        assert call["input_tokens"] > 0
    explained = query(
        database_url,
        """SELECT count(*) FROM data_quality_issues i JOIN llm_audit_trail a ON a.id = i.audit_trail_id
           WHERE a.request_context -> 'record_ids' ? i.record_id""",
    )
    assert explained == [{"count": len(issues_of(database_url))}]


def test_a_second_run_selects_nothing_and_calls_nothing(database_url, tmp_path, honest, expected):
    used = settings(tmp_path, honest.base_url)
    validate(database_url, used)
    before = issues_of(database_url)
    run = validate(database_url, used, run_id="run-2")
    assert (run.report.selected, run.report.calls) == (0, 0)
    assert honest.model.log.calls == 10
    assert run.failed_checks == set()
    assert issues_of(database_url) == before


def test_identical_records_are_answered_from_the_cache(database_url, tmp_path, honest, expected):
    used = settings(tmp_path, honest.base_url)
    validate(database_url, used)
    before = [row["id"] for row in issues_of(database_url)]
    with connect(database_url) as conn:
        conn.execute("UPDATE trading_disclosures SET llm_validation_status = 'pending'")
    run = validate(database_url, used, run_id="run-2")
    assert statuses(database_url) == expected
    assert run.report.cache_hits == run.report.calls == 10
    assert honest.model.log.calls == 10
    assert run.failed_checks == set()
    assert [row["id"] for row in issues_of(database_url)] == before
    check_stored_reasons(database_url)
    hits = query(database_url, "SELECT * FROM llm_audit_trail WHERE cache_hit")
    assert len(hits) == 10
    assert {hit["dagster_run_id"] for hit in hits} == {"run-2"}
    assert all(hit["cost_usd"] == 0 and hit["request_artifact_id"] for hit in hits)


def test_an_issue_that_no_longer_holds_is_resolved_not_left_open(database_url, tmp_path, honest, expected):
    used = settings(tmp_path, honest.base_url)
    validate(database_url, used)
    with connect(database_url) as conn:
        conn.execute(
            """UPDATE trading_disclosures SET llm_validation_status = 'pending',
               source_url = 'https://efdsearch.senate.gov/search/view/ptr/0c7a9bf3-52d1-4c38-8f0e-64a1d37f9c05/'
               WHERE source_url IS NULL AND source = 'senate_efd'"""
        )
    mended = set(statuses(database_url).items())
    mended = {one for one, status in mended if status == "pending"}
    assert mended
    validate(database_url, used)
    assert {statuses(database_url)[one] for one in mended} == {"pass"}
    left = {(row["record_id"] in mended, row["status"]) for row in issues_of(database_url)}
    assert left == {(True, "resolved"), (False, "open")}
