from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from llm_pipeline.db.connection import connect
from llm_pipeline.db.migrations import migrate
from llm_pipeline.disclosures.ingest import ingest
from llm_pipeline.disclosures.ledger import WITHDRAWN, reconcile
from llm_pipeline.disclosures.readers import SourceError
from llm_pipeline.disclosures.report import IngestReport
from llm_pipeline_tests.disclosures.samples import (
    ANCHOR,
    house_filing,
    house_row,
    house_trade,
    senate_report,
    senate_row,
    titled,
    uid,
    write_csv,
    write_lines,
)

Connection = psycopg.Connection[Any]
Run = Callable[..., IngestReport]

START, END = date(2020, 1, 1), date(2022, 1, 1)
NOW = datetime(2023, 1, 1, tzinfo=UTC)


@pytest.fixture
def run(db: Connection, tmp_path: Path) -> Run:
    """Ingest reports given as values; each call happens a day after the one before."""
    calls = 0

    def _run(*reports: Any, source: str = "senate_efd", start: date = START, end: date = END) -> IngestReport:
        nonlocal calls
        calls += 1
        path = tmp_path / "reports.jsonl"
        if source == "house_stock_watcher":
            write_csv(path, *reports)
        else:
            write_lines(path, *reports)
        report = ingest(db, source, path, start, end, now=NOW + timedelta(days=calls), run_id=f"run-{calls}")
        assert reconcile(db, source, START, END) == []
        rows = report.rows
        assert rows.in_source == rows.new + rows.changed + rows.unchanged + rows.failed
        db.commit()
        return report

    return _run


def rows(db: Connection, query: str, *arguments: Any) -> list[tuple[Any, ...]]:
    return db.execute(query, arguments).fetchall()


def snapshot(db: Connection) -> list[Any]:
    """Everything that ingestion writes, to the last timestamp."""
    tables = ("politicians", "trading_disclosures", "disclosure_provenance", "provenance_roots", "ingest_ledger")
    return [rows(db, f"SELECT to_jsonb(t) FROM {table} t ORDER BY to_jsonb(t)::text") for table in tables]


def test_a_report_becomes_rows_with_chain_ledger_and_root(db: Connection, run: Run) -> None:
    report = run(senate_report(1, [senate_row(), senate_row(owner="Self", ticker="--")]))
    assert (report.filings_seen, report.filings_parsed, report.rows.new) == (1, 1, 2)
    assert report.days[date(2020, 2, 10)].rows_new == 2
    found = rows(
        db,
        """SELECT row_ordinal, transaction_date, disclosure_date, transaction_type, asset_name, asset_ticker,
                  amount_range_min, amount_range_max, owner, source, source_document_id, llm_validation_status,
                  extraction_method, p.full_name, p.bioguide_id, p.role
           FROM trading_disclosures d JOIN politicians p ON p.id = d.politician_id ORDER BY row_ordinal""",
    )
    assert found[0] == (
        1,
        date(2020, 1, 28),
        date(2020, 2, 10),
        "Purchase",
        "Acme Corp & Sons",
        "ACME",
        1001,
        15000,
        "Spouse",
        "senate_efd",
        uid(1),
        "pending",
        "file",
        "Ada Q Exampler",
        "X000001",
        "Senator",
    )
    assert found[1][5] is None
    assert rows(db, "SELECT state, row_count, partition_date FROM ingest_ledger") == [("parsed", 2, date(2020, 2, 10))]
    assert rows(db, "SELECT count(*), count(DISTINCT disclosure_id) FROM disclosure_provenance") == [(16, 2)]
    assert rows(db, "SELECT partition_date, disclosure_count, merkle_root, dagster_run_id FROM provenance_roots") == [
        (date(2020, 2, 10), 2, report.merkle_roots[date(2020, 2, 10)], "run-1")
    ]


