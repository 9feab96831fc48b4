"""The order in which new disclosures are noticed: none is missed, whoever commits when."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from llm_pipeline.db.connection import connect
from llm_pipeline.validation.arrivals import Cursor, read_arrivals
from llm_pipeline_tests.waiting import until_settled

INSERT = "INSERT INTO trading_disclosures (asset_name, disclosure_date) VALUES (%s, %s)"
DAY = date(2024, 5, 6)


def arrivals_of(url, cursor=None, limit=100, *, wait=True):
    """Once the rows have settled: transactions of other tests on this server delay them."""
    if wait:
        until_settled(url)
    with connect(url) as conn:
        return read_arrivals(conn, cursor or Cursor(), limit)


def add(url, *days):
    with connect(url) as conn:
        for day in days:
            conn.execute(INSERT, ["a", day])


def test_a_row_that_commits_late_with_a_lower_number_is_not_missed(database_url):
    with connect(database_url) as slow:
        slow.execute(INSERT, ["slow", DAY])  # takes the lower sequence number and transaction id
        add(database_url, DAY)
        early = arrivals_of(database_url, wait=False)
        assert early.seen == 0  # the quick row waits for the slow one, else the cursor would pass it
        slow.commit()
    both = arrivals_of(database_url, early.cursor)
    assert (both.seen, both.pending_by_day) == (2, {DAY: 2})
    assert arrivals_of(database_url, both.cursor).seen == 0


def test_a_row_that_is_rolled_back_holds_nothing_up(database_url):
    with connect(database_url) as conn:
        conn.execute(INSERT, ["gone", DAY])
        conn.rollback()
    add(database_url, DAY)
    assert arrivals_of(database_url).seen == 1


def test_a_batch_ends_at_the_limit_and_the_next_goes_on(database_url):
    add(database_url, *(DAY + timedelta(days=n % 3) for n in range(10)))
    seen, cursor, sizes = dict.fromkeys((DAY + timedelta(days=n) for n in range(3)), 0), Cursor(), []
    while (found := arrivals_of(database_url, cursor, limit=4)).seen:
        sizes.append(found.seen)
        for day, count in found.pending_by_day.items():
            seen[day] += count
        cursor = Cursor.parse(str(found.cursor))
    assert sizes == [4, 4, 2]
    assert list(seen.values()) == [4, 3, 3]


def test_a_cursor_from_another_server_starts_again(database_url):
    add(database_url, DAY)
    ahead = Cursor(xid=2**40, seq=5)
    found = arrivals_of(database_url, ahead)
    assert found.seen == 1
    assert found.cursor.xid < ahead.xid
    assert arrivals_of(database_url, found.cursor).seen == 0


def test_rows_restored_from_another_server_are_seen_once(database_url):
    add(database_url, DAY)
    with connect(database_url) as conn:
        conn.execute(
            """INSERT INTO trading_disclosures (disclosure_date, ingest_xid, ingest_seq)
               SELECT %s, '999999999', n FROM generate_series(70, 75) n""",
            [DAY],
        )
    cursor, sizes = Cursor(), []
    while (found := arrivals_of(database_url, cursor, limit=4)).seen:
        sizes.append(found.seen)
        cursor = found.cursor
    assert sizes == [4, 3]
    add(database_url, DAY)
    assert arrivals_of(database_url, cursor).seen == 1


def test_what_is_decided_deleted_or_superseded_is_seen_but_asks_for_no_run(database_url):
    add(database_url, *(DAY + timedelta(days=n) for n in range(4)))
    with connect(database_url) as conn:
        for n, change in enumerate(
            ("llm_validation_status = 'pass'", "deleted_at = now()", "superseded_by = 'another'")
        ):
            conn.execute(
                f"UPDATE trading_disclosures SET {change} WHERE disclosure_date = %s", [DAY + timedelta(days=n)]
            )
    found = arrivals_of(database_url)
    assert (found.seen, found.pending_by_day) == (4, {DAY + timedelta(days=3): 1})


NOW = datetime.now(UTC)
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("disclosed", "created", "day"),
    [
        (DAY, NOW, DAY),
        (DAY, LONG_AGO, DAY),
        (None, NOW - timedelta(days=9), (NOW - timedelta(days=9)).date()),
        (date(1999, 1, 1), NOW, NOW.date()),
        (NOW.date() + timedelta(days=1), NOW, NOW.date()),
        (date(2931, 1, 1), NOW, NOW.date()),
        ("infinity", NOW, NOW.date()),
        (None, None, NOW.date()),
        (None, LONG_AGO, date(2012, 1, 1)),
        (None, NOW + timedelta(days=400), NOW.date()),
        (NOW.date(), NOW, NOW.date()),
        (date(2012, 1, 1), NOW, date(2012, 1, 1)),
        (date(2011, 12, 31), NOW, NOW.date()),
    ],
)
def test_every_row_has_a_day_for_which_there_is_a_partition(disclosed, created, day, database_url):
    with connect(database_url) as conn:
        conn.execute(
            "INSERT INTO trading_disclosures (disclosure_date, created_at) VALUES (%s, %s)", [disclosed, created]
        )
    found = arrivals_of(database_url)
    # (midnight may pass while the test runs)
    assert set(found.pending_by_day) <= {day, datetime.now(UTC).date()} if day == NOW.date() else {day: 1}
    assert date(2012, 1, 1) <= next(iter(found.pending_by_day)) <= datetime.now(UTC).date()


def test_a_cursor_survives_being_text():
    assert Cursor.parse(str(Cursor(12, 34))) == Cursor(12, 34)
    assert Cursor.parse(None) == Cursor.parse("") == Cursor()


@pytest.mark.parametrize("text", ["12", "a.b", "1.2.3", "1.", "-1.2", "1.2\n", "2024-05-06"])
def test_a_text_that_is_no_cursor_is_refused_with_what_to_do(text):
    with pytest.raises(ValueError, match="reset it in the UI"):
        Cursor.parse(text)
