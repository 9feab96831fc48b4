"""What the database itself guarantees: append-only tables, fixed prompts, the sensor's order, readers."""

from __future__ import annotations

from uuid import uuid4

import psycopg
import pytest

from llm_pipeline.db.connection import connect
from llm_pipeline.db.migrations import migrate
from llm_pipeline_tests.waiting import until_settled

STEP = (
    "INSERT INTO disclosure_provenance"
    " (disclosure_id, step_no, step, step_version, input_hash, output_hash, chain_hash)"
    " VALUES ('d', %s, 'extract', '1', 'a', 'b', 'c')"
)
ROOT = (
    "INSERT INTO provenance_roots (source, partition_date, disclosure_count, merkle_root)"
    " VALUES ('senate', '2020-01-02', 1, 'r')"
)
PROMPT = (
    "INSERT INTO prompt_versions (interrogation, version, template_sha256, template, status)"
    " VALUES ('validation_gate', %s, 'h', 'text', %s)"
)


@pytest.mark.parametrize("mode", ["origin", "replica"])
@pytest.mark.parametrize(
    "change",
    ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {}", "UPDATE {} SET id = id WHERE false"],
)
@pytest.mark.parametrize("table", ["disclosure_provenance", "provenance_roots"])
def test_the_provenance_is_append_only(db, table, change, mode):
    db.execute(STEP, [0])
    db.execute(ROOT)
    db.execute(f"SET LOCAL session_replication_role = {mode}")
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match=f"{table} is refused: .* append-only"):
        db.execute(change.format(table))


def test_a_step_cannot_be_written_twice(db):
    db.execute(STEP, [0])
    db.execute(STEP, [1])
    with pytest.raises(psycopg.errors.UniqueViolation):
        db.execute(STEP, [1])


def test_a_prompt_version_keeps_its_text_but_may_change_its_status(db):
    db.execute(PROMPT, ["1.0.0", "candidate"])
    db.execute("UPDATE prompt_versions SET status = 'active', activated_at = now()")
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="new version"):
        db.execute("UPDATE prompt_versions SET template = 'other'")


def test_an_interrogation_has_one_active_prompt(db):
    db.execute(PROMPT, ["1.0.0", "active"])
    db.execute(PROMPT, ["1.1.0", "candidate"])
    with pytest.raises(psycopg.errors.UniqueViolation):
        db.execute("UPDATE prompt_versions SET status = 'active'")


def test_a_row_is_settled_only_when_no_older_transaction_can_add_one_before_it(database_url):
    """The incident guarded against: number 1 commits after number 2 was read, and is never looked at."""
    insert = "INSERT INTO trading_disclosures (asset_name) VALUES ('x') RETURNING ingest_seq"
    read = "SELECT ingest_seq FROM settled_disclosures WHERE (ingest_xid, ingest_seq) > (%s, %s)"
    read += " ORDER BY ingest_xid, ingest_seq"
    with connect(database_url) as slow, connect(database_url) as fast, connect(database_url) as sensor:
        assert slow.execute(insert).fetchone() == (1,)
        assert fast.execute(insert).fetchone() == (2,)
        fast.commit()
        assert sensor.execute(read, ["0", 0]).fetchall() == []
        sensor.commit()
        slow.commit()
        until_settled(database_url)
        assert sensor.execute(read, ["0", 0]).fetchall() == [(1,), (2,)]


def test_rows_restored_from_another_server_are_settled(db):
    db.execute("INSERT INTO trading_disclosures (ingest_xid) VALUES ('9000000000000')")
    db.commit()
    assert db.execute("SELECT count(*) FROM settled_disclosures").fetchone() == (1,)


def signals_seen_by(connection, role, relation="trading_signals"):
    connection.execute(f"SET LOCAL ROLE {role}")
    seen = [ticker for (ticker,) in connection.execute(f"SELECT ticker FROM {relation} ORDER BY ticker")]
    connection.execute("RESET ROLE")
    return seen


def add_signals(connection):
    connection.execute(
        "INSERT INTO trading_signals (ticker, signal_type, source, review_status) VALUES"
        " ('OK', 'buy', 'llm_anomaly_detection', 'approved'),"
        " ('NO', 'buy', 'llm_anomaly_detection', 'rejected'),"
        " ('WAIT', 'buy', 'llm_anomaly_detection', 'pending')"
    )


def test_anonymous_readers_see_only_approved_signals(with_roles):
    migrate(with_roles)
    with connect(with_roles) as connection:
        connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO anon")  # as Supabase does
        add_signals(connection)
        assert signals_seen_by(connection, "anon") == ["OK"]
        assert signals_seen_by(connection, "anon", "approved_trading_signals") == ["OK"]
        assert signals_seen_by(connection, "service_role") == ["NO", "OK", "WAIT"]
        assert signals_seen_by(connection, "postgres") == ["NO", "OK", "WAIT"]


@pytest.mark.parametrize("security", ["DISABLE", "ENABLE"])
def test_signals_of_a_found_table_stay_visible_and_ours_only_once_approved(with_roles, security):
    with connect(with_roles) as connection:
        connection.execute("CREATE TABLE trading_signals (id serial PRIMARY KEY, ticker text, signal_type text)")
        connection.execute("GRANT SELECT ON trading_signals TO anon")
        connection.execute(f"ALTER TABLE trading_signals {security} ROW LEVEL SECURITY")
        connection.execute("CREATE POLICY theirs ON trading_signals USING (true)")
        connection.execute("INSERT INTO trading_signals (ticker) VALUES ('THEIRS')")
    migrate(with_roles)
    with connect(with_roles) as connection:
        add_signals(connection)
        connection.execute("INSERT INTO trading_signals (ticker, source) VALUES ('UNSET', 'llm_anomaly_detection')")
        assert signals_seen_by(connection, "anon") == ["OK", "THEIRS"]
        assert signals_seen_by(connection, "anon", "approved_trading_signals") == ["OK"]


def test_anonymous_readers_see_nothing_else_of_ours(with_roles):
    migrate(with_roles)
    with connect(with_roles) as connection:
        connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO anon")
        connection.execute(STEP, [0])
        connection.execute("INSERT INTO llm_audit_trail (service_name, status) VALUES ('s', 'ok')")
        connection.execute("INSERT INTO politicians (full_name) VALUES ('Ann Example')")
        connection.execute("INSERT INTO trading_disclosures (asset_name) VALUES ('A')")
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        connection.execute("SET LOCAL ROLE anon")
        seen = {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for (name,) in tables}
        assert connection.execute("SELECT count(*) FROM settled_disclosures").fetchone() == (0,)
    assert {name for name, count in seen.items() if count} == set()
    assert len(seen) >= 32


def test_the_service_role_works_on_our_tables_but_cannot_rewrite_provenance(with_roles):
    migrate(with_roles)
    with connect(with_roles) as connection:
        connection.execute("SET LOCAL ROLE service_role")
        connection.execute(
            "INSERT INTO llm_jobs (job_id, interrogation_key, input_json) VALUES (%s, 'k', '{}')", [uuid4()]
        )
        connection.execute(STEP, [0])
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation):
            connection.execute("DELETE FROM disclosure_provenance")


def test_without_those_roles_there_is_no_policy(db):
    assert db.execute("SELECT count(*) FROM pg_policies WHERE 'anon' = ANY (roles)").fetchone() == (0,)


def test_every_table_has_row_security_that_its_owner_bypasses(db):
    tables = db.execute(
        """SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_class
           WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"""
    ).fetchall()
    assert len(tables) >= 32
    assert [name for name, enabled, forced in tables if not enabled or forced] == []
