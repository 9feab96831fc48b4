"""Episodes that grow and days run in any order, in a real database with the offline model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection

from llm_pipeline.anomalies import account
from llm_pipeline.anomalies.detection.thresholds import Thresholds
from llm_pipeline.anomalies.service import find_candidates
from llm_pipeline.anomalies.signal_store import stray_trading_signals, write_trading_signals
from llm_pipeline.offline_model.faults import Fault
from llm_pipeline_tests.anomalies.stored import BURST, NOW, PUBLIC, Row, burst, calm, disclosure_id, dump, habit, store
from llm_pipeline_tests.anomalies.test_judging import judge

FILER = "Quillon A Featherbarrow"
AGAIN = PUBLIC + timedelta(days=7)
THIRD = PUBLIC + timedelta(days=14)
STATE = ("anomaly_candidates", "anomaly_sightings")
DECIDED = ("anomaly_decisions", "anomaly_decision_history", "llm_anomaly_signals")
TIMES = ("created_at", "decided_at", "audit_trail_id", "id")

Database = Connection[Any]


def more(disclosed: date, name: str, count: int = 16) -> list[Row]:
    """The burst goes on: made a few days later, public on `disclosed`."""
    first = BURST + timedelta(days=(disclosed - PUBLIC).days)
    return [
        replace(row, name=f"{row.name} {name}", traded=first + timedelta(days=n % 6), disclosed=disclosed)
        for n, row in enumerate(burst(FILER, count))
    ]


OTHERS = [*habit("Thaddea Brindlewick"), *calm()]
GROWING = [*habit(FILER), *burst(FILER), *more(AGAIN, "b"), *more(THIRD, "c", 40), *OTHERS]


def detect(db: Database, start: date, end: date) -> None:
    find_candidates(db, start, end, now=NOW, thresholds=Thresholds())
    db.commit()


def state(db: Database, tables: Sequence[str] = STATE) -> dict[str, list[dict[str, Any]]]:
    return {table: [json.loads(row) for row in dump(db, table, *TIMES)] for table in tables}


def run(db: Database, url: str, home: Path, start: date, end: date, *faults: Fault):
    detect(db, start, end)
    return judge(url, home, *faults, window=(start, end))


def question_count(db: Database) -> int:
    row = db.execute("SELECT count(*) FROM llm_audit_trail WHERE NOT cache_hit").fetchone()
    db.commit()
    assert row is not None
    return int(row[0])


DAYS = [(day, day + timedelta(days=1)) for day in (PUBLIC, AGAIN, THIRD)]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_days_run_in_any_order_come_to_the_same_episodes_with_the_same_ids(db: Database, order: tuple[int, ...]):
    store(db, GROWING)
    for start, end in DAYS:
        detect(db, start, end)
    expected = state(db)
    assert "FREQUENCY_SPIKE" in {row["classification"] for row in expected["anomaly_candidates"]}
    db.execute("TRUNCATE anomaly_candidates, anomaly_sightings, trade_evaluations")
    db.commit()
    for number in order:
        detect(db, *DAYS[number])
    assert state(db) == expected


def test_days_judged_in_any_order_end_with_the_same_signals_and_the_others_are_withdrawn(
    db: Database, database_url: str, tmp_path: Path
):
    store(db, GROWING)
    for start, end in DAYS:
        run(db, database_url, tmp_path, start, end)
    expected = state(db, ("anomaly_decisions", "llm_anomaly_signals"))
    db.execute(
        "TRUNCATE anomaly_candidates, anomaly_sightings, trade_evaluations, anomaly_decisions, "
        "anomaly_decision_history, llm_anomaly_signals"
    )
    db.commit()
    for start, end in reversed(DAYS):
        run(db, database_url, tmp_path, start, end)
        with db.cursor() as cur:
            write_trading_signals(cur, start, end)
        db.commit()
        assert stray_trading_signals(db) == []
        assert account.ungrounded_signals(db, date(2020, 1, 1), date(2021, 1, 1)) == []
    standing = [row for row in state(db, ("llm_anomaly_signals",))["llm_anomaly_signals"] if row["status"] == "active"]
    assert standing == expected["llm_anomaly_signals"]
    assert state(db, ("anomaly_decisions",))["anomaly_decisions"] == expected["anomaly_decisions"]
    found = account.account_for_candidates(db, date(2020, 1, 1), date(2021, 1, 1))
    assert found.reconciles
    assert found.failed == 0


def test_a_grown_episode_is_asked_again_once_keeps_its_signal_id_and_its_history(
    db: Database, database_url: str, tmp_path: Path
):
    store(db, GROWING)
    run(db, database_url, tmp_path, *DAYS[0])
    first = {row[0]: row[1] for row in db.execute("SELECT signal_id, evidence_as_of FROM llm_anomaly_signals")}
    db.execute("UPDATE llm_anomaly_signals SET review_status = 'approved', reviewed_by = 'somebody'")
    db.commit()
    report = run(db, database_url, tmp_path, *DAYS[1])
    assert report.grown > 0
    rows = db.execute(
        """SELECT s.signal_id, s.evidence_as_of, s.review_status, jsonb_array_length(s.trades_involved), s.as_of_date,
                  (SELECT count(*) FROM anomaly_decision_history h WHERE h.candidate_id = s.candidate_id)
           FROM llm_anomaly_signals s WHERE s.as_of_date = %s""",
        [PUBLIC],
    ).fetchall()
    db.commit()
    assert {row[0] for row in rows} == set(first)
    grown = [row for row in rows if row[1] == AGAIN]
    assert len(grown) == report.grown
    for _, _, review, _, as_of, history in grown:
        assert review == "pending"  # approved was what the evidence of the first day said
        assert as_of == PUBLIC
        assert history == 2
    assert all(row[2] == "approved" for row in rows if row[1] == PUBLIC)
    before = state(db, (*STATE, *DECIDED))
    calls = question_count(db)
    again = run(db, database_url, tmp_path, DAYS[0][0], DAYS[1][1])
    assert (again.calls, again.cases, question_count(db)) == (0, 0, calls)
    assert state(db, (*STATE, *DECIDED)) == before


def test_one_backfill_and_day_by_day_come_to_the_same_decisions(db: Database, database_url: str, tmp_path: Path):
    store(db, GROWING)
    run(db, database_url, tmp_path / "a", DAYS[0][0], DAYS[2][1])
    whole = state(db, DECIDED)
    db.execute("TRUNCATE anomaly_decisions, anomaly_decision_history, llm_anomaly_signals, llm_audit_trail CASCADE")
    db.commit()
    for start, end in DAYS:
        run(db, database_url, tmp_path / "b", start, end)
    assert state(db, DECIDED) == whole


@pytest.mark.parametrize("kind", ["refusal", "contradicting"])
def test_no_usable_answer_about_the_grown_evidence_leaves_the_earlier_decision_standing(
    db: Database, database_url: str, tmp_path: Path, kind: str
):
    store(db, GROWING)
    run(db, database_url, tmp_path, *DAYS[0])
    before = state(db, ("llm_anomaly_signals",))
    report = run(db, database_url, tmp_path, *DAYS[1], Fault(kind))
    assert report.outcomes["failed"] + report.outcomes["ungrounded"] >= report.grown > 0
    after = state(db, ("llm_anomaly_signals",))["llm_anomaly_signals"]
    kept = [row | {"last_seen": str(PUBLIC)} for row in after if row["as_of_date"] == str(PUBLIC)]
    assert kept == before["llm_anomaly_signals"]
    assert account.account_for_candidates(db, *DAYS[0]).reconciles
    honest = judge(database_url, tmp_path, window=DAYS[1])
    assert (honest.cases > 0) is (kind == "refusal")  # a failure is asked about again, a refused lie is not


def test_evidence_that_changed_takes_its_signal_along_until_it_is_decided_anew(
    db: Database, database_url: str, tmp_path: Path
):
    store(db, GROWING)
    run(db, database_url, tmp_path, *DAYS[0])
    calls = question_count(db)
    db.execute(
        "UPDATE trading_disclosures SET deleted_at = now() WHERE id::text = ANY(%s)",
        [[disclosure_id(row.name) for row in burst(FILER)[:4]]],
    )
    db.commit()
    report = run(db, database_url, tmp_path, *DAYS[0], Fault("refusal"))
    assert report.outcomes["failed"] == report.candidates > 0
    assert {row[0] for row in db.execute("SELECT status FROM llm_anomaly_signals").fetchall()} == {"withdrawn"}
    db.commit()
    judge(database_url, tmp_path, window=DAYS[0])
    assert question_count(db) > calls
    assert account.ungrounded_signals(db, *DAYS[0]) == []
    superseded = db.execute("SELECT count(*) FROM anomaly_decision_history WHERE superseded_at IS NOT NULL").fetchone()
    assert superseded != (0,)


def test_a_trade_deleted_since_fails_its_candidate_with_what_to_do_and_stops_no_other(
    db: Database, database_url: str, tmp_path: Path
):
    other = "Orsolo M Mossgrave"
    store(db, [*GROWING, *habit(other), *burst(other)])
    detect(db, *DAYS[0])
    db.execute(
        """UPDATE trading_disclosures SET deleted_at = now() WHERE id::text = (
               SELECT trade_ids[1] FROM anomaly_candidates WHERE filers = %s ORDER BY candidate_id LIMIT 1)""",
        [[FILER]],
    )
    db.commit()
    report = judge(database_url, tmp_path, window=DAYS[0])
    assert report.reconciles
    assert report.outcomes["failed"] == len(report.failures) > 0
    assert all(f"again from {PUBLIC}" in why for why in report.failures.values())
    assert report.outcomes["signal"] > 0
    assert account.account_for_candidates(db, *DAYS[0]).reconciles


def test_a_day_run_again_after_later_filings_and_amendments_keeps_decisions_and_signals_byte_for_byte(
    db: Database, database_url: str, tmp_path: Path
):
    store(db, [*habit(FILER), *burst(FILER)])
    run(db, database_url, tmp_path, *DAYS[0])
    tables = (*STATE, *DECIDED)
    before, calls = {table: dump(db, table) for table in tables}, question_count(db)
    later = THIRD + timedelta(days=30)
    store(db, [Row(f"amended {n}", FILER, row.traded, later, "NVDA") for n, row in enumerate(burst(FILER))])
    store(db, [replace(row, superseded_by=disclosure_id(f"amended {n}")) for n, row in enumerate(burst(FILER))])
    store(db, more(AGAIN, "b"))
    run(db, database_url, tmp_path, *DAYS[0])
    assert {table: dump(db, table) for table in tables} == before
    assert question_count(db) == calls


def test_an_approval_on_some_trades_is_none_for_others(db: Database, database_url: str, tmp_path: Path):
    store(db, GROWING)
    run(db, database_url, tmp_path, *DAYS[0])
    with db.cursor() as cur:
        write_trading_signals(cur, *DAYS[0])
    db.execute("UPDATE trading_signals SET review_status = 'approved'")
    db.execute("UPDATE llm_anomaly_signals SET review_status = 'approved'")
    db.commit()
    run(db, database_url, tmp_path, *DAYS[1])
    with db.cursor() as cur:
        write_trading_signals(cur, *DAYS[1])
    db.commit()
    rows = db.execute(
        """SELECT t.review_status, s.review_status FROM trading_signals t
           JOIN llm_anomaly_signals s ON s.signal_id = t.anomaly_signal_id
           WHERE t.is_active AND s.as_of_date = %s AND s.evidence_as_of = %s""",
        [PUBLIC, AGAIN],
    ).fetchall()
    assert rows
    assert set(rows) == {("pending", "pending")}
