"""The migrations on a database that another product made and still writes to: theirs stays as it is."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from llm_pipeline.db.bulk import as_jsonb_rows
from llm_pipeline.db.connection import connect
from llm_pipeline.db.migrations import migrate
from llm_pipeline_tests.waiting import until_settled

EXISTING = Path(__file__).with_name("existing.sql").read_text()
COLUMNS = """
    SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attgenerated::text,
           pg_get_expr(d.adbin, d.adrelid), col_description(a.attrelid, a.attnum)
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'"""
RULES = """
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), convalidated FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT tablename, indexname, indexdef, true FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(oid), tgenabled = 'O' FROM pg_trigger
    WHERE NOT tgisinternal
    UNION ALL SELECT c.relname, 'comment', obj_description(c.oid, 'pg_class'), true FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND obj_description(c.oid, 'pg_class') IS NOT NULL"""


@pytest.fixture
def existing(empty_database_url):
    with connect(empty_database_url) as connection:
        connection.execute(EXISTING)
    return empty_database_url


def columns_of(connection):
    found = {}
    for table, column in connection.execute(f"SELECT relname, attname FROM ({COLUMNS}) AS c").fetchall():
        found.setdefault(table, []).append(column)
    return found


def dump(connection, columns):
    """Every value of the given columns as text, with each row's place in its table."""
    return {
        table: connection.execute(
            f"SELECT {', '.join(f'{name}::text' for name in names)} FROM {table} ORDER BY ctid"
        ).fetchall()
        for table, names in columns.items()
    }


def test_nothing_of_theirs_is_lost_or_changed(existing):
    with connect(existing) as connection:
        names = columns_of(connection)
        rows = dump(connection, names)
        columns = set(connection.execute(COLUMNS))
        rules = set(connection.execute(RULES))
    migrate(existing)
    assert migrate(existing) == []
    with connect(existing) as connection:
        assert dump(connection, names) == rows
        assert columns - set(connection.execute(COLUMNS)) == set()
        assert rules - set(connection.execute(RULES)) == set()
    assert len(rows["trading_disclosures"]) == 40


def test_a_found_table_gets_no_rule_on_a_column_it_already_had(existing):
    with connect(existing) as connection:
        before = set(connection.execute(RULES))
    migrate(existing)
    with connect(existing) as connection:
        added = {rule[:3] for rule in set(connection.execute(RULES)) - before}
        theirs = {table for table, *_ in before}
    checks = {name: text for table, name, text in added if table in theirs and text.startswith(("CHECK", "FOREIGN"))}
    ours = (
        "chamber",
        "llm_validation_status",
        "extraction_method",
        "source",
        "kind",
        "confidence",
        "review_status",
    )
    assert [name for name in checks if not name.removesuffix("_check").endswith(ours)] == []


def test_existing_rows_are_pending_and_in_the_sensors_sequence(existing):
    migrate(existing)
    with connect(existing) as connection:
        counts = connection.execute(
            "SELECT count(*), count(DISTINCT ingest_seq),"
            " count(*) FILTER (WHERE llm_validation_status = 'pending') FROM trading_disclosures"
        ).fetchone()
        connection.commit()
        until_settled(existing)
        settled = connection.execute("SELECT count(*) FROM settled_disclosures").fetchone()
    assert counts == (40, 40, 40)
    assert settled == (32,)  # every fifth is deleted


def test_other_writers_go_on_writing_without_knowing_our_columns(existing):
    migrate(existing)
    with connect(existing) as connection:
        connection.execute("CREATE ROLE other_writer")
        connection.execute("GRANT SELECT, INSERT ON trading_disclosures TO other_writer")
        connection.execute("SET LOCAL ROLE other_writer")
        inserted = connection.execute(
            "INSERT INTO trading_disclosures (politician_id, disclosure_date, transaction_type, asset_name)"
            " VALUES ('p-1', now(), 'sale', 'New') RETURNING ingest_seq, llm_validation_status, source"
        ).fetchone()
        connection.rollback()
    assert inserted == (41, "pending", None)


def test_our_rows_take_their_types(existing):
    migrate(existing)
    row = {
        "id": "00000000-0000-5000-8000-000000000001", "politician_id": "p-1", "disclosure_date": "2020-03-04",
        "transaction_type": "Purchase", "asset_name": "A", "amount_range_min": 1001,
        "raw_data": {"x": "\x00"}, "source": "senate", "source_document_id": "d", "row_ordinal": 1,
    }  # fmt: skip
    names = ", ".join(row)
    with connect(existing) as connection:
        insert = (
            f"INSERT INTO trading_disclosures ({names}) SELECT {names}"
            " FROM jsonb_populate_recordset(NULL::trading_disclosures, %s)"
        )
        connection.execute(insert, [as_jsonb_rows([row])])
        read = "SELECT id::text, disclosure_date::date::text FROM trading_disclosures WHERE source = 'senate'"
        assert connection.execute(read).fetchone() == (row["id"], "2020-03-04")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute(insert, [as_jsonb_rows([row | {"id": "00000000-0000-5000-8000-000000000002"}])])


def test_only_some_of_the_tables_may_exist(empty_database_url):
    with connect(empty_database_url) as connection:
        connection.execute("CREATE TABLE politicians (id bigint PRIMARY KEY, full_name text)")
        connection.execute("INSERT INTO politicians VALUES (7, 'Ann Example')")
    migrate(empty_database_url)
    with connect(empty_database_url) as connection:
        joined = connection.execute(
            "WITH added AS"
            " (INSERT INTO trading_disclosures (politician_id) VALUES (7) RETURNING politician_id)"
            " SELECT full_name FROM added JOIN politicians ON politicians.id = politician_id"
        ).fetchone()
    assert joined == ("Ann Example",)
