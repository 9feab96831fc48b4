"""Decisions on records: what becomes of the record, its issues, its quarantine, and what was built on it."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest
from psycopg.rows import dict_row

from llm_pipeline.anomalies.store import read_stored_trades, unevaluated_by_day
from llm_pipeline.review.item import ChangedSinceSeenError, NotWaitingError, ReviewError, UnknownItemError
from llm_pipeline.review.queue import list_waiting
from llm_pipeline.review.service import show
from llm_pipeline.validation.record import ValidationRecord, record_from_json
from llm_pipeline.validation.store import account_for
from llm_pipeline_tests.anomalies.stored import disclosure_id
from llm_pipeline_tests.review.scene import (
    AUDIT,
    DISCLOSED,
    DUPLICATE,
    FILER,
    LATE,
    MISMATCH,
    REVIEW_TIME,
    issues_of,
    quarantine_id,
    records,
    revalidate,
    review,
    signal,
    value,
    verdict_of,
)

NEXT = DISCLOSED + timedelta(days=1)


@pytest.fixture
def stored(db, database_url):
    records(
        database_url,
        {
            "good": ("pass", []),
            "twice": ("reject", [DUPLICATE, LATE]),
            "odd": ("flag", [MISMATCH]),
            "late": ("flag", [LATE]),
        },
    )
    return db


def waiting(conn):
    found = [(one.kind, one.item_id) for one in list_waiting(conn)]
    conn.commit()
    return found


def decisions(conn, item_id):
    with conn.cursor(row_factory=dict_row) as cur:
        return cur.execute("SELECT * FROM review_decisions WHERE item_id = %s ORDER BY seq", [item_id]).fetchall()


def test_the_queue_holds_what_a_person_must_decide_doubts_before_findings(stored):
    assert waiting(stored) == [
        ("quarantine", quarantine_id(stored, "twice")),
        ("flagged", disclosure_id("odd")),
        ("flagged", disclosure_id("late")),
    ]
    assert FILER in list_waiting(stored)[0].what
    assert [one.kind for one in list_waiting(stored, limit=1)] == ["quarantine", "flagged"]


def test_an_approved_rejection_comes_back_flagged_with_its_trail_and_waits_for_detection(stored):
    item_id = quarantine_id(stored, "twice")
    done = review(stored, item_id, "approved")
    assert (done.releases, done.days) == ("anomalies", (DISCLOSED,))
    assert verdict_of(stored, "twice") == "flag"
    assert issues_of(stored, "twice") == {"duplicate": "dismissed", "late_filing": "confirmed"}
    assert stored.execute(
        "SELECT status, reviewed_by, reviewed_at, review_notes FROM data_quality_quarantine"
    ).fetchall() == [("approved", "Thaddea", REVIEW_TIME, "checked the filing")]
    assert stored.execute(
        """SELECT record_id, field_name, correction_type, old_value, new_value, corrected_by, approved_at
           FROM data_quality_corrections"""
    ).fetchall() == [
        (disclosure_id("twice"), "llm_validation_status", "review", "reject", "flag", "Thaddea", REVIEW_TIME)
    ]
    assert unevaluated_by_day(stored, NEXT) == {DISCLOSED: 4}
    assert ("quarantine", item_id) not in waiting(stored)
    assert account_for(stored, DISCLOSED, NEXT).conserved


def test_the_decision_keeps_what_a_labelled_case_needs(stored):
    item_id = quarantine_id(stored, "twice")
    review(stored, item_id, "approved")
    (kept,) = decisions(stored, item_id)
    assert (kept["gate_verdict"], kept["human_verdict"], kept["status_after"]) == ("reject", "flag", "flag")
    assert (kept["reviewed_by"], kept["reviewed_at"], kept["why"]) == ("Thaddea", REVIEW_TIME, "checked the filing")
    assert str(kept["audit_trail_id"]) == AUDIT
    record = record_from_json(kept["content"]["record"])
    assert isinstance(record, ValidationRecord)
    assert (record.record_id, record.ticker, record.filer_name) == (disclosure_id("twice"), "AAPL", FILER)
    assert {one["issue_type"] for one in kept["content"]["issues"]} == {"duplicate", "late_filing"}


def test_a_confirmed_rejection_stays_out_and_releases_nothing(stored):
    item_id = quarantine_id(stored, "twice")
    done = review(stored, item_id, "rejected")
    assert (done.releases, done.days) == (None, ())
    assert verdict_of(stored, "twice") == "reject"
    assert issues_of(stored, "twice") == {"duplicate": "confirmed", "late_filing": "confirmed"}
    assert value(stored, "SELECT status FROM data_quality_quarantine") == "rejected"
    assert value(stored, "SELECT count(*) FROM data_quality_corrections") == 0
    assert ("quarantine", item_id) not in waiting(stored)


@pytest.mark.parametrize(
    ("name", "issue_type", "status", "human"),
    [("odd", "ticker_asset_mismatch", "dismissed", "pass"), ("late", "late_filing", "confirmed", "flag")],
)
def test_an_approved_flag_stays_a_flag_and_is_not_evaluated_again(stored, name, issue_type, status, human):
    before = value(stored, "SELECT llm_validated_at FROM trading_disclosures WHERE id = %s", disclosure_id(name))
    done = review(stored, disclosure_id(name), "approved")
    assert done.releases is None
    assert verdict_of(stored, name) == "flag"
    assert issues_of(stored, name) == {issue_type: status}
    after = value(stored, "SELECT llm_validated_at FROM trading_disclosures WHERE id = %s", disclosure_id(name))
    assert after == before
    assert decisions(stored, disclosure_id(name))[0]["human_verdict"] == human
    assert ("flagged", disclosure_id(name)) not in waiting(stored)


def test_a_rejected_flag_counts_no_more_and_takes_the_signals_on_it_with_it(stored):
    standing, other = signal(stored, "a", ["odd", "good"]), signal(stored, "b", ["late"])
    stored.execute(
        """INSERT INTO trade_evaluations (disclosure_id, as_of_date, thresholds_version, evaluated_at)
           VALUES (%s, %s, '1', now())""",
        [disclosure_id("odd"), DISCLOSED],
    )
    stored.execute(
        """INSERT INTO anomaly_sightings
           VALUES ('cand-a', %s, jsonb_build_object('trade_ids', jsonb_build_array(%s::text)))""",
        [NEXT, disclosure_id("odd")],
    )
    stored.execute(
        """INSERT INTO anomaly_candidates (candidate_id, filers, classification, as_of_date, window_days, window_start,
               window_end, trade_ids, evidence, first_seen, last_seen)
           VALUES ('cand-a', '{x}', 'FREQUENCY_SPIKE', %(d)s, 30, %(d)s, %(d)s, ARRAY[%(id)s], '{}', %(d)s, %(d)s)""",
        {"d": DISCLOSED, "id": disclosure_id("odd")},
    )
    stored.commit()
    done = review(stored, disclosure_id("odd"), "rejected")
    assert done.withdrawn == (standing,)
    assert (done.releases, done.days) == ("anomalies", (DISCLOSED, NEXT))
    assert verdict_of(stored, "odd") == "reject"
    assert dict(stored.execute("SELECT signal_id, status FROM llm_anomaly_signals").fetchall()) == {
        standing: "withdrawn",
        other: "active",
    }
    reason = value(
        stored,
        """SELECT quarantine_reason FROM data_quality_quarantine
           WHERE original_record_id = %s AND status = 'rejected' AND original_data ->> 'asset_ticker' = 'AAPL'
             AND cardinality(issue_ids) = 1""",
        disclosure_id("odd"),
    )
    assert reason == "rejected in review by Thaddea: checked the filing"
    with stored.cursor() as cur:
        used = set(read_stored_trades(cur, NEXT)["record_id"])
    assert used == {disclosure_id("good"), disclosure_id("late")}
    assert account_for(stored, DISCLOSED, NEXT).conserved
    assert decisions(stored, disclosure_id("odd"))[0]["effects"] == {"withdrawn_signals": [standing]}


def test_deciding_twice_is_refused_with_who_and_why_and_again_keeps_both(stored):
    item_id = quarantine_id(stored, "twice")
    review(stored, item_id, "approved")
    with pytest.raises(NotWaitingError, match=r"approved by Thaddea at 2021-03-01 09:00Z: checked .*--again"):
        review(stored, item_id, "rejected", by="Orsolo")
    assert verdict_of(stored, "twice") == "flag"
    review(stored, item_id, "rejected", by="Orsolo", why="it is a duplicate", again=True)
    assert verdict_of(stored, "twice") == "reject"
    assert value(stored, "SELECT status FROM data_quality_quarantine") == "rejected"
    assert [(one["decision"], one["reviewed_by"], one["previous_state"]) for one in decisions(stored, item_id)] == [
        ("approved", "Thaddea", "pending"),
        ("rejected", "Orsolo", "approved"),
    ]
    # What the gate said is what it said, not what the first reviewer did.
    assert [one["gate_verdict"] for one in decisions(stored, item_id)] == ["reject", "reject"]


def test_a_record_rejected_in_review_can_be_taken_back_under_either_kind(stored):
    review(stored, disclosure_id("odd"), "rejected")
    done = review(stored, disclosure_id("odd"), "approved", again=True)
    assert (verdict_of(stored, "odd"), done.days) == ("flag", (DISCLOSED,))
    review(stored, quarantine_id(stored, "odd"), "rejected", "quarantine", again=True)
    assert verdict_of(stored, "odd") == "reject"
    assert len(show(stored, disclosure_id("odd")).history) == 3


def test_unknown_ids_are_told_as_such(stored):
    for unknown in ("nonsense", "", "00000000-0000-4000-8000-000000000000", "x" * 500):
        with pytest.raises(UnknownItemError, match="review list"):
            review(stored, unknown, "approved")
    with pytest.raises(UnknownItemError, match="there is no signal"):
        review(stored, disclosure_id("odd"), "approved", "signal")
    assert value(stored, "SELECT count(*) FROM review_decisions") == 0


@pytest.mark.parametrize("what", ["good", "pending", "superseded", "deleted"])
def test_what_needs_no_decision_takes_none(stored, what):
    name = "good" if what == "good" else "odd"
    change = {
        "pending": "llm_validation_status = 'pending'",
        "superseded": "superseded_by = 'another'",
        "deleted": "deleted_at = now()",
    }.get(what)
    if change:
        stored.execute(f"UPDATE trading_disclosures SET {change} WHERE id = %s", [disclosure_id(name)])
    with pytest.raises(NotWaitingError, match="nothing to decide"):
        review(stored, disclosure_id(name), "rejected", again=True)
    assert ("flagged", disclosure_id(name)) not in waiting(stored)


@pytest.mark.parametrize(("by", "why"), [("", "x"), (" ", "x"), ("x", "\n")])
def test_a_decision_has_a_name_and_a_reason(stored, by, why):
    with pytest.raises(ReviewError, match="name and a reason"):
        review(stored, disclosure_id("odd"), "approved", by=by, why=why)


def test_hostile_text_of_a_reviewer_is_kept_as_text(stored):
    why = "NUL \x00 lone \ud800 {{x}} %s '; DROP TABLE x --" + "y" * 10_000
    review(stored, disclosure_id("odd"), "rejected", why=why)
    assert decisions(stored, disclosure_id("odd"))[0]["why"].endswith("y" * 10_000)


def test_a_decision_on_what_has_changed_since_it_was_read_is_refused(stored):
    seen = show(stored, disclosure_id("odd")).content_sha256
    stored.execute("UPDATE trading_disclosures SET amount_range_max = 50000 WHERE id = %s", [disclosure_id("odd")])
    stored.commit()
    for given in (seen, seen[:12], "", seen[:3]):
        with pytest.raises(ChangedSinceSeenError, match="read it again"):
            review(stored, disclosure_id("odd"), "approved", seen=given)
    now = show(stored, disclosure_id("odd")).content_sha256
    review(stored, disclosure_id("odd"), "approved", seen=now[:12])
    assert show(stored, disclosure_id("odd")).changed_since_decided is False
    stored.execute("UPDATE trading_disclosures SET owner = 'Spouse' WHERE id = %s", [disclosure_id("odd")])
    assert show(stored, disclosure_id("odd")).changed_since_decided is True


def test_another_run_of_the_gate_over_the_same_content_undoes_no_decision(stored, database_url):
    review(stored, quarantine_id(stored, "twice"), "approved")
    review(stored, disclosure_id("odd"), "rejected")
    held = value(stored, "SELECT count(*) FROM data_quality_quarantine")
    revalidate(database_url, {"twice": ("reject", [DUPLICATE, LATE]), "odd": ("pass", [])})
    assert (verdict_of(stored, "twice"), verdict_of(stored, "odd")) == ("flag", "reject")
    assert issues_of(stored, "twice") == {"duplicate": "dismissed", "late_filing": "confirmed"}
    assert value(stored, "SELECT count(*) FROM data_quality_quarantine") == held
    assert value(stored, "SELECT count(*) FROM data_quality_quarantine WHERE status = 'pending'") == 0
    assert waiting(stored) == [("flagged", disclosure_id("late"))]
    assert account_for(stored, DISCLOSED, NEXT).conserved


def test_a_doubt_that_is_new_brings_an_approved_record_before_a_person_again(stored, database_url):
    review(stored, quarantine_id(stored, "twice"), "approved")
    revalidate(database_url, {"twice": ("reject", [DUPLICATE, MISMATCH])})
    assert verdict_of(stored, "twice") == "flag"
    assert issues_of(stored, "twice")["ticker_asset_mismatch"] == "open"
    assert ("flagged", disclosure_id("twice")) in waiting(stored)


@pytest.mark.parametrize("decision", ["approved", "rejected"])
def test_another_content_is_another_question(stored, database_url, decision):
    item_id = quarantine_id(stored, "twice")
    review(stored, item_id, decision)
    revalidate(database_url, {"twice": ("reject", [DUPLICATE, LATE])}, asset_ticker="MSFT")
    assert verdict_of(stored, "twice") == "reject"
    assert issues_of(stored, "twice") == {"duplicate": "open", "late_filing": "open"}
    assert ("quarantine", item_id) in waiting(stored)
    assert value(stored, "SELECT original_data ->> 'asset_ticker' FROM data_quality_quarantine") == "MSFT"
    assert value(stored, "SELECT reviewed_by FROM data_quality_quarantine") is None
    assert show(stored, item_id).changed_since_decided
    # And the first content, seen again, is still decided.
    revalidate(database_url, {"twice": ("reject", [DUPLICATE, LATE])}, asset_ticker="AAPL")
    assert verdict_of(stored, "twice") == ("flag" if decision == "approved" else "reject")


@pytest.mark.parametrize("mode", ["origin", "replica"])
@pytest.mark.parametrize("change", ["UPDATE {} SET why = 'x'", "DELETE FROM {}", "TRUNCATE {}"])
def test_decisions_can_only_be_added(stored, change, mode):
    review(stored, disclosure_id("odd"), "approved")
    stored.execute(f"SET LOCAL session_replication_role = {mode}")
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="review_decisions is refused"):
        stored.execute(change.format("review_decisions"))