def test_the_raw_row_is_kept_beside_its_texts(db: Connection, run: Run) -> None:
    run(senate_report(1, [senate_row(amount="$1,001 -", ticker=ANCHOR.format("OLD") + "<br>" + ANCHOR.format("NEW"))]))
    ((raw, notes),) = rows(db, "SELECT raw_data, processing_notes FROM trading_disclosures")
    assert raw["source_row"]["asset_description"] == "Acme Corp &amp; Sons"
    assert "source_row_json" not in raw
    assert raw["as_filed"] == {
        "transaction_date": "01/28/2020",
        "disclosure_date": "02/10/2020",
        "transaction_type": "Purchase",
        "amount_range": "$1,001 -",
        "ticker": "OLD NEW",
        "asset_type": "Stock",
        "owner": "Spouse",
    }
    assert "; ".join(raw["notes"]) == notes
    assert "several symbols: OLD, NEW" in notes


def test_a_second_run_changes_nothing(db: Connection, run: Run) -> None:
    reports = [
        titled(1, "Report for 02/10/2020", [senate_row(), senate_row()]),
        titled(2, "Report for 02/10/2020 (Amendment 1)", [senate_row()], date_recieved="03/10/2020"),
        senate_report(3, []),
        senate_report(4, date_recieved="soon"),
        "not json",
    ]
    run(*reports)
    before = snapshot(db)
    second = run(*reports)
    assert snapshot(db) == before
    assert not second.changed_anything
    assert second.merkle_roots == {}
    assert (second.rows.unchanged, second.filings_superseded, second.filings_empty, second.filings_failed) == (
        3,
        1,
        1,
        2,
    )


def test_any_split_of_the_window_gives_the_same_rows(db: Connection, run: Run) -> None:
    reports = [senate_report(n, date_recieved=f"{n:02}/10/2020") for n in range(1, 7)]
    for month in range(1, 7):
        report = run(*reports, start=date(2020, month, 1), end=date(2020, month + 1, 1))
        assert (report.filings_seen, report.filings_outside) == (1, 5)
    before = snapshot(db)
    assert not run(*reports).changed_anything
    assert snapshot(db) == before


def test_the_same_trade_twice_in_a_report_is_two_rows(db: Connection, run: Run) -> None:
    run(senate_report(1, [senate_row(), senate_row()]))
    assert rows(db, "SELECT count(DISTINCT id) FROM trading_disclosures") == [(2,)]


def test_a_changed_row_is_rewritten_and_pending_again_and_its_chain_goes_on(db: Connection, run: Run) -> None:
    run(senate_report(1, [senate_row(), senate_row(owner="Self")]))
    db.execute("UPDATE trading_disclosures SET llm_validation_status = 'pass', llm_validated_at = now()")
    old = rows(db, "SELECT id, ingest_seq, created_at FROM trading_disclosures WHERE row_ordinal = 1")[0]
    report = run(senate_report(1, [senate_row(amount="$15,001 - $50,000"), senate_row(owner="Self")]))
    assert (report.rows.changed, report.rows.unchanged) == (1, 1)
    (first, second) = rows(
        db,
        """SELECT id, ingest_seq, created_at, amount_range_min, llm_validation_status, llm_validated_at
           FROM trading_disclosures ORDER BY row_ordinal""",
    )
    assert (first[0], first[2]) == (old[0], old[2])
    assert first[1] > old[1]
    assert (first[3], first[4], first[5]) == (15001, "pending", None)
    assert second[4] == "pass"
    steps = rows(db, "SELECT step_no, step FROM disclosure_provenance WHERE disclosure_id = %s ORDER BY 1", str(old[0]))
    assert (len(steps), steps[8]) == (16, (9, "extract"))
    assert rows(db, "SELECT count(*) FROM provenance_roots") == [(2,)]


