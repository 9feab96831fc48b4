"""What a reader without an account can reach, on a server whose default privileges hand every new relation to it."""

from __future__ import annotations

import psycopg
import pytest

from llm_pipeline.db.connection import connect
from llm_pipeline.db.migrations import migrate
from llm_pipeline_tests.anomalies.stored import Row, disclosure_id, store
from llm_pipeline_tests.review.scene import DISCLOSED, FILER, TRADED, review, signal

AS_SUPABASE = """
    ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO anon, service_role;
    ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON SEQUENCES TO anon, service_role;
    ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON FUNCTIONS TO anon, service_role"""

PUBLIC_VIEWS = {"approved_trading_signals", "approved_anomaly_signals"}

# Relations that show anon rows: a table without row security or with a policy for anon or everybody; a view that reads
# with its owner's rights; a materialised view or foreign table, which know no row security.
READABLE = """
    SELECT c.relname FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
      AND has_table_privilege('anon', c.oid, 'SELECT')
      AND CASE WHEN c.relkind IN ('r', 'p') THEN NOT c.relrowsecurity OR EXISTS (
                   SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polpermissive
                     AND p.polroles && ARRAY[0, 'anon'::regrole]::oid[])
               WHEN c.relkind = 'v' THEN NOT COALESCE(c.reloptions, '{}') && ARRAY['security_invoker=true',
                                                                                  'security_invoker=on']
               ELSE true END"""


@pytest.fixture
def public(with_roles):
    with connect(with_roles) as conn:
        conn.execute(AS_SUPABASE)
    migrate(with_roles)
    with connect(with_roles) as conn:
        yield conn


def as_anon(conn, query):
    conn.execute("SET LOCAL ROLE anon")
    found = conn.execute(query).fetchall()
    conn.execute("RESET ROLE")
    return found


def test_nothing_but_the_approved_views_and_signals_is_readable(public):
    """Fails for any table or view of a later migration that anonymous readers could read."""
    assert {name for (name,) in public.execute(READABLE)} == PUBLIC_VIEWS | {"trading_signals"}


def test_the_watch_over_readable_relations_sees_each_way_of_leaking(public):
    public.execute("CREATE TABLE open_table (a int)")
    public.execute("CREATE TABLE with_policy (a int)")
    public.execute("ALTER TABLE with_policy ENABLE ROW LEVEL SECURITY")
    public.execute("CREATE POLICY all_see ON with_policy USING (true)")
    public.execute("CREATE VIEW owners_view AS SELECT * FROM review_decisions")
    public.execute("CREATE MATERIALIZED VIEW stored_view AS SELECT 1 AS a")
    public.execute("CREATE VIEW harmless_view WITH (security_invoker = true) AS SELECT * FROM review_decisions")
    leaks = {name for (name,) in public.execute(READABLE)} - PUBLIC_VIEWS - {"trading_signals"}
    assert leaks == {"open_table", "with_policy", "owners_view", "stored_view"}


def test_no_table_of_ours_can_be_emptied_or_written(public):
    """TRUNCATE knows no row security. Tables that another installation may have brought keep their own grants."""
    found = public.execute(
        """SELECT c.relname FROM pg_class c
           WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
             AND has_table_privilege('anon', c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')"""
    ).fetchall()
    shared = {"politicians", "trading_disclosures", "trading_signals", "positions"}
    shared |= {"data_quality_issues", "data_quality_quarantine", "data_quality_corrections"}
    assert {name for (name,) in found} <= shared


def test_no_function_of_ours_lends_its_owners_rights(public):
    lending = public.execute(
        "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef"
    ).fetchall()
    assert lending == []


def test_a_signal_is_public_from_its_approval_until_it_is_withdrawn(public):
    store(public, [Row("one", FILER, TRADED, DISCLOSED, status="pass")])
    item_id = signal(public, "a", ["one"])
    other = signal(public, "b", ["one"])
    public.execute(
        """INSERT INTO trading_signals (ticker, signal_type, source, anomaly_signal_id)
           VALUES ('AAPL', 'buy', 'llm_anomaly_detection', %s), ('MSFT', 'buy', 'llm_anomaly_detection', %s)""",
        [item_id, other],
    )
    public.commit()
    signals = "SELECT signal_id, trades_involved -> 0 ->> 'record_id' FROM approved_anomaly_signals"
    tickers = "SELECT ticker FROM trading_signals UNION ALL SELECT ticker FROM approved_trading_signals"
    assert (as_anon(public, signals), as_anon(public, tickers)) == ([], [])
    review(public, item_id, "approved")
    assert as_anon(public, signals) == [(item_id, disclosure_id("one"))]
    assert as_anon(public, tickers) == [("AAPL",)] * 2
    public.execute("UPDATE llm_anomaly_signals SET status = 'withdrawn' WHERE signal_id = %s", [item_id])
    assert (as_anon(public, signals), as_anon(public, tickers)) == ([], [])


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM llm_anomaly_signals",
        "SELECT * FROM review_decisions",
        "SELECT * FROM llm_audit_trail",
        "SELECT * FROM settled_review_decisions",
        "TRUNCATE llm_anomaly_signals",
        "TRUNCATE anomaly_candidates",
        "INSERT INTO review_decisions (kind, item_id, decision, reviewed_by, reviewed_at, why, previous_state, content,"
        " content_sha256) VALUES ('signal', 's', 'approved', 'me', now(), 'so', 'pending', '{}', 'x')",
        "UPDATE llm_anomaly_signals SET review_status = 'approved'",
        "UPDATE approved_anomaly_signals SET reasoning = 'x'",
    ],
)
def test_what_is_inside_refuses_them_outright(public, statement):
    public.execute("SET LOCAL ROLE anon")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        public.execute(statement)


@pytest.mark.parametrize("table", ["data_quality_quarantine", "data_quality_issues", "trading_disclosures"])
def test_records_and_what_was_found_on_them_show_no_row(public, table):
    store(public, [Row("one", FILER, TRADED, DISCLOSED, status="reject")])
    public.execute("INSERT INTO data_quality_quarantine (table_name, original_record_id) VALUES ('t', 'x')")
    public.execute("INSERT INTO data_quality_issues (table_name, record_id) VALUES ('t', 'x')")
    assert as_anon(public, f"SELECT 1 FROM {table}") == []


def test_the_service_role_reviews_but_rewrites_no_decision(public):
    item_id = signal(public, "a")
    public.execute("SET LOCAL ROLE service_role")
    public.execute("UPDATE llm_anomaly_signals SET review_status = 'approved' WHERE signal_id = %s", [item_id])
    with pytest.raises(psycopg.Error, match=r"append-only|permission denied"):
        public.execute("UPDATE review_decisions SET why = 'x'")
