"""Which decisions a cursor still has to see, and which runs they ask for."""

from __future__ import annotations

from datetime import date, timedelta

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_pipeline.db.connection import connect
from llm_pipeline.defs.review.automation import released_runs
from llm_pipeline.review.released import Released, read_released
from llm_pipeline.review.service import decide
from llm_pipeline.validation.arrivals import Cursor
from llm_pipeline_tests.defs.runs import windows
from llm_pipeline_tests.review.scene import (
    DISCLOSED,
    DUPLICATE,
    REVIEW_TIME,
    quarantine_id,
    recommendation,
    records,
    review,
    signal,
)
from llm_pipeline_tests.waiting import until_settled

TODAY = date(2026, 3, 4)


def released_after(url, cursor, limit=100):
    """What the decisions after a cursor ask for, once they have settled: transactions of other tests on this server
    delay them; they end."""
    until_settled(url, "review_decisions", "xid")
    with connect(url) as conn:
        return read_released(conn, cursor, limit)


def test_decisions_ask_for_the_days_they_release_and_are_read_once(db, database_url):
    records(database_url, {"twice": ("reject", [DUPLICATE])})
    review(db, quarantine_id(db, "twice"), "approved")
    review(db, signal(db, "a", as_of_date=DISCLOSED + timedelta(days=3)), "approved")
    review(db, signal(db, "b"), "rejected")
    review(db, recommendation(db, "fb"), "approved")
    db.commit()
    found = released_after(database_url, Cursor())
    assert (found.decisions, found.anomalies) == (4, {DISCLOSED: 1})
    assert found.trading_signals == {DISCLOSED + timedelta(days=3): 1}
    assert read_released(db, found.cursor, 100) == Released(0, {}, {}, found.cursor)
    first = read_released(db, Cursor(), 1)
    assert (first.decisions, first.anomalies) == (1, {DISCLOSED: 1})
    assert read_released(db, first.cursor, 100).decisions == 3


def test_a_decision_that_commits_late_is_not_lost(database_url):
    """The incident guarded against: number 1 commits after number 2 was read, and is never looked at."""
    with connect(database_url) as conn:
        early, late = signal(conn, "early"), signal(conn, "late")
    with connect(database_url) as slow, connect(database_url) as fast, connect(database_url) as sensor:
        slow.execute("SELECT 1")
        decide(slow, early, "approved", by="Thaddea", why="yes", now=REVIEW_TIME)
        decide(fast, late, "approved", by="Orsolo", why="yes", now=REVIEW_TIME)
        assert read_released(sensor, Cursor(), 100).decisions == 0
        sensor.commit()
        slow.commit()
        sensor.commit()
        assert released_after(database_url, Cursor()).decisions == 2


def test_a_cursor_of_another_server_begins_again(db, database_url):
    review(db, signal(db, "a"), "approved")
    db.commit()
    assert released_after(database_url, Cursor(9_000_000_000_000, 7)).decisions == 1


def test_decisions_restored_from_another_server_are_read_first(db, database_url):
    review(db, signal(db, "a"), "approved")
    review(db, signal(db, "b"), "approved")
    db.execute("CREATE TABLE restored AS SELECT * FROM review_decisions")
    db.execute("ALTER TABLE review_decisions DISABLE TRIGGER append_only")
    db.execute("UPDATE review_decisions SET xid = '9000000000000' WHERE item_id = 'sig-b'")
    db.commit()
    assert released_after(database_url, Cursor()).decisions == 2


def requested(runs):
    days = windows(dg.SensorResult(run_requests=runs))
    return [
        (start, last, [key.to_user_string() for key in request.asset_selection or []], request.run_key)
        for (start, last), request in zip(days, runs, strict=True)
    ]


def test_adjacent_days_share_a_run_and_a_day_detected_again_needs_no_second_run():
    day = date(2020, 6, 15)
    asked = Released(
        5, {day: 1, day + timedelta(days=1): 2}, {day: 1, day + timedelta(days=40): 1}, Cursor(77, 5)
    )  # fmt: skip
    runs, outside = released_runs(asked, TODAY)
    assert requested(runs) == [
        ("2020-06-15", "2020-06-16", [], "77.5:anomalies:2020-06-15...2020-06-16"),
        ("2020-07-25", "2020-07-25", ["trading_signals"], "77.5:trading_signals:2020-07-25...2020-07-25"),
    ]
    assert outside == []


@pytest.mark.parametrize("day", [date(2011, 12, 31), TODAY + timedelta(days=1)])
def test_days_without_a_partition_are_dropped_and_told(day):
    runs, outside = released_runs(Released(2, {day: 1, TODAY: 1}, {day: 1}, Cursor(1, 2)), TODAY)
    assert [start for start, *_ in requested(runs)] == [str(TODAY)]
    assert outside == [day]


days = st.dictionaries(st.dates(date(2012, 1, 1), TODAY), st.integers(1, 9), max_size=9)


@given(days, days)
def test_every_released_day_is_in_a_run_and_every_run_key_is_its_own(detected, written):
    runs, outside = released_runs(Released(1, detected, written, Cursor(3, 4)), TODAY)
    found = requested(runs)
    assert outside == []
    assert len({key for *_, key in found}) == len(found)
    for day in detected:
        assert any(start <= str(day) <= last for start, last, assets, _ in found if not assets)
    for day in written:
        assert any(start <= str(day) <= last for start, last, *_ in found)
    assert released_runs(Released(1, detected, written, Cursor(3, 4)), TODAY) == (runs, outside)
