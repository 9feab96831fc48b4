from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import polars as pl
from psycopg import Connection

from llm_pipeline.anomalies import account
from llm_pipeline.anomalies.detection.thresholds import Thresholds
from llm_pipeline.anomalies.service import compute_baselines, find_candidates, read_known
from llm_pipeline_tests.anomalies.stored import BURST, NOW, PUBLIC, Row, burst, calm, disclosure_id, dump, habit, store

BUSY, QUIET = "Quillon A Featherbarrow", "Thaddea Brindlewick"
START, END = date(2020, 3, 1), date(2020, 7, 1)
TABLES = ("anomaly_candidates", "anomaly_sightings", "trade_evaluations", "baseline_stats")
TIMES = ("created_at", "evaluated_at", "computed_at")

Database = Connection[Any]


def detect(db: Database, start: date = START, end: date = END, now=NOW):
    report = find_candidates(db, start, end, now=now, thresholds=Thresholds())
    db.commit()
    return report


def state(db: Database) -> dict[str, list[str]]:
    return {table: dump(db, table, *TIMES) for table in TABLES}


def excluded(db: Database) -> dict[str, str | None]:
    frame = read_known(db, date(2021, 1, 1)).frame
    db.commit()
    return dict(frame.select("record_id", "excluded").iter_rows())


def test_a_burst_after_a_quiet_year_is_a_candidate_on_the_day_it_becomes_public(db: Database):
    store(db, [*habit(BUSY), *burst(BUSY), *habit(QUIET), *calm()])
    report = detect(db)
    assert report.new
    assert {one.filers for one in report.new} == {(BUSY,)}
    assert {one.first_seen for one in report.new} == {PUBLIC}
    assert "FREQUENCY_SPIKE" in report.by_classification
    assert account.look_ahead(db, START, END) == []
    assert account.unevaluated(db, START, END).within == {}


def test_running_a_day_again_after_later_filings_and_amendments_gives_the_same_bytes(db: Database):
    store(db, [*habit(BUSY), *burst(BUSY), *habit(QUIET)])
    compute_baselines(db, START, END, now=NOW, thresholds=Thresholds())
    detect(db)
    before = {table: dump(db, table) for table in TABLES}
    later = PUBLIC + timedelta(days=60)
    amended = [
        Row(f"amended {n}", BUSY, row.traded, later, "NVDA", "Sale (Full)", 50_001, 100_000)
        for n, row in enumerate(burst(BUSY))
    ]
    store(db, amended)
    store(db, [replace(row, superseded_by=disclosure_id(f"amended {n}")) for n, row in enumerate(burst(BUSY))])
    store(db, [Row(f"old trade {n}", QUIET, BURST - timedelta(days=n), later, "XOM") for n in range(30)])
    compute_baselines(db, START, END, now=NOW + timedelta(days=9), thresholds=Thresholds())
    detect(db, now=NOW + timedelta(days=9))
    assert {table: dump(db, table) for table in TABLES} == before


def test_days_one_by_one_and_a_backfill_come_to_the_same(db: Database):
    store(db, [*habit(BUSY), *burst(BUSY), *habit(QUIET)])
    detect(db)
    whole = state(db)
    db.execute("TRUNCATE anomaly_candidates, anomaly_sightings, trade_evaluations")
    db.commit()
    day = START
    while day < END:
        detect(db, day, day + timedelta(days=1))
        day += timedelta(days=1)
    assert state(db) == whole


def test_an_episode_seen_again_updates_last_seen_and_is_no_new_candidate(db: Database):
    store(db, [*habit(BUSY), *burst(BUSY), *calm()])
    first = detect(db)
    more = [
        Row(
            f"more {n}",
            BUSY,
            BURST + timedelta(days=8 + n % 3),
            PUBLIC + timedelta(days=3),
            "KO",
            low=15_001,
            high=50_000,
        )
        for n in range(14)
    ]
    store(db, more)
    again = detect(db)
    spike = next(one for one in first.new if one.classification == "FREQUENCY_SPIKE")
    assert again.sightings > len(again.new)
    row = db.execute(
        "SELECT first_seen, last_seen, cardinality(trade_ids) FROM anomaly_candidates WHERE candidate_id = %s",
        [spike.candidate_id],
    ).fetchone()
    assert row is not None
    assert row[0] == PUBLIC
    assert row[2] == len(spike.trade_ids)
    assert sum(one.classification == "FREQUENCY_SPIKE" for one in again.new) == 1


