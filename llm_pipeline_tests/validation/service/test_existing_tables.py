"""The gate on tables that another product made and still writes to: decided in their own types, else unchanged."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

import llm_pipeline_tests.db as db_tests
from llm_pipeline.db.connection import connect
from llm_pipeline.db.migrations import migrate
from llm_pipeline_tests.db.test_existing_database import COLUMNS
from llm_pipeline_tests.validation.service.runs import failures, query, settings, statuses, validate

EXISTING = (Path(db_tests.__file__).parent / "existing.sql").read_text()
OURS = ("llm_validation_status", "llm_validated_at")

THEIR_ROWS = """
    UPDATE politicians SET is_active = true;
    INSERT INTO trading_disclosures (id, politician_id, transaction_date, disclosure_date, transaction_type, asset_name,
        asset_ticker, asset_type, amount_range_min, amount_range_max, source_url, source_document_id, created_at)
    VALUES
    ('00000000-0000-4000-8000-00000000aa01', 'p-1', '2024-03-05 00:00Z', '2024-03-20 14:00Z', 'purchase',
     'Apple Inc.', 'AAPL', 'stock', 1001, 15000,
     'https://efdsearch.senate.gov/search/view/ptr/0c7a9bf3-52d1-4c38-8f0e-64a1d37f9c05/', 'doc-a', now()),
    ('00000000-0000-4000-8000-00000000aa02', 'p-2', '2024-03-05 00:00Z', '2024-06-20 14:00Z', 'sale_partial',
     'Microsoft Corporation', 'MSFT', 'Stock', 15001, 50000,
     'https://disclosures-clerk.house.gov/public_disc/ptr-pdfs/2024/20024001.pdf', 'doc-b', now()),
    ('00000000-0000-4000-8000-00000000aa03', 'p-1', '2024-05-05 00:00Z', '2024-04-20 14:00Z', 'sale',
     'Apple Inc.', 'AAPL', 'Stock', 1001, 15000, NULL, 'doc-c', now()),
    ('00000000-0000-4000-8000-00000000aa04', 'p-1', '2024-03-05 09:30Z', '2024-03-22 14:00Z', 'PURCHASE',
     'Apple Inc.', 'AAPL', 'stock', 1001, 15000,
     'https://efdsearch.senate.gov/search/view/ptr/0c7a9bf3-52d1-4c38-8f0e-64a1d37f9c06/', 'doc-d', now())"""
GOOD, LATE, IMPOSSIBLE, AGAIN = (f"00000000-0000-4000-8000-00000000aa0{n}" for n in (1, 2, 3, 4))


@pytest.fixture
def existing(empty_database_url):
    with connect(empty_database_url) as conn:
        conn.execute(EXISTING)
        conn.execute(THEIR_ROWS)
    migrate(empty_database_url)
    return empty_database_url


def their_values(url, names):
    with connect(url) as conn:
        return {
            table: set(conn.execute(f"SELECT {', '.join(f'{name}::text' for name in columns)} FROM {table}").fetchall())
            for table, columns in names.items()
        }


def their_columns(url):
    """Columns by table, without those that their own trigger or we are to change."""
    with connect(url) as conn:
        found = conn.execute(f"SELECT relname, attname FROM ({COLUMNS}) AS c").fetchall()
    names: dict[str, list[str]] = {}
    for table, column in found:
        if not table.startswith(("llm_", "schema_")) and column not in (*OURS, "updated_at"):
            names.setdefault(table, []).append(column)
    return names


def test_their_pending_rows_get_verdicts(existing, tmp_path, honest):
    run = validate(existing, settings(tmp_path, honest.base_url))
    found = statuses(existing)
    assert found[GOOD] == "pass"  # "purchase", "stock", no method or time of extraction: they could not know
    assert found[LATE] == "flag"
    assert found[IMPOSSIBLE] == "reject"
    assert found[AGAIN] == "flag"  # the same trade on another document, its time of day differs
    deleted = {
        row["id"] for row in query(existing, "SELECT id::text FROM trading_disclosures WHERE deleted_at <= now()")
    }
    assert len(deleted) == 8
    assert {found[one] for one in deleted} == {"pending"}
    # Their forty plain rows lack kind and address of the asset: to be looked at, not unusable.
    assert Counter(found.values()) == {"pass": 1, "flag": 34, "reject": 1, "pending": 8}
    assert (run.report.selected, run.report.decided) == (36, 36)
    assert failures(existing) == {}
    assert run.account.conserved
    assert run.account.deleted == 8
    assert run.failed_checks == set()


def test_their_tables_take_the_reasons_in_their_own_types(existing, tmp_path, honest):
    validate(existing, settings(tmp_path, honest.base_url))
    issues = query(existing, "SELECT * FROM data_quality_issues WHERE record_id = %s", LATE)
    assert [(row["issue_type"], row["field_name"]) for row in issues] == [("late_filing", "filing_date")]
    assert isinstance(issues[0]["id"], int)  # bigserial
    (row,) = query(existing, "SELECT * FROM data_quality_quarantine WHERE original_record_id = %s", IMPOSSIBLE)
    assert row["quarantine_reason"].startswith("filing_before_trade")
    assert row["original_data"]["asset_name"] == "Apple Inc."
    assert row["original_data"]["importance"] == 3
    named = query(existing, "SELECT record_id::text FROM data_quality_issues WHERE id = ANY(%s)", row["issue_ids"])
    assert {one["record_id"] for one in named} == {IMPOSSIBLE}


def test_found_again_it_is_the_same_row_in_a_table_that_numbers_its_rows(existing, tmp_path, honest):
    used = settings(tmp_path, honest.base_url)
    validate(existing, used)
    issues = "SELECT id, record_id::text, issue_type, field_name, status FROM data_quality_issues ORDER BY id"
    quarantine = "SELECT id FROM data_quality_quarantine ORDER BY id"
    before, held = query(existing, issues), query(existing, quarantine)
    with connect(existing) as conn:
        conn.execute("UPDATE trading_disclosures SET llm_validation_status = 'pending'")
    run = validate(existing, used, run_id="run-2")
    assert run.report.decided == 36
    assert query(existing, issues) == before
    assert query(existing, quarantine) == held


def test_nothing_else_of_theirs_is_changed(existing, tmp_path, honest):
    names = their_columns(existing)
    before = their_values(existing, names)
    validate(existing, settings(tmp_path, honest.base_url))
    after = their_values(existing, names)
    assert {table for table in names if before[table] - after[table]} == set()
    added = {table for table in names if after[table] - before[table]}
    ours = {"prompt_versions", "prompt_activations", "ungrounded_claims"}
    assert added <= {"data_quality_issues", "data_quality_quarantine"} | ours


def test_texts_are_cut_to_their_columns(existing, tmp_path, honest):
    with connect(existing) as conn:
        conn.execute(
            "ALTER TABLE data_quality_issues ALTER issue_type TYPE varchar(9), ALTER description TYPE varchar(12)"
        )
        conn.execute("ALTER TABLE data_quality_quarantine ALTER quarantine_reason TYPE char(20)")
    used = settings(tmp_path, honest.base_url)
    run = validate(existing, used)
    assert run.report.decided == 36
    (issue,) = query(existing, "SELECT * FROM data_quality_issues WHERE record_id = %s", LATE)
    assert (issue["issue_type"], issue["description"]) == ("late_fili", "filed 107 da")
    (row,) = query(
        existing,
        "SELECT quarantine_reason AS reason FROM data_quality_quarantine WHERE original_record_id = %s",
        IMPOSSIBLE,
    )
    assert row["reason"] == "filing_before_trade:"


NUMBERED = """
    CREATE TABLE politicians (id bigint PRIMARY KEY, full_name text, role text);
    INSERT INTO politicians VALUES (1, 'Ann Example', 'U.S. Senator'), (2, 'Bob Sample', 'house member'),
        (3, 'Cid Other', 'Governor');
    CREATE TABLE trading_disclosures (
        id {id} PRIMARY KEY, politician_id bigint, transaction_date timestamp, disclosure_date timestamp,
        transaction_type text, asset_name text, asset_ticker text, asset_type text, amount_range_min double precision,
        amount_range_max double precision, amount_exact double precision, source_url text, deleted_at timestamptz
    );
    INSERT INTO trading_disclosures SELECT {make}, 1 + n % 2, '2024-03-05', '2024-03-20', 'Purchase',
        'Company ' || chr(64 + n), NULL, 'Corporate Bond', 1001, 15000, NULL, NULL
    FROM generate_series(1, 8) n;
    CREATE TABLE data_quality_issues (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), severity text, issue_type text,
        table_name text, record_id {id}, field_name text, description text, status text);
    CREATE TABLE data_quality_quarantine (id bigint GENERATED ALWAYS AS IDENTITY, table_name text,
        original_record_id {id}, quarantine_reason text, issue_ids jsonb, original_data json, status text)"""
ODD = """
    UPDATE trading_disclosures SET amount_range_min = 'NaN' WHERE asset_name = 'Company A';
    UPDATE trading_disclosures SET amount_range_max = 'Infinity' WHERE asset_name = 'Company B';
    UPDATE trading_disclosures SET amount_range_min = NULL, amount_range_max = NULL, amount_exact = 5000
        WHERE asset_name = 'Company C';
    UPDATE trading_disclosures SET amount_range_min = 1001.5 WHERE asset_name = 'Company D';
    UPDATE trading_disclosures SET politician_id = 3 WHERE asset_name = 'Company E';
    UPDATE trading_disclosures SET transaction_date = 'infinity' WHERE asset_name = 'Company F'"""


@pytest.mark.parametrize(("kind", "make"), [("text", "'row ' || n"), ("bigint", "n"), ("uuid", "gen_random_uuid()")])
def test_ids_of_any_type(kind, make, empty_database_url, tmp_path, honest):
    with connect(empty_database_url) as conn:
        conn.execute(NUMBERED.format(id=kind, make=make))
        conn.execute(ODD)
    migrate(empty_database_url)
    run = validate(empty_database_url, settings(tmp_path, honest.base_url))
    assert (run.report.selected, run.report.decided) == (8, 8)
    assert run.account.conserved
    found = query(
        empty_database_url,
        """SELECT right(d.asset_name, 1) AS name, d.llm_validation_status AS status,
                  COALESCE(array_agg(i.issue_type || ' ' || i.field_name ORDER BY 1)
                           FILTER (WHERE i.field_name <> 'source_url'), '{}') AS issues
           FROM trading_disclosures d LEFT JOIN data_quality_issues i ON i.record_id = d.id GROUP BY 1, 2""",
    )
    assert {row["name"]: (row["status"], *row["issues"]) for row in found} == {
        "A": ("flag", "nonstandard_amount amount_range"),
        "B": ("flag", "nonstandard_amount amount_range"),
        "C": ("flag", "nonstandard_amount amount_range"),
        "D": ("flag", "nonstandard_amount amount_range"),
        "E": ("reject", "wrong_enum filer_chamber"),
        "F": ("reject", "impossible_date transaction_date"),
        "G": ("flag",),
        "H": ("flag",),
    }
    (held,) = query(
        empty_database_url, "SELECT jsonb_array_length(issue_ids) AS n FROM data_quality_quarantine LIMIT 1"
    )
    assert held["n"] > 0
