"""Decisions on signals and recommendations, and that nothing undoes them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from psycopg.rows import dict_row

from llm_pipeline.anomalies.decision import Decision as CandidateDecision
from llm_pipeline.anomalies.decision_store import apply_decisions
from llm_pipeline.anomalies.signal_store import stray_trading_signals, write_trading_signals
from llm_pipeline.anomalies.store import write_candidates
from llm_pipeline.db.connection import async_pool, connect
from llm_pipeline.review.item import NotWaitingError, UnknownItemError
from llm_pipeline.review.queue import count_waiting, list_waiting
from llm_pipeline_tests.anomalies.cases import TIMING, case, good_answer, parsed
from llm_pipeline_tests.anomalies.stored import NOW
from llm_pipeline_tests.review.scene import DISCLOSED, REVIEW_TIME, recommendation, review, signal, value

NEXT = DISCLOSED + timedelta(days=1)
PUBLIC = "SELECT ticker, is_active FROM approved_trading_signals ORDER BY ticker"


def publish(conn):
    with conn.cursor() as cur:
        write_trading_signals(cur, DISCLOSED, NEXT)
    conn.commit()


def trading(conn):
    return conn.execute("SELECT review_status, is_active FROM trading_signals").fetchall()


def test_an_approved_signal_is_public_at_once_and_stays_so(db):
    item_id = signal(db, "a")
    publish(db)
    assert trading(db) == [("pending", True)]
    done = review(db, item_id, "approved")
    assert (done.releases, done.days) == ("trading_signals", (DISCLOSED,))
    assert db.execute(
        "SELECT review_status, reviewed_by, reviewed_at, review_notes FROM llm_anomaly_signals"
    ).fetchone() == ("approved", "Thaddea", REVIEW_TIME, "checked the filing")
    assert db.execute(PUBLIC).fetchall() == [("AAPL", True)]
    assert value(db, "SELECT signal_id FROM approved_anomaly_signals") == item_id
    publish(db)
    assert db.execute(PUBLIC).fetchall() == [("AAPL", True)]


def test_a_signal_approved_before_its_trading_signals_were_written_reaches_them(db):
    review(db, signal(db, "a"), "approved")
    assert trading(db) == []
    publish(db)
    assert trading(db) == [("approved", True)]


def test_a_rejected_signal_is_switched_off_and_no_run_switches_it_on(db):
    item_id = signal(db, "a")
    publish(db)
    done = review(db, item_id, "rejected")
    assert done.releases is None
    assert trading(db) == [("rejected", False)]
    publish(db)
    assert trading(db) == [("rejected", False)]
    assert stray_trading_signals(db) == []
    done = review(db, item_id, "approved", again=True)
    assert done.days == (DISCLOSED,)
    publish(db)
    assert trading(db) == [("approved", True)]
    review(db, item_id, "rejected", again=True)
    assert db.execute(PUBLIC).fetchall() == []
    assert value(db, "SELECT count(*) FROM review_decisions WHERE item_id = %s", item_id) == 3


def test_a_signal_below_the_confidence_of_trading_signals_releases_nothing(db):
    assert review(db, signal(db, "a", confidence=6), "approved").releases is None


def test_a_withdrawn_signal_is_public_no_more_and_waits_for_nobody(db):
    item_id = signal(db, "a")
    publish(db)
    review(db, item_id, "approved")
    db.execute("UPDATE llm_anomaly_signals SET status = 'withdrawn'")
    db.commit()
    assert db.execute(PUBLIC).fetchall() == []
    assert trading(db) == [("pending", False)]
    assert value(db, "SELECT count(*) FROM approved_anomaly_signals") == 0
    assert list_waiting(db) == []
    with pytest.raises(NotWaitingError, match="withdrawn"):
        review(db, item_id, "rejected", again=True)


def upheld(**changed):
    """The decision of a run that upholds a candidate."""
    about = case()
    (answer,) = parsed(good_answer(about)).signals
    return CandidateDecision(TIMING, "signal", answer.reasoning, None, answer.model_copy(update=changed))


def run_again(url, decision, now=NOW):
    day = TIMING.first_seen
    with connect(url) as conn, conn.cursor() as cur:
        write_candidates(cur, day, day + timedelta(days=1), [decision.candidate], now)

    async def write():
        async with async_pool(url, 1) as pool, pool.connection() as conn, conn.cursor(row_factory=dict_row) as cur:
            await apply_decisions(cur, [decision], [], "anomaly_detection", now)

    asyncio.run(write())


@pytest.mark.parametrize("decision", ["approved", "rejected"])
def test_the_same_signal_made_again_keeps_its_review_another_one_waits(db, database_url, decision):
    run_again(database_url, upheld())
    ((item_id,),) = db.execute("SELECT signal_id FROM llm_anomaly_signals").fetchall()
    review(db, item_id, decision)
    reviewed = db.execute("SELECT * FROM llm_anomaly_signals").fetchall()
    db.execute("UPDATE llm_anomaly_signals SET status = 'withdrawn'")
    db.execute("DELETE FROM anomaly_decisions")
    db.commit()
    run_again(database_url, upheld())
    assert db.execute("SELECT * FROM llm_anomaly_signals").fetchall() == reviewed
    db.commit()
    run_again(database_url, upheld(confidence=9))
    assert db.execute("SELECT review_status, reviewed_by, review_notes FROM llm_anomaly_signals").fetchall() == [
        ("pending", None, None)
    ]
    assert [one.item_id for one in list_waiting(db)] == [item_id]


def test_a_signal_on_other_evidence_takes_its_trading_signals_back_from_the_public(db, database_url):
    run_again(database_url, upheld())
    day = TIMING.first_seen

    def write():
        with db.cursor() as cur:
            write_trading_signals(cur, day, day + timedelta(days=1))
        db.commit()

    write()
    review(db, f"sig-{TIMING.candidate_id.removeprefix('cand-')}", "approved")
    assert len(db.execute(PUBLIC).fetchall()) == 2
    changed = replace(upheld(), candidate=replace(TIMING, family_size=25))
    db.commit()
    run_again(database_url, changed, NOW + timedelta(days=1))
    assert db.execute(PUBLIC).fetchall() == []
    write()
    assert db.execute(PUBLIC).fetchall() == []


def test_a_recommendation_is_approved_or_rejected_and_an_applied_one_is_history(db):
    first, second, applied = (recommendation(db, name) for name in ("fb-1", "fb-2", "fb-3"))
    db.execute("UPDATE llm_prompt_recommendations SET status = 'applied' WHERE feedback_id = %s", [applied])
    db.commit()
    assert {one.kind: one.count for one in count_waiting(db)}["recommendation"] == 2
    assert review(db, first, "approved").releases is None
    review(db, second, "rejected", "recommendation")
    with pytest.raises(NotWaitingError, match="applied"):
        review(db, applied, "rejected", again=True)
    assert dict(db.execute("SELECT feedback_id, status FROM llm_prompt_recommendations").fetchall()) == {
        "fb-1": "approved", "fb-2": "rejected", "fb-3": "applied",
    }  # fmt: skip
    assert db.execute(
        "SELECT reviewed_by, reviewed_at FROM llm_prompt_recommendations WHERE feedback_id = 'fb-1'"
    ).fetchone() == ("Thaddea", REVIEW_TIME)


def test_a_recommendation_that_a_later_one_replaced_waits_for_nobody(db):
    item_id = recommendation(db, "fb-1")
    db.execute("ALTER TABLE llm_prompt_recommendations ADD COLUMN IF NOT EXISTS superseded_by text")
    db.execute("UPDATE llm_prompt_recommendations SET superseded_by = 'fb-2'")
    db.commit()
    assert list_waiting(db) == []
    with pytest.raises(NotWaitingError, match="superseded by fb-2"):
        review(db, item_id, "approved")


def test_an_id_that_two_kinds_know_must_name_its_kind(db):
    signal(db, "a")
    recommendation(db, "sig-a")
    with pytest.raises(UnknownItemError, match="signal and recommendation: name the kind"):
        review(db, "sig-a", "approved")
    assert review(db, "sig-a", "approved", "recommendation").kind == "recommendation"