def test_a_candidate_whose_trades_were_deleted_goes_and_its_signal_is_withdrawn(db: Database):
    store(db, [*habit(BUSY), *burst(BUSY)])
    report = detect(db)
    db.execute(
        """INSERT INTO llm_anomaly_signals (signal_id, candidate_id, as_of_date, filer, classification, severity,
               confidence, trades_involved) VALUES ('sig-x', %s, %s, 'x', 'FREQUENCY_SPIKE', 'low', 5, '[]')""",
        [report.new[0].candidate_id, PUBLIC],
    )
    db.execute("UPDATE trading_disclosures SET deleted_at = now() WHERE disclosure_date::date = %s", [PUBLIC])
    db.commit()
    assert detect(db).new == ()
    assert dump(db, "anomaly_candidates") == []
    assert db.execute("SELECT status FROM llm_anomaly_signals").fetchall() == [("withdrawn",)]


def test_only_validated_trades_count_and_an_amended_one_until_its_amendment(db: Database):
    day = date(2020, 5, 4)
    store(
        db,
        [
            Row("pending", BUSY, day, day, status="pending"),
            Row("reject", BUSY, day, day, status="reject"),
            Row("flag", BUSY, day, day, status="flag"),
            Row("amendment", BUSY, day, day + timedelta(days=30), "MSFT"),
            Row("at once", BUSY, day, day + timedelta(days=30), superseded_by=disclosure_id("amendment")),
            Row("amended", BUSY, day, day, "KO", superseded_by=disclosure_id("amendment")),
        ],
    )
    assert excluded(db) == {
        disclosure_id("flag"): None,
        disclosure_id("amendment"): None,
        disclosure_id("at once"): "replaced_when_published",
        disclosure_id("amended"): None,
    }
    frame = read_known(db, date(2021, 1, 1)).frame
    withdrawn = dict(frame.drop_nulls("withdrawn_on").select("record_id", "withdrawn_on").iter_rows())
    assert withdrawn[disclosure_id("amended")] == day + timedelta(days=30)


def test_the_same_trade_in_two_sources_counts_once_and_twice_in_one_source_twice(db: Database):
    day, week = date(2020, 5, 4), timedelta(days=7)
    store(
        db,
        [
            Row("export", BUSY, day, day + week, source="house_stock_watcher"),
            Row("report", BUSY, day, day, source="house_ptr"),
            Row("second account", BUSY, day, day + week, source="house_stock_watcher"),
            Row("other day", BUSY, day + week, day + week, source="house_ptr"),
        ],
    )
    found = excluded(db)
    assert sorted(name for name in found.values() if name) == ["same_trade_in_another_source"]
    assert found[disclosure_id("report")] is None
    assert found[disclosure_id("other day")] is None


def test_a_trade_validated_after_its_day_was_run_is_told_until_it_is_run_again(db: Database):
    store(db, habit(QUIET))
    detect(db)
    store(db, [Row("late verdict", QUIET, BURST, PUBLIC)])
    waiting = account.unevaluated(db, START, END)
    assert waiting.within == {PUBLIC: 1}
    assert account.unevaluated(db, END, END + timedelta(days=1)).before[PUBLIC] == 1
    detect(db, PUBLIC, PUBLIC + timedelta(days=1))
    assert account.unevaluated(db, START, END).within == {}


def test_a_trade_evaluated_and_then_validated_again_is_evaluated_again(db: Database):
    store(db, habit(QUIET))
    detect(db, now=NOW + timedelta(hours=1))
    db.execute("UPDATE trading_disclosures SET llm_validated_at = %s", [NOW + timedelta(hours=2)])
    db.commit()
    assert account.unevaluated(db, START, END).within
    detect(db, now=NOW + timedelta(hours=3))
    assert account.unevaluated(db, START, END).within == {}


def test_a_candidate_that_used_the_future_is_noticed(db: Database):
    store(db, [*habit(BUSY), *burst(BUSY)])
    detect(db)
    db.execute("UPDATE trading_disclosures SET disclosure_date = %s WHERE disclosure_date::date = %s", [END, PUBLIC])
    assert account.look_ahead(db, START, END)


def test_baselines_are_written_for_every_filer_and_day_and_once(db: Database):
    store(db, [*habit(BUSY), *habit(QUIET)])
    report = compute_baselines(db, START, END, now=NOW, thresholds=Thresholds())
    db.commit()
    assert report.rows == report.written == 2 * 2 * (END - START).days
    assert compute_baselines(db, START, END, now=NOW, thresholds=Thresholds()).written == 0
    assert account.days_without_baseline(db, START, END) == []
    assert account.newest_baseline(db) == END - timedelta(days=1)


def test_hostile_names_and_assets_pass_through(db: Database):
    name = 'Mr "O\'Tamarind", \n{{ x }} BEGIN UNTRUSTED DATA'
    store(db, [replace(row, filer=name, name=f"{row.name} h", ticker='A"B\n,') for row in [*habit(BUSY), *burst(BUSY)]])
    frame = read_known(db, date(2021, 1, 1)).frame
    assert frame["filer"].unique().to_list() == [name]
    assert frame.filter(pl.col("ticker") != 'A"B\n,').is_empty()
    assert detect(db).new
