"""Lineage as runs: the check on the disclosures assets, the reports, and what queues them."""

from __future__ import annotations

import dagster as dg
import pytest

from llm_pipeline.db.connection import connect
from llm_pipeline.defs.lineage.automation import lineage_due
from llm_pipeline.defs.resources import PostgresResource
from llm_pipeline_tests.defs.runs import ASSETS, checks, failed, failure_text, metadata, rows, run

CHECK = "senate_disclosures.provenance_verified"
REPORTS = "lineage_reports"


@pytest.fixture
def ingested(sourced, instance, sample):
    """The sample, ingested and validated: some records are in quarantine."""
    result = run(instance, ASSETS, sample.start, sample.end)
    assert checks(result)[CHECK] is True
    assert checks(result)["house_disclosures.provenance_verified"] is True
    return sourced


def report(instance, **config):
    return run(instance, [REPORTS], None, config={REPORTS: config} if config else None)


def test_a_row_edited_behind_the_pipelines_back_fails_the_check_of_its_window(ingested, instance, sample):
    (changed,) = rows(
        ingested,
        """UPDATE trading_disclosures SET asset_ticker = 'EVIL' WHERE id = (SELECT id FROM trading_disclosures
           WHERE source = 'senate_efd' AND asset_ticker IS NOT NULL ORDER BY id LIMIT 1)
           RETURNING id::text, disclosure_date""",
    )
    result = run(instance, ["senate_disclosures"], changed["disclosure_date"])
    (check,) = [one for one in result.get_asset_check_evaluations() if one.check_name == "provenance_verified"]
    assert not check.passed
    assert check.metadata["broken"].value == 1
    assert changed["id"] in check.metadata["examples"].value[0]
    assert "EVIL" in check.metadata["examples"].value[0]


def test_quarantined_disclosures_get_a_report_each_and_then_there_is_nothing_to_do(ingested, instance):
    quarantined = rows(
        ingested, "SELECT DISTINCT original_record_id AS id FROM data_quality_quarantine WHERE status = 'pending'"
    )
    done = report(instance)
    assert done.success
    assert failed(done) == set()
    found = metadata(done, REPORTS)
    assert found["dagster/row_count"] == len(quarantined) > 0
    assert found["broken"] == 0
    assert {one["disclosure_id"] for one in rows(ingested, "SELECT disclosure_id FROM lineage_reports")} == {
        one["id"] for one in quarantined
    }
    again = report(instance)
    assert failed(again) == set()
    assert metadata(again, REPORTS)["status"].startswith("nothing to do")


def test_named_disclosures_are_reported_on_and_unknown_ones_are_named_by_the_check(ingested, instance):
    (known,) = rows(ingested, "SELECT min(id::text) AS id FROM trading_disclosures")
    done = report(instance, disclosure_ids=[known["id"], "no-such-id"])
    assert done.success
    assert failed(done) == {"lineage_reports.all_reported"}
    assert metadata(done, REPORTS)["status"] == "1 reports, 1 disclosures without one"


def test_a_model_that_is_not_there_fails_the_step_and_says_why(ingested, instance, monkeypatch):
    monkeypatch.setenv("OLLAMA_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("LLM_MAX_ATTEMPTS", "1")
    done = report(instance)
    assert not done.success
    assert "127.0.0.1:9" in failure_text(done)
    assert rows(ingested, "SELECT 1 FROM lineage_reports") == []


def test_the_sensor_queues_each_report_once_and_starts_no_run(ingested, instance):
    def tick():
        with dg.build_sensor_context(instance=instance, resources={"postgres": PostgresResource()}) as context:
            return lineage_due.evaluate_tick(context)

    first, second = tick(), tick()
    assert (first.run_requests, second.run_requests) == ([], [])
    with connect(ingested) as conn:
        ((queued,),) = conn.execute("SELECT count(*) FROM llm_jobs").fetchall()
    assert first.skip_message == f"{queued} reports queued"
    assert second.skip_message == "every report that is wanted is there or queued"
