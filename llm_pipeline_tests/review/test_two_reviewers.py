"""Two people at once: one decides, the other is told."""

from __future__ import annotations

import threading

import pytest

from llm_pipeline.db.connection import connect
from llm_pipeline.review.item import NotWaitingError
from llm_pipeline.review.service import decide
from llm_pipeline_tests.anomalies.stored import disclosure_id
from llm_pipeline_tests.review.scene import (
    DUPLICATE,
    MISMATCH,
    REVIEW_TIME,
    quarantine_id,
    recommendation,
    records,
    signal,
)


def items(conn, url):
    records(url, {"twice": ("reject", [DUPLICATE]), "odd": ("flag", [MISMATCH])})
    return {
        "quarantine": quarantine_id(conn, "twice"),
        "flagged": disclosure_id("odd"),
        "signal": signal(conn, "a"),
        "recommendation": recommendation(conn, "fb-1"),
    }


@pytest.mark.parametrize("kind", ["quarantine", "flagged", "signal", "recommendation"])
def test_the_second_waits_for_the_first_and_is_told_what_was_decided(db, database_url, kind):
    item_id = items(db, database_url)[kind]
    db.commit()
    outcome = {}

    def second():
        with connect(database_url) as conn:
            try:
                decide(conn, item_id, "rejected", by="Orsolo", why="no", now=REVIEW_TIME, kind=kind)
                outcome["second"] = "decided"
            except NotWaitingError as error:
                outcome["second"] = str(error)

    with connect(database_url) as first, connect(database_url, autocommit=True) as watching:
        first.execute("SELECT 1")  # so that the decision is not committed on its own
        decide(first, item_id, "approved", by="Thaddea", why="yes", now=REVIEW_TIME, kind=kind)
        other = threading.Thread(target=second)
        other.start()
        waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        while other.is_alive() and watching.execute(waits).fetchone() == (0,):
            other.join(0.02)
        assert other.is_alive(), outcome
        first.commit()
        other.join(240)
    assert "approved by Thaddea" in outcome["second"]
    assert db.execute("SELECT decision, reviewed_by FROM review_decisions").fetchall() == [("approved", "Thaddea")]


def test_two_lists_of_one_record_meet_at_the_record(db, database_url):
    records(database_url, {"odd": ("flag", [MISMATCH])})
    with connect(database_url) as conn:
        decide(conn, disclosure_id("odd"), "rejected", by="Thaddea", why="no", now=REVIEW_TIME)
    with connect(database_url) as conn, pytest.raises(NotWaitingError, match="rejected by Thaddea"):
        decide(conn, quarantine_id(conn, "odd"), "approved", by="Orsolo", why="yes", now=REVIEW_TIME)


def test_many_at_once_leave_one_decision_each(db, database_url):
    names = [f"r{n}" for n in range(6)]
    records(database_url, {name: ("reject", [DUPLICATE]) for name in names})
    ids = [quarantine_id(db, name) for name in names]
    db.commit()
    refusals = []

    def work(order, who):
        with connect(database_url) as conn:
            for item_id in order:
                try:
                    decide(conn, item_id, "approved", by=who, why="yes", now=REVIEW_TIME)
                except NotWaitingError as error:
                    refusals.append(str(error))

    workers = [threading.Thread(target=work, args=(ids[n:] + ids[:n], f"reviewer {n}")) for n in range(4)]
    for one in workers:
        one.start()
    for one in workers:
        one.join(240)
    assert db.execute("SELECT count(*), count(DISTINCT item_id) FROM review_decisions").fetchone() == (6, 6)
    assert len(refusals) == 18
