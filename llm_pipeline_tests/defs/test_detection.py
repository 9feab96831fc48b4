"""The anomalies assets as runs: numbers, pictures and checks in the UI, blocking, and when they run by themselves."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest

from llm_pipeline.db.connection import connect
from llm_pipeline.defs.anomalies.automation import CATCH_UP_DAYS, due_windows
from llm_pipeline.defs.resources import PostgresResource
from llm_pipeline_tests.anomalies.stored import PUBLIC, Row, burst, habit, store
from llm_pipeline_tests.defs.runs import checks, failed, failure_text, location, metadata, range_tags, rows, run

DETECTION = ("baseline_stats", "anomaly_candidates", "anomaly_signals", "trading_signals")
FILER = "Quillon A Featherbarrow"
FIRST, LAST = PUBLIC - timedelta(days=3), PUBLIC + timedelta(days=3)


@pytest.fixture
def filled(database_url, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", database_url)
    with connect(database_url) as conn:
        store(conn, [*habit(FILER), *burst(FILER)])
    return database_url


def test_a_window_is_detected_in_one_run_with_every_check_passed_and_a_picture(filled, instance):
    done = run(instance, DETECTION, FIRST, LAST)
    assert done.success
    assert failed(done) == set()
    found = metadata(done, "anomaly_candidates")
    assert found["new_candidates"] == found["dagster/row_count"] > 0
    assert "data:image/png;base64," in found["strongest_candidate"]
    signals = metadata(done, "anomaly_signals")
    assert signals["candidates"] == signals["signals"] + signals["rejected"] == found["new_candidates"]
    assert signals["model"] == "offline-rules"
    assert len(signals["strongest_signals"].records) == signals["signals"]
    assert 0 < signals["most_tokens_in_a_call"] <= 8000
    assert metadata(done, "trading_signals")["dagster/row_count"] == len(rows(filled, "SELECT 1 FROM trading_signals"))
    again = run(instance, DETECTION, FIRST, LAST)
    assert failed(again) == set()
    assert metadata(again, "anomaly_signals")["model_calls"] == 0


def test_a_window_without_disclosures_calls_no_model_and_passes(filled, instance):
    done = run(instance, DETECTION, date(2021, 3, 1))
    assert done.success
    assert failed(done) == set()
    assert metadata(done, "anomaly_signals")["status"] == "no candidate in this window"
    assert rows(filled, "SELECT 1 FROM llm_audit_trail") == []


def test_a_signal_changed_behind_our_back_stops_the_trading_signals(filled, instance):
    run(instance, DETECTION, FIRST, LAST)
    with connect(filled) as conn:
        conn.execute(
            "UPDATE llm_anomaly_signals SET trades_involved = jsonb_set(trades_involved, '{0,ticker}', '\"Q\"')"
        )
    done = run(instance, DETECTION, FIRST, LAST)
    assert checks(done)["anomaly_signals.grounding"] is False
    assert "trading_signals" not in {e.asset_key.to_user_string() for e in done.get_asset_materialization_events()}


def test_a_model_that_is_not_there_fails_the_step_and_says_why(filled, instance, monkeypatch):
    monkeypatch.setenv("OLLAMA_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("LLM_MAX_ATTEMPTS", "1")
    done = run(instance, DETECTION, FIRST, LAST)
    assert not done.success
    assert "127.0.0.1:9" in failure_text(done)


def test_the_schedule_runs_yesterday_and_the_days_that_wait(filled, instance):
    now = datetime.combine(PUBLIC + timedelta(days=20), datetime.min.time(), UTC) + timedelta(hours=1)
    with dg.build_schedule_context(
        instance=instance,
        repository_def=location().get_repository_def(),
        scheduled_execution_time=now,
        resources={"postgres": PostgresResource()},
    ) as context:
        tick = location().get_repository_def().get_schedule_def("anomalies_daily").evaluate_tick(context)
    yesterday = str(now.date() - timedelta(days=1))
    assert yesterday in {request.partition_key for request in tick.run_requests}
    tagged = [request.tags for request in tick.run_requests] + [
        range_tags(request.partition_key, request.partition_key)
        for request in tick.run_requests
        if request.partition_key
    ]
    assert any(
        tags.get("dagster/asset_partition_range_start", "9") <= str(PUBLIC)
        <= tags.get("dagster/asset_partition_range_end", "0")
        for tags in tagged
    )  # fmt: skip


def test_days_too_far_back_are_left_to_a_backfill():
    yesterday = date(2026, 3, 4)
    far, near = yesterday - timedelta(days=CATCH_UP_DAYS + 1), yesterday - timedelta(days=3)
    assert [(one.start, one.last) for one in due_windows(yesterday, {far: 5, near: 2})] == [
        (near, near),
        (yesterday, yesterday),
    ]


def test_trades_validated_late_are_told_as_left_behind(filled, instance):
    run(instance, DETECTION, FIRST, LAST)
    with connect(filled) as conn:
        store(conn, [Row("late", FILER, PUBLIC - timedelta(days=9), PUBLIC)])
    done = run(instance, DETECTION, LAST + timedelta(days=1))
    assert checks(done)["anomaly_candidates.evaluated_once"] is True
    assert checks(done)["anomaly_candidates.none_left_behind"] is False