def test_a_row_that_vanished_is_kept_and_marked_and_may_come_back(db: Connection, run: Run) -> None:
    run(senate_report(1, [senate_row(), senate_row(owner="Self")]))
    report = run(senate_report(1, [senate_row()]))
    assert (report.rows.withdrawn, report.rows.unchanged) == (1, 1)
    ((by, notes),) = rows(db, "SELECT superseded_by, processing_notes FROM trading_disclosures WHERE row_ordinal = 2")
    assert by == WITHDRAWN
    assert "no longer in the source's filing" in notes
    assert rows(db, "SELECT step FROM disclosure_provenance ORDER BY ts DESC, step_no DESC LIMIT 1") == [("supersede",)]
    assert not run(senate_report(1, [senate_row()])).changed_anything
    assert run(senate_report(1, [senate_row(), senate_row(owner="Self")])).rows.changed == 1
    assert rows(db, "SELECT count(*) FROM trading_disclosures WHERE superseded_by IS NULL") == [(2,)]


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("original_first", [True, False])
def test_an_amendment_supersedes_the_report_it_restates(
    db: Connection, run: Run, together: bool, original_first: bool
) -> None:
    reports = [
        titled(1, "Report for 02/10/2020", [senate_row(), senate_row(owner="Self")]),
        titled(
            2,
            "Report for 02/10/2020 (Amendment 1)",
            [senate_row(amount="Over $50,000,000")],
            date_recieved="03/10/2020",
        ),
        titled(3, "Report for 02/10/2020", last_name="Another", bioguide="X000002"),
    ]
    ordered = reports if original_first else reports[::-1]
    if together:
        report = run(*ordered)
        assert (report.filings_parsed, report.filings_superseded, report.rows.superseded) == (2, 1, 2)
    else:
        for one in ordered:
            run(one)
    found = rows(
        db,
        """SELECT o.source_document_id, o.row_ordinal, n.source_document_id, n.row_ordinal
           FROM trading_disclosures o JOIN trading_disclosures n ON n.id::text = o.superseded_by ORDER BY 1, 2""",
    )
    assert found == [(uid(1), 1, uid(2), 1), (uid(1), 2, uid(2), 1)]
    assert rows(db, "SELECT state, row_count FROM ingest_ledger ORDER BY source_document_id") == [
        ("superseded", 2),
        ("parsed", 1),
        ("parsed", 1),
    ]
    assert rows(db, "SELECT count(*) FROM trading_disclosures") == [(4,)]


def test_a_report_that_names_what_it_amends_supersedes_it(db: Connection, run: Run) -> None:
    run(senate_report(1), senate_report(2, amends=uid(1), date_recieved="03/10/2020"))
    assert rows(db, "SELECT source_document_id FROM ingest_ledger WHERE state = 'superseded'") == [(uid(1),)]


def test_a_changed_original_stays_superseded(db: Connection, run: Run) -> None:
    amendment = titled(2, "Report (Amendment 1)", date_recieved="03/10/2020")
    run(titled(1, "Report"), amendment)
    run(titled(1, "Report", [senate_row(owner="Child")]), amendment)
    assert rows(db, "SELECT owner FROM trading_disclosures WHERE superseded_by IS NOT NULL") == [("Child",)]
    assert rows(db, "SELECT state FROM ingest_ledger ORDER BY source_document_id") == [("superseded",), ("parsed",)]


def test_one_broken_report_among_good_ones_is_named_and_later_read(db: Connection, run: Run) -> None:
    broken = senate_report(2, transactions=None)
    report = run(senate_report(1), broken, "{", senate_report(3))
    assert (report.filings_parsed, report.filings_failed) == (2, 2)
    assert [f.position for f in report.failures] == ["reports.jsonl#2", "reports.jsonl#3"]
    failed = "SELECT source_document_id, state, error FROM ingest_ledger WHERE error IS NOT NULL ORDER BY 1"
    assert [row[:2] for row in rows(db, failed)] == [(uid(2), "failed"), ("reports.jsonl#3", "failed")]
    report = run(senate_report(1), senate_report(2), senate_report(4), senate_report(3))
    assert (report.filings_parsed, report.filings_failed) == (4, 0)
    assert [row[:2] for row in rows(db, failed)] == [("reports.jsonl#3", "superseded")]


def test_a_report_that_breaks_later_keeps_its_rows(db: Connection, run: Run) -> None:
    run(senate_report(1))
    run(senate_report(1, transactions=None))
    assert rows(db, "SELECT state, row_count FROM ingest_ledger") == [("failed", 1)]
    assert rows(db, "SELECT count(*) FROM trading_disclosures WHERE superseded_by IS NULL") == [(1,)]


