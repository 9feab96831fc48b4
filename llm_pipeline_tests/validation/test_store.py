"""What the gate reads and counts: whose turn it is, who stands where, and that odd rows break nothing."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest
from psycopg.rows import dict_row

from llm_pipeline.db.connection import async_pool, connect
from llm_pipeline.validation.record import ValidationRecord
from llm_pipeline.validation.report import Undecided
from llm_pipeline.validation.store import (
    account_for,
    apply_batch,
    count_overdue,
    pending_by_day,
    read_neighbours,
    read_page,
    read_shapes,
)
from llm_pipeline.validation.stored_rows import BatchResult, Decision
from llm_pipeline.validation.verdict import Verdict, VerdictIssue

DAY, NEXT = date(2024, 5, 6), date(2024, 5, 7)
NOW = datetime(2024, 5, 8, tzinfo=UTC)
AUDIT = "00000000-0000-4000-8000-0000000000ff"
STANDING = {
    "pending": "",
    "pass": "llm_validation_status = 'pass'",
    "deleted": "deleted_at = now()",
    "superseded": "superseded_by = 'another'",
    "decided and then superseded": "superseded_by = 'another', llm_validation_status = 'pass'",
}


def ident(n):
    return f"00000000-0000-4000-8000-{n:012d}"


@pytest.fixture
def standing(database_url):
    with connect(database_url) as conn:
        for n, change in enumerate(STANDING.values()):
            conn.execute(
                "INSERT INTO trading_disclosures (id, disclosure_date, created_at) VALUES (%s, %s, %s)",
                [ident(n), DAY, NOW - timedelta(hours=5)],
            )
            if change:
                conn.execute(f"UPDATE trading_disclosures SET {change} WHERE id = %s", [ident(n)])
    return database_url


def page_of(url, start=DAY, end=NEXT, after=(-1, 0), now=NOW):
    async def read():
        async with async_pool(url, 1) as pool, pool.connection() as conn, conn.cursor(row_factory=dict_row) as cur:
            return await read_page(cur, start, end, after, 100, now)

    return asyncio.run(read())


def apply(url, result):
    async def write():
        async with async_pool(url, 1) as pool, pool.connection() as conn, conn.cursor(row_factory=dict_row) as cur:
            return await apply_batch(cur, result, NOW, "validation_gate", await read_shapes(cur))

    return asyncio.run(write())


def verdict(record_id, status, text="late"):
    issue = VerdictIssue(
        step="temporal",
        field="filing_date",
        issue_type="late_filing",
        severity="info",
        kind="finding",
        source="rules",
        description=text,
        reasoning="",
        suggested_action="review",
        expected=None,
        actual=text,
    )
    return Decision(Verdict(record_id, status, () if status == "pass" else (issue,), (), 9), AUDIT)


def test_only_what_is_in_force_and_pending_is_validated(standing):
    assert [one.record.record_id for one in page_of(standing)] == [ident(0)]
    with connect(standing) as conn:
        assert pending_by_day(conn) == {DAY: 1}
        assert count_overdue(conn, NOW, hours=4) == 1
        assert count_overdue(conn, NOW, hours=6) == 0


def test_every_disclosure_of_a_window_is_accounted_for_by_name(standing):
    with connect(standing) as conn:
        account = account_for(conn, DAY, NEXT)
        assert (account.total, account.passed, account.superseded, account.deleted) == (5, 2, 1, 1)
        assert (account.unexplained, account.unexplained_ids) == (1, (ident(0),))
        assert not account.conserved
        assert account_for(conn, DAY, NEXT, capped=True).conserved
        assert account_for(conn, NEXT, NEXT + timedelta(days=1)).total == 0


def test_a_verdict_without_its_reason_is_not_conserved(standing):
    with connect(standing) as conn:
        conn.execute("UPDATE trading_disclosures SET llm_validation_status = 'reject' WHERE id = %s", [ident(0)])
        account = account_for(conn, DAY, NEXT)
        assert (account.rejected, account.rejected_without_quarantine, account.conserved) == (1, 1, False)
        conn.execute("UPDATE trading_disclosures SET llm_validation_status = 'flag' WHERE id = %s", [ident(0)])
        account = account_for(conn, DAY, NEXT)
        assert (account.flagged, account.flagged_without_issue, account.conserved) == (1, 1, False)


def test_verdicts_go_only_to_what_still_waits(standing):
    decisions = tuple(verdict(ident(n), "reject") for n in range(len(STANDING)))
    stored = apply(standing, BatchResult(decisions))
    assert stored.decided == {ident(0)}
    with connect(standing) as conn:
        assert conn.execute("SELECT original_record_id FROM data_quality_quarantine").fetchall() == [(ident(0),)]
        assert conn.execute("SELECT record_id FROM data_quality_issues").fetchall() == [(ident(0),)]
        (status,) = conn.execute(
            "SELECT original_data ->> 'llm_validation_status' FROM data_quality_quarantine"
        ).fetchone()
        assert status == "pending"  # the row as it was


def test_a_failure_is_noted_only_of_what_still_waits_and_counts_its_tries(standing):
    failed = BatchResult(undecided=tuple(Undecided(ident(n), "Refusal", "no") for n in range(len(STANDING))))
    assert apply(standing, failed).failed == {ident(0)}
    assert apply(standing, failed).failed == {ident(0)}
    with connect(standing) as conn:
        rows = conn.execute("SELECT disclosure_id, attempts, last_error_class FROM validation_failures").fetchall()
        assert rows == [(ident(0), 2, "Refusal")]
        assert account_for(conn, DAY, NEXT).failed == 1
    assert [one.failed_before for one in page_of(standing, now=NOW + timedelta(hours=1))] == [1]
    assert page_of(standing)[0].failed_before == 0  # this very run's failure


def test_hostile_text_is_stored_not_refused(standing):
    text = "NUL \x00 lone \ud800 {{ braces }} %s ' \" \\ \u202e " + "x" * 100_000
    assert apply(standing, BatchResult((verdict(ident(0), "reject", text),))).decided == {ident(0)}
    with connect(standing) as conn:
        (stored,) = conn.execute("SELECT description FROM data_quality_issues").fetchone()
    assert stored.startswith("NUL \u2400 lone \ufffd {{ braces }} %s ' \" \\")


def test_the_same_issue_twice_in_one_verdict_is_one_row(standing):
    twice = verdict(ident(0), "flag")
    twice = Decision(Verdict(ident(0), "flag", twice.verdict.issues * 2, (), 9), AUDIT)
    assert apply(standing, BatchResult((twice,))).decided == {ident(0)}
    with connect(standing) as conn:
        assert conn.execute("SELECT count(*) FROM data_quality_issues").fetchone() == (1,)


def neighbours_of(url, *records):
    async def read():
        async with async_pool(url, 1) as pool, pool.connection() as conn, conn.cursor(row_factory=dict_row) as cur:
            return await read_neighbours(cur, [ValidationRecord(one) for one in records])

    return sorted(str(one.ticker) for one in asyncio.run(read()))


@pytest.fixture
def one_day(database_url):
    """One filer's trades of one day under many tickers, the first of them asked about; and one of the day after."""
    filer = ident(999)
    with connect(database_url) as conn:
        conn.execute("INSERT INTO politicians (id, full_name) VALUES (%s, 'Ann Example')", [filer])
        tickers = ["BRK.B", "brk b", " BRK/B", "BRK$B", "AAPL", None, "--", "N/A", "BRK.B"]
        for n, ticker in enumerate(tickers):
            day = NEXT if n == len(tickers) - 1 else DAY
            conn.execute(
                """INSERT INTO trading_disclosures (id, politician_id, transaction_date, asset_ticker, asset_name)
                   VALUES (%s, %s, %s, %s, 'x')""",
                [ident(n), filer, day, ticker],
            )
    return database_url


def test_neighbours_are_what_may_be_the_same_asset_on_the_same_day(one_day):
    assert neighbours_of(one_day, ident(0)) == [" BRK/B", "--", "BRK$B", "N/A", "None", "brk b"]
    # A record without a ticker may be any of them.
    assert neighbours_of(one_day, ident(5)) == [" BRK/B", "--", "AAPL", "BRK$B", "BRK.B", "N/A", "brk b"]
    assert neighbours_of(one_day, ident(0), ident(5), ident(1)) == [" BRK/B", "--", "AAPL", "BRK$B", "N/A"]
    assert neighbours_of(one_day, ident(8)) == []
    with connect(one_day) as conn:
        conn.execute("UPDATE trading_disclosures SET llm_validation_status = 'reject' WHERE asset_ticker LIKE 'brk%'")
        conn.execute("UPDATE trading_disclosures SET superseded_by = 'x' WHERE asset_ticker LIKE '%/_'")
    assert neighbours_of(one_day, ident(0)) == ["--", "BRK$B", "None"]


def test_an_empty_batch_is_nothing(standing):
    stored = apply(standing, BatchResult())
    assert (stored.decided, stored.failed) == (frozenset(), frozenset())
