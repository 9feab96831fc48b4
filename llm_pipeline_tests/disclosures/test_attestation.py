from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from llm_pipeline.disclosures.attestation import verify_partition
from llm_pipeline.disclosures.ingest import ingest
from llm_pipeline_tests.disclosures.samples import senate_report, senate_row, write_lines

Connection = psycopg.Connection[Any]
DAY = date(2020, 2, 10)


@pytest.fixture
def loaded(db: Connection, tmp_path: Path) -> Connection:
    for day, rows in ((1, [senate_row(), senate_row(comment="\x00"), senate_row()]), (2, [senate_row(owner="Self")])):
        path = write_lines(tmp_path / "f.jsonl", senate_report(1, rows))
        now = datetime(2023, 1, day, 1, 2, 3, 456789, tzinfo=UTC)
        ingest(db, "senate_efd", path, DAY, date(2020, 2, 11), now=now)
    return db


def _tamper(db: Connection, statement: str) -> None:
    db.execute("ALTER TABLE disclosure_provenance DISABLE TRIGGER append_only")
    db.execute(statement)
    db.execute("ALTER TABLE disclosure_provenance ENABLE ALWAYS TRIGGER append_only")


def test_what_was_loaded_holds(loaded: Connection) -> None:
    found = verify_partition(loaded, "senate_efd", DAY)
    assert (found.disclosures, found.breaks) == (3, ())
    assert found.root is not None


def test_a_day_without_disclosures_holds(loaded: Connection) -> None:
    assert verify_partition(loaded, "senate_efd", date(2020, 3, 3)).breaks == ()


def test_the_database_refuses_to_change_a_step(loaded: Connection) -> None:
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation):
        loaded.execute("UPDATE disclosure_provenance SET step = 'other'")


def test_a_changed_row_is_named_with_its_column(loaded: Connection) -> None:
    loaded.execute("UPDATE trading_disclosures SET asset_ticker = 'EVIL' WHERE row_ordinal = 1")
    loaded.execute(
        """UPDATE trading_disclosures SET raw_data = jsonb_set(raw_data, '{source_row,owner}', '"x"')
           WHERE row_ordinal = 3"""
    )
    reasons = [b.reason for b in verify_partition(loaded, "senate_efd", DAY).breaks]
    assert any("in asset_ticker" in reason for reason in reasons)
    assert any("what it keeps of the source" in reason for reason in reasons)


def test_a_changed_step_is_named(loaded: Connection) -> None:
    _tamper(loaded, "UPDATE disclosure_provenance SET output_hash = repeat('0', 64) WHERE step_no = 4")
    found = verify_partition(loaded, "senate_efd", DAY).breaks
    assert {b.step_no for b in found} == {4}


def test_a_removed_last_load_is_found_by_the_root(loaded: Connection) -> None:
    _tamper(loaded, "DELETE FROM disclosure_provenance WHERE step_no > 8")
    reasons = [b.reason for b in verify_partition(loaded, "senate_efd", DAY).breaks]
    assert any("do not give the Merkle root" in reason for reason in reasons)
