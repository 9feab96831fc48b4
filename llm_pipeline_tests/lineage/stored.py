"""A small real ingestion to tamper with, and the tampering: SQL of somebody who may switch triggers off."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg

from llm_pipeline.disclosures.identity import disclosure_id
from llm_pipeline.disclosures.ingest import ingest
from llm_pipeline.lineage.service import VerificationReport, verify_scope
from llm_pipeline.lineage.store import Scope
from llm_pipeline_tests.disclosures.samples import senate_report, senate_row, uid, write_lines

Connection = psycopg.Connection[Any]

SOURCE = "senate_efd"
DAY, OTHER_DAY = date(2020, 2, 10), date(2020, 2, 11)
NOW = datetime(2023, 6, 1, tzinfo=UTC)
LOADED = datetime(2023, 1, 1, 1, 2, 3, 456789, tzinfo=UTC)
AGAIN = datetime(2023, 1, 2, 1, 2, 3, 456789, tzinfo=UTC)


def ident(document: int, ordinal: int) -> str:
    """The id of a row of one of the sample's filings."""
    return disclosure_id(SOURCE, uid(document), ordinal)


# Row 1 of filing 1 is loaded twice, its rows 2 and 3 are withdrawn by the second load; filing 2 is loaded once.
TWICE, WITHDRAWN, ONCE = ident(1, 1), ident(1, 2), ident(2, 1)


def load_sample(db: Connection, folder: Path) -> None:
    """Two filings of one day, of which one is loaded again changed, and one of the next day."""
    second = senate_report(2, [senate_row(ticker="XOM"), senate_row(comment="\x00")])
    third = senate_report(3, date_recieved="02/11/2020")
    for now, rows in (
        (LOADED, [senate_row(), senate_row(amount="$15,001 - $50,000"), senate_row()]),
        (AGAIN, [senate_row(owner="Self")]),
    ):
        path = write_lines(folder / "filings.jsonl", senate_report(1, rows), second, third)
        ingest(db, SOURCE, path, DAY, date(2020, 2, 12), now=now)


def tamper(db: Connection, statement: str, *values: Any) -> None:
    """Run a statement with the triggers of the append-only tables off, as their owner can; it must do something."""
    tables = ("disclosure_provenance", "provenance_roots")
    for table in tables:
        db.execute(f"ALTER TABLE {table} DISABLE TRIGGER append_only")
    assert db.execute(statement, values).rowcount > 0
    for table in tables:
        db.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only")


def verified(db: Connection, scope: Scope | None = None) -> VerificationReport:
    """Everything verified."""
    return verify_scope(db, scope or Scope(), now=NOW)