@pytest.mark.parametrize("text", ["soon", "02/30/2020", "0020-02-10", "01/01/1999", "01/01/2099", None])
def test_a_report_of_no_day_is_on_the_ledger_with_its_rows_counted(db: Connection, run: Run, text: str | None) -> None:
    report = run(senate_report(1, [senate_row(), senate_row()], date_recieved=text))
    assert (report.filings_failed, report.rows.failed, report.rows.in_source) == (1, 2, 2)
    ((state, error, detail, day),) = rows(db, "SELECT state, error, detail, partition_date FROM ingest_ledger")
    assert (state, detail["rows_in_source"], day) == ("failed", 2, START)
    assert "disclosure date" in error


def test_a_report_whose_date_moves_takes_its_rows_along(db: Connection, run: Run) -> None:
    run(senate_report(1))
    report = run(senate_report(1, date_recieved="05/05/2020"), start=date(2020, 2, 1), end=date(2020, 3, 1))
    assert report.rows.changed == 1
    assert rows(db, "SELECT partition_date FROM ingest_ledger") == [(date(2020, 5, 5),)]
    assert rows(db, "SELECT disclosure_date FROM trading_disclosures") == [(date(2020, 5, 5),)]
    assert set(report.merkle_roots) == {date(2020, 2, 10), date(2020, 5, 5)}


def test_copies_of_a_report_are_counted_and_other_contents_named(db: Connection, run: Run) -> None:
    report = run(senate_report(1), senate_report(1), senate_report(1, [senate_row(owner="Self")]))
    assert (report.filings_duplicate, report.filings_parsed, report.filings_failed) == (1, 1, 1)
    assert "another copy" in report.conflicts[0].error
    assert rows(db, "SELECT owner FROM trading_disclosures") == [("Spouse",)]


def test_a_report_missing_from_the_source_is_kept_and_named(db: Connection, run: Run) -> None:
    run(senate_report(1), senate_report(2))
    report = run(senate_report(1))
    assert report.not_in_source == (uid(2),)
    assert rows(db, "SELECT count(*) FROM trading_disclosures WHERE superseded_by IS NULL") == [(2,)]


def test_hostile_text_is_stored_readable_and_kept_exactly(db: Connection, run: Run) -> None:
    text = "A\x00c\ud800me {{ 7*7 }} {0} %s \u202e"
    row = senate_row(asset_description=text, ticker="\x00ACME", comment="x" * 3_000_000)
    run(senate_report(1, [row], first_name="A\x00da"))
    ((name, ticker, raw),) = rows(db, "SELECT asset_name, asset_ticker, raw_data FROM trading_disclosures")
    assert (name, ticker) == ("Acme {{ 7*7 }} {0} %s", "ACME")
    assert raw["source_row"]["asset_description"].startswith("A\u2400c\ufffdme")
    assert json.loads(raw["source_row_json"]) == row
    assert rows(db, "SELECT full_name FROM politicians") == [("Ada Exampler",)]
    assert not run(senate_report(1, [row], first_name="A\x00da")).changed_anything


def test_a_very_long_document_id_is_still_an_identity(db: Connection, run: Run) -> None:
    run(senate_report(1, ptr_link="https://x/" + "y" * 5000), senate_report(1, ptr_link="https://x/" + "y" * 5001))
    assert rows(db, "SELECT count(DISTINCT source_document_id) FROM trading_disclosures") == [(2,)]


def test_a_known_politician_is_used_and_left_alone(db: Connection, run: Run) -> None:
    db.execute(
        """INSERT INTO politicians (full_name, bioguide_id, party) VALUES ('Senator Known', 'X000001', 'I');
           INSERT INTO politicians (full_name, role, state_or_country) VALUES ('Bea Sample', 'Representative', 'ZZ')"""
    )
    run(senate_report(1))
    run(house_row(), source="house_stock_watcher")
    run(house_filing(1, [house_trade(notification_date="02/6/2021")]), source="house_ptr")
    assert rows(db, "SELECT full_name, party FROM politicians ORDER BY 1") == [
        ("Bea Sample", None),
        ("Senator Known", "I"),
    ]


