"""Review in Dagster: what a decision releases really runs, and what waits shows in the UI."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from llm_pipeline.db.connection import connect
from llm_pipeline.review.queue import list_waiting
from llm_pipeline.review.service import decide
from llm_pipeline_tests.anomalies.stored import PUBLIC, Row, burst, disclosure_id, habit, store
from llm_pipeline_tests.defs.runs import checks, location, metadata, rows, run, tick_of, windows
from llm_pipeline_tests.review.scene import DUPLICATE, MISMATCH, gate, quarantine_id, records, review
from llm_pipeline_tests.waiting import until_settled

DETECTION = ("baseline_stats", "anomaly_candidates", "anomaly_signals", "trading_signals")
FILER = "Quillon A Featherbarrow"
PUBLISHED = "SELECT ticker FROM approved_trading_signals WHERE is_active ORDER BY ticker"


@pytest.fixture(scope="module")
def repository():
    return location().get_repository_def()


@pytest.fixture
def url(database_url, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", database_url)
    return database_url


def tick(repository, instance, cursor, url):
    """One that sees every decision: they settle when older transactions of the whole server, also those of tests beside
    this one, have ended."""
    until_settled(url, "review_decisions", "xid")
    return tick_of(repository, instance, "review_released", cursor)


def execute(repository, instance, request):
    return repository.get_job("anomalies").execute_in_process(
        instance=instance,
        partition_key=request.partition_key,
        tags=dict(request.tags),
        asset_selection=request.asset_selection,
        raise_on_error=False,
    )


def held_back(url):
    """A filer's habit, and a burst that the gate rejects."""
    rejected = [Row(**{**vars(one), "status": "pending"}) for one in burst(FILER)]
    with connect(url) as conn:
        store(conn, [*habit(FILER), *rejected])
    gate(url, {one.name: ("reject", [DUPLICATE]) for one in rejected})


def test_approved_records_are_detected_approved_signals_published_and_a_rejection_withdraws(url, instance, repository):
    held_back(url)
    run(instance, DETECTION, PUBLIC)
    assert rows(url, "SELECT 1 FROM anomaly_candidates") == []
    with connect(url) as conn:
        for one in list_waiting(conn):
            review(conn, one.item_id, "approved", now=datetime.now(UTC))
    asked = tick(repository, instance, None, url)
    assert windows(asked) == [(str(PUBLIC), str(PUBLIC))]
    assert asked.run_requests[0].run_key == f"{asked.cursor}:anomalies:{PUBLIC}...{PUBLIC}"
    done = execute(repository, instance, asked.run_requests[0])
    assert done.success
    assert checks(done)["anomaly_candidates.evaluated_once"]
    signals = rows(url, "SELECT signal_id, confidence FROM llm_anomaly_signals WHERE status = 'active'")
    assert any(one["confidence"] >= 7 for one in signals)
    assert rows(url, PUBLISHED) == []

    with connect(url) as conn:
        for one in signals:
            review(conn, one["signal_id"], "approved", now=datetime.now(UTC))
    assert rows(url, PUBLISHED)  # those written before follow at once
    published = tick(repository, instance, asked.cursor, url)
    (request,) = published.run_requests
    assert [key.to_user_string() for key in request.asset_selection] == ["trading_signals"]
    done = execute(repository, instance, request)
    assert done.success
    assert {event.asset_key.to_user_string() for event in done.get_asset_materialization_events()} == {
        "trading_signals"
    }
    assert rows(url, PUBLISHED)

    with connect(url) as conn:
        for one in burst(FILER):
            review(
                conn, disclosure_id(one.name), "rejected", "flagged", again=True, now=datetime.now(UTC), why="doubled"
            )
    assert rows(url, PUBLISHED) == []
    assert rows(url, "SELECT 1 FROM approved_anomaly_signals") == []
    undone = tick(repository, instance, published.cursor, url)
    for request in undone.run_requests:
        assert execute(repository, instance, request).success
    assert rows(url, "SELECT 1 FROM anomaly_candidates") == []
    assert {one["status"] for one in rows(url, "SELECT status FROM llm_anomaly_signals")} == {"withdrawn"}
    assert rows(url, "SELECT 1 FROM trade_evaluations WHERE as_of_date = %s", PUBLIC) == []


def test_a_rejection_taken_back_brings_the_approved_signal_back_as_it_was(url, instance, repository):
    with connect(url) as conn:
        store(conn, [*habit(FILER), *burst(FILER)])
        conn.execute(
            "UPDATE trading_disclosures SET llm_validation_status = 'pending' WHERE disclosure_date = %s", [PUBLIC]
        )
    gate(url, {one.name: ("flag", [MISMATCH]) for one in burst(FILER)})
    run(instance, DETECTION, PUBLIC)
    with connect(url) as conn:
        for (signal_id,) in conn.execute("SELECT signal_id FROM llm_anomaly_signals").fetchall():
            review(conn, signal_id, "approved", now=datetime.now(UTC))
    before = rows(url, "SELECT signal_id, review_status, reviewed_by, status FROM llm_anomaly_signals ORDER BY 1")
    public = rows(url, PUBLISHED)
    assert public
    cited = rows(url, "SELECT trades_involved -> 0 ->> 'record_id' AS id FROM llm_anomaly_signals")[0]["id"]
    cursor = tick(repository, instance, None, url).cursor
    with connect(url) as conn:
        review(conn, cited, "rejected", now=datetime.now(UTC))
        assert conn.execute("SELECT count(*) FROM llm_anomaly_signals WHERE status = 'withdrawn'").fetchone() != (0,)
        review(conn, cited, "approved", again=True, now=datetime.now(UTC))
    for request in tick(repository, instance, cursor, url).run_requests:
        assert execute(repository, instance, request).success
    after = rows(url, "SELECT signal_id, review_status, reviewed_by, status FROM llm_anomaly_signals ORDER BY 1")
    assert (after, rows(url, PUBLISHED)) == (before, public)


def test_decisions_that_release_nothing_move_the_cursor_alone(url, instance, repository):
    assert tick_of(repository, instance, "review_released", None).skip_message == "no new decisions"
    records(url, {"twice": ("reject", [DUPLICATE])})
    with connect(url) as conn:
        review(conn, quarantine_id(conn, "twice"), "rejected")
    seen = tick(repository, instance, None, url)
    assert seen.run_requests == []
    assert tick_of(repository, instance, "review_released", seen.cursor).skip_message == "no new decisions"


def test_what_waits_and_for_how_long_shows_in_the_ui(url, instance, repository):
    records(url, {"twice": ("reject", [DUPLICATE]), "odd": ("flag", [MISMATCH])})
    done = repository.get_job("review").execute_in_process(instance=instance)
    found = metadata(done, "review_queue")
    assert (found["waiting"], found["waiting_quarantine"], found["waiting_flagged"]) == (2, 1, 1)
    assert [record.data["kind"] for record in found["first_to_read"].records] == ["quarantine", "flagged"]
    assert checks(done) == {"review_queue.none_waits_too_long": False}
    now = datetime.now(UTC)
    with connect(url) as conn:
        for one in list_waiting(conn):
            decide(conn, one.item_id, "rejected", by="Thaddea", why="no", now=now - timedelta(seconds=1))
    done = repository.get_job("review").execute_in_process(instance=instance)
    assert metadata(done, "review_queue")["waiting"] == 0
    assert checks(done) == {"review_queue.none_waits_too_long": True}
