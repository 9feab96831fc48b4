"""The real exports beside the project, whole: every row arrives, and the known quirks are countable in the table."""

from __future__ import annotations

import csv
import gzip
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from llm_pipeline.disclosures.ingest import ingest
from llm_pipeline.disclosures.ledger import reconcile
from llm_pipeline.lineage.service import Helpers, verify_scope
from llm_pipeline.lineage.store import Scope

Connection = psycopg.Connection[Any]

START, END = date(2012, 1, 1), date(2024, 1, 1)
NOW = datetime(2024, 1, 1, tzinfo=UTC)
SENATE = "senate/senate_ptr_reports.jsonl.gz"
HOUSE_CSV = "house/house_stock_watcher_all_transactions.csv.gz"
HOUSE_PTR = "house/house_ptr_parsed_2016_2022.jsonl.gz"

# One statement per quirk, over the reports that the source still carries.
QUIRKS = {
    "tx_head": "true",
    "ticker_dashes": "raw->>'ticker' = '--' AND asset_ticker IS NULL",
    "ticker_html_anchor": "raw->>'ticker' LIKE '%<a %' AND asset_ticker IS NOT NULL",
    "ticker_multiple_anchors": "raw->>'ticker' LIKE '%<a %<a %' AND notes LIKE '%several symbols%'",
    "asset_description_has_html_div": "raw->>'asset_description' LIKE '%<div%' AND asset_name NOT LIKE '%<%'",
    "asset_description_has_entity": "raw->>'asset_description' ~ '&[a-z]+;' AND asset_name !~ '&[a-z]+;'",
    "asset_type_empty": "raw->>'asset_type' = '' AND asset_type IS NULL",
    "options_asset_type": "asset_type = 'Stock Option'",
    "malformed_dates": "transaction_date IS NULL",
    "filed_before_transaction": "disclosure_date < transaction_date",
    "filed_same_day": "disclosure_date = transaction_date",
    "filed_later_than_30d": "disclosure_date - transaction_date > 30",
    "filed_later_than_45d": "disclosure_date - transaction_date > 45",
    "filed_later_than_365d": "disclosure_date - transaction_date > 365",
    "comment_not_empty": "raw->>'comment' NOT IN ('', '--')",
}


def _counts(db: Connection, column: str) -> dict[str, int]:
    query = f"""SELECT coalesce({column}::text, ''), count(*) FROM trading_disclosures
                WHERE processing_notes IS NULL OR processing_notes NOT LIKE '%removed this report%' GROUP BY 1"""
    return dict(db.execute(query).fetchall())


def test_every_senate_row_arrives_and_its_quirks_are_counted(
    db: Connection, database_url: str, shared_data: Path
) -> None:
    report = ingest(db, "senate_efd", shared_data / SENATE, START, END, now=NOW)
    quirks = json.loads((shared_data / "senate/senate_quirks.json").read_text())
    assert (report.filings_seen, report.filings_failed, report.rows.new) == (1607, 0, 9820)
    assert report.filings_parsed + report.filings_empty == 1607
    assert reconcile(db, "senate_efd", START, END) == []
    for name, condition in QUIRKS.items():
        query = f"""SELECT count(*) FROM (
                        SELECT *, raw_data->'source_row' AS raw, coalesce(processing_notes, '') AS notes
                        FROM trading_disclosures) d
                    WHERE notes NOT LIKE '%removed this report%' AND {condition}"""
        ((count,),) = db.execute(query).fetchall()
        assert (name, count) == (name, quirks[name])
    assert _counts(db, "asset_type") == quirks["asset_types"]
    assert _counts(db, "owner") == quirks["owners"]
    assert _counts(db, "transaction_type") == quirks["types"]
    assert _counts(db, "raw_data->'as_filed'->>'amount_range'") == quirks["amounts"]
    people = "SELECT count(*), count(DISTINCT bioguide_id) FROM politicians"
    # 60 identifiers upstream; R000120 and U000002 join people who are there under their right ones.
    assert db.execute(people).fetchone() == (58, 58)

    again = ingest(db, "senate_efd", shared_data / SENATE, START, END, now=NOW.replace(day=2))
    assert (again.rows.unchanged, again.changed_anything, again.merkle_roots) == (9820, False, {})
    db.commit()
    found = verify_scope(db, Scope(), now=NOW, helpers=Helpers(2, database_url))
    assert (found.holds, found.verified, found.partitions) == (True, 9820, len(report.merkle_roots))


@pytest.mark.parametrize(
    ("source", "file", "total"), [("house_stock_watcher", HOUSE_CSV, 14274), ("house_ptr", HOUSE_PTR, 25406)]
)
def test_every_house_row_arrives(db: Connection, shared_data: Path, source: str, file: str, total: int) -> None:
    report = ingest(db, source, shared_data / file, START, END, now=NOW)
    assert (report.filings_failed, report.rows.new) == (0, total)
    assert db.execute("SELECT count(*) FROM trading_disclosures").fetchone() == (total,)
    assert reconcile(db, source, START, END) == []
    unread = "SELECT raw_data->'as_filed'->>'transaction_date' FROM trading_disclosures WHERE transaction_date IS NULL"
    impossible = {text for (text,) in db.execute(unread)}
    if source == "house_stock_watcher":
        assert impossible == {"0009-06-09", "0021-08-02", "20221-11-18", "0021-06-22", "0201-06-22"}
        with gzip.open(shared_data / file, "rt", newline="") as lines:
            documents = {line["ptr_link"] for line in csv.DictReader(lines)}
        assert report.filings_parsed == len(documents)
    footers = "SELECT count(*) FROM trading_disclosures WHERE raw_data->'as_filed'->>'amount_range' ~* 'gfedc|status'"
    assert db.execute(footers).fetchone() == (0,)