def test_spellings_of_a_person_are_one_politician(db: Connection, run: Run) -> None:
    run(
        house_row(1),
        house_row(2, representative="Hon. Bea Sample", district="ZZ17"),
        house_row(3, representative="BEA DR SAMPLE"),
        house_row(4, district="YY05"),
        source="house_stock_watcher",
    )
    assert rows(db, "SELECT count(*) FROM politicians") == [(2,)]


def test_a_missing_house_date_is_explained_in_the_notes(db: Connection, run: Run) -> None:
    run({**house_filing(1, [house_trade(notification_date="02/6/2021")]), "year_file": 2021}, source="house_ptr")
    ((notes, raw, method),) = rows(db, "SELECT processing_notes, raw_data, extraction_method FROM trading_disclosures")
    assert notes == "disclosure date is the latest notification date; the source has no filing date"
    assert raw["notes"] == [notes]
    assert raw["as_filed"]["disclosure_date"] == "02/6/2021"
    assert method == "pdf_text"


def test_an_unreadable_source_writes_nothing(db: Connection, tmp_path: Path) -> None:
    good = write_lines(tmp_path / "good.jsonl", senate_report(1))
    for location in (tmp_path / "nothing", f"{good},http://127.0.0.1:1/x.json,{tmp_path}/nothing.json"):
        with pytest.raises(SourceError):
            ingest(db, "senate_efd", location, START, END, now=NOW)
    assert rows(db, "SELECT count(*) FROM ingest_ledger") == [(0,)]


def test_a_wrong_window_or_time_is_refused(db: Connection, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "f.jsonl", senate_report(1))
    with pytest.raises(ValueError, match="empty"):
        ingest(db, "senate_efd", path, END, START, now=NOW)
    with pytest.raises(ValueError, match="aware"):
        ingest(db, "senate_efd", path, START, END, now=NOW.replace(tzinfo=None))


def test_two_loads_at_once_store_each_row_once(database_url: str, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "f.jsonl", *(senate_report(n) for n in range(1, 101)))

    def load(_: int) -> IngestReport:
        with connect(database_url) as conn:
            return ingest(conn, "senate_efd", path, START, END, now=NOW)

    with ThreadPoolExecutor(3) as threads:
        reports = list(threads.map(load, range(3)))
    assert sorted(report.rows.new for report in reports) == [0, 0, 100]
    assert sorted(report.rows.unchanged for report in reports) == [0, 100, 100]


def test_progress_is_reported(db: Connection, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "f.jsonl", *(senate_report(n) for n in range(1, 601)))
    seen: list[tuple[int, int]] = []
    ingest(db, "senate_efd", path, START, END, now=NOW, progress=lambda *counts: seen.append(counts))
    assert seen == [(500, 500), (600, 600)]


def test_a_discrepancy_between_ledger_and_rows_is_named(db: Connection, run: Run) -> None:
    run(senate_report(1), senate_report(2))
    db.execute("DELETE FROM trading_disclosures WHERE source_document_id = %s", (uid(1),))
    db.execute("DELETE FROM ingest_ledger WHERE source_document_id = %s", (uid(2),))
    found = {d.source_document_id: d.problem for d in reconcile(db, "senate_efd", START, END)}
    assert found == {
        uid(1): "the ledger says 1 rows, the table holds 0",
        uid(2): "rows without an entry in the ledger",
    }


def test_a_table_with_other_column_types_takes_the_rows(empty_database_url: str, tmp_path: Path) -> None:
    with connect(empty_database_url) as conn:
        conn.execute(
            """CREATE TABLE politicians (id text PRIMARY KEY, full_name text, role text, bioguide_id varchar(10));
               CREATE TABLE trading_disclosures (
                   id text PRIMARY KEY, politician_id text REFERENCES politicians (id), transaction_date timestamptz,
                   disclosure_date timestamptz, amount_range_min integer, amount_range_max bigint, raw_data json)"""
        )
        conn.commit()
        migrate(empty_database_url)
        path = write_lines(tmp_path / "f.jsonl", senate_report(1))
        for _ in range(2):
            report = ingest(conn, "senate_efd", path, START, END, now=NOW)
        assert report.rows.unchanged == 1
        assert reconcile(conn, "senate_efd", START, END) == []
