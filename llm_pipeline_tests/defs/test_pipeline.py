"""The three assets in one Dagster run over a written sample: a real database, the bundled model over HTTP."""

from __future__ import annotations

from datetime import timedelta

import dagster as dg
import pytest

from llm_pipeline.validation.interrogation import gate_template
from llm_pipeline_tests.defs.runs import (
    ASSETS,
    checks,
    contents,
    expected_verdicts,
    failed,
    failure_text,
    metadata,
    rows,
    run,
    verdicts,
)


def test_one_run_over_the_window_ingests_and_validates_everything(sourced, instance, sample):
    result = run(instance, ASSETS, sample.start, sample.end)
    assert result.success
    assert verdicts(sourced) == expected_verdicts(sample)
    # The broken filing is named and stops nothing; the share of planted defects is above what is usual.
    assert failed(result) == {"senate_disclosures.every_filing_read", "validation_status.reject_share"}
    assert len(checks(result)) == 15
    (broken,) = [filing for filing in sample.filings if filing.state == "failed"]
    (entry,) = rows(sourced, "SELECT * FROM ingest_ledger WHERE state = 'failed'")
    assert (entry["source_document_id"], entry["row_count"]) == (broken.source_document_id, 0)
    assert "`transactions` is not a list" in entry["error"]
    days = {str(sample.start + timedelta(days=n)) for n in range((sample.end - sample.start).days + 1)}
    for asset in ASSETS:
        assert instance.get_materialized_partitions(dg.AssetKey(asset)) == days


def test_the_numbers_of_a_run_are_in_its_metadata(sourced, instance, sample):
    result = run(instance, ASSETS, sample.start, sample.end)
    senate, house, verdict = (metadata(result, asset) for asset in ASSETS)
    states = [filing.state for filing in sample.filings if filing.source == "senate_efd"]
    told = sum(filing.rows for filing in sample.filings if filing.source == "senate_efd")
    assert senate | {
        "status": "stored, 1 filing could not be read",
        "dagster/row_count": told,
        "rows_new": told,
        "filings_seen": len(states),
        "filings_parsed": states.count("parsed"),
        "filings_empty": states.count("empty"),
        "filings_failed": 1,
        "filings_superseded": states.count("superseded"),
        "sources": [f"senate_efd: {sample.senate}"],
    } == {**senate}
    assert [record.data["filing"] for record in senate["failed_filings"].records] == [
        filing.source_document_id for filing in sample.filings if filing.state == "failed"
    ]
    assert house["status"] == "stored"
    expected = list(expected_verdicts(sample).values())
    assert verdict | {
        "status": f"all {len(expected)} decided",
        "dagster/row_count": sample.disclosures,
        "selected": len(expected),
        "decided_in_this_run": len(expected),
        "passed": expected.count("pass"),
        "flagged": expected.count("flag"),
        "rejected": expected.count("reject"),
        "undecided": 0,
        "model": "offline-rules",
        "model_calls": 4,
        "cache_hits": 0,
        "prompt_version": gate_template().version,
        "ungrounded_claims": 0,
        "cost_usd": 0.0,
    } == {**verdict}
    assert verdict["input_tokens"] > verdict["output_tokens"] > 0
    assert verdict["latency_p95_ms"] >= verdict["latency_p50_ms"] >= 0
    assert {record.data["status"] for record in verdict["worst_flags"].records} == {"reject", "flag"}
    assert sum(record.data["count"] for record in verdict["issues_by_type"].records) == len(
        rows(sourced, "SELECT FROM data_quality_issues")
    )


def test_a_second_run_changes_nothing_calls_no_model_and_still_tells_the_state(sourced, instance, sample):
    first = metadata(run(instance, ASSETS, sample.start, sample.end), "validation_status")
    before = contents(sourced)
    result = run(instance, ASSETS, sample.start, sample.end)
    assert result.success
    assert contents(sourced) == before
    senate, house, verdict = (metadata(result, asset) for asset in ASSETS)
    assert senate["status"] == "nothing new, 1 filing could not be read"
    assert house["status"] == "nothing new"
    assert verdict == {
        "status": "nothing pending in this window",
        **{name: first[name] for name in ("dagster/row_count", "passed", "flagged", "rejected", "undecided")},
        "selected": 0,
        "decided_in_this_run": 0,
    }


def test_a_run_of_one_partition_touches_that_day_alone(sourced, instance, sample):
    day = max(filing.disclosed for filing in sample.filings if filing.state == "parsed")
    assert run(instance, ASSETS, day).success
    keys = {(f.source, f.source_document_id) for f in sample.filings if f.disclosed == day and f.state == "parsed"}
    assert {(source, document) for source, document, _ in verdicts(sourced)} == keys
    assert "pending" not in verdicts(sourced).values()
    assert instance.get_materialized_partitions(dg.AssetKey("validation_status")) == {str(day)}


def test_two_windows_give_the_verdicts_of_one_run(sourced, instance, sample):
    days = sorted({filing.disclosed for filing in sample.filings})
    for first, last in ((sample.start, days[4]), (days[4] + timedelta(days=1), sample.end)):
        assert run(instance, ASSETS, first, last).success
    assert verdicts(sourced) == expected_verdicts(sample)


def test_without_a_source_the_status_says_what_to_set(database_url, instance, monkeypatch, sample):
    monkeypatch.setenv("DATABASE_URL", database_url)
    result = run(instance, ASSETS[:2], sample.start, sample.end)
    assert result.success
    assert metadata(result, "senate_disclosures") == {
        "status": "no source configured: set SENATE_DISCLOSURES_SOURCE, or give a location in the launchpad"
    }
    assert failed(result) == set()


@pytest.mark.parametrize(
    ("asset", "location", "said"),
    [
        ("senate_disclosures", "/nowhere/at/all", "/nowhere/at/all names no file"),
        ("house_disclosures", "senate_efd=/x", "'senate_efd' is no house source: use house_stock_watcher or house_ptr"),
        ("senate_disclosures", "http://127.0.0.1:9/reports.json", "http://127.0.0.1:9/reports.json"),
    ],
)
def test_a_bad_location_is_one_clear_line_and_nothing_is_stored(sourced, instance, sample, asset, location, said):
    before = contents(sourced)
    result = run(instance, [asset], sample.start, sample.end, config={asset: {"location": location}})
    assert not result.success
    text = failure_text(result)
    assert said in text
    assert "\n" not in text
    assert contents(sourced) == before


def test_a_location_in_the_launchpad_goes_before_the_setting(database_url, instance, monkeypatch, sample):
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("SENATE_DISCLOSURES_SOURCE", "/nowhere/at/all")
    config = {"senate_disclosures": {"location": str(sample.senate)}}
    result = run(instance, ["senate_disclosures"], sample.start, sample.end, config=config)
    assert metadata(result, "senate_disclosures")["rows_new"] > 0
