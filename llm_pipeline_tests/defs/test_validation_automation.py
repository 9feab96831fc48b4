"""When validation runs by itself: the hourly schedule and the sensor, on rows that somebody else wrote."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import dagster as dg
import pytest

from llm_pipeline.db.connection import connect
from llm_pipeline.defs.resources import PostgresResource
from llm_pipeline.defs.validation.automation import due_windows, in_calendar
from llm_pipeline.validation.arrivals import Cursor
from llm_pipeline.validation.planning import DayWindow
from llm_pipeline_tests.defs.runs import checks, location, range_tags, rows, tick_of, windows
from llm_pipeline_tests.waiting import until_settled

NOW = datetime(2026, 3, 4, 5, 30, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=20)
DAY = date(2025, 3, 10)


@pytest.fixture(scope="module")
def repository():
    return location().get_repository_def()


@pytest.fixture
def url(database_url, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", database_url)
    with connect(database_url) as conn:
        conn.execute("INSERT INTO politicians (id, full_name, role) VALUES (%s, 'Ann Other', 'Senator')", [uuid4()])
    return database_url


def write(url, day, count=1, *, created_at=None, status="pending"):
    """Rows as another program writes them: without source, ledger or provenance."""
    with connect(url) as conn:
        for _ in range(count):
            conn.execute(
                """INSERT INTO trading_disclosures (id, politician_id, transaction_date, disclosure_date,
                       transaction_type, asset_name, asset_ticker, amount_range_min, amount_range_max, created_at,
                       llm_validation_status)
                   SELECT %s, id, DATE '2025-01-06', %s, 'Purchase', 'Apple Inc.', 'AAPL', 1001, 15000,
                          COALESCE(%s, now()), %s FROM politicians""",
                [uuid4(), day, created_at, status],
            )
    until_settled(url)


def hourly(repository, instance):
    with dg.build_schedule_context(
        instance=instance,
        repository_def=repository,
        scheduled_execution_time=NOW,
        resources={"postgres": PostgresResource()},
    ) as context:
        return repository.get_schedule_def("validation_hourly").evaluate_tick(context)


def sensor_tick(repository, instance, cursor):
    return tick_of(repository, instance, "new_disclosures", cursor)


def execute(repository, instance, request):
    return repository.get_job("validation").execute_in_process(
        instance=instance, partition_key=request.partition_key, tags=dict(request.tags), raise_on_error=False
    )


def test_the_schedule_skips_when_nothing_is_pending(repository, instance, url):
    write(url, DAY, status="pass", created_at=NOW)
    tick = hourly(repository, instance)
    assert tick.run_requests == []
    assert tick.skip_message == "no disclosure is pending"


def test_the_schedule_asks_for_recent_days_and_older_pending_ones_oldest_first(repository, instance, url):
    write(url, DAY, created_at=NOW - timedelta(minutes=90))
    write(url, DAY + timedelta(days=1), created_at=NOW - timedelta(minutes=10))
    write(url, date(2024, 5, 6), created_at=LONG_AGO)
    write(url, date(2025, 9, 1), created_at=LONG_AGO)
    assert windows(hourly(repository, instance)) == [
        ("2024-05-06", "2024-05-06"),
        ("2025-03-10", "2025-03-11"),
        ("2025-09-01", "2025-09-01"),
    ]


def test_the_cap_leaves_older_days_to_the_next_hour_but_never_the_recent_ones(repository, instance, url, monkeypatch):
    monkeypatch.setenv("VALIDATION_RUN_CAP", "5")
    write(url, DAY, 3, created_at=NOW)
    write(url, date(2024, 5, 6), 2, created_at=LONG_AGO)
    write(url, date(2024, 8, 6), 1, created_at=LONG_AGO)
    assert windows(hourly(repository, instance)) == [("2024-05-06", "2024-05-06"), ("2025-03-10", "2025-03-10")]


def test_days_far_apart_never_become_more_than_a_handful_of_runs(repository, instance, url):
    for month in range(1, 11):
        for year in (2022, 2023, 2024):
            write(url, date(year, month, 15), created_at=LONG_AGO)
    asked = windows(hourly(repository, instance))
    assert len(asked) == 12
    assert (asked[0][0], asked[-1][1]) == ("2022-01-15", "2024-10-15")


def test_recent_days_go_first_and_one_older_day_takes_what_room_is_left():
    older, oldest = date(2024, 1, 2), date(2023, 1, 3)
    recent = {DAY: 4}
    pending = {DAY: 4, older: 3, oldest: 2}
    assert due_windows(recent, pending, cap=4) == [DayWindow(DAY, DAY, 4)]
    assert due_windows(recent, pending, cap=5) == [DayWindow(oldest, oldest, 2), DayWindow(DAY, DAY, 4)]
    assert due_windows(recent, pending, cap=9) == [
        DayWindow(oldest, oldest, 2),
        DayWindow(older, older, 3),
        DayWindow(DAY, DAY, 4),
    ]


def test_only_days_of_the_calendar_are_asked_for():
    pending = {date(2011, 12, 31): 1, date(2012, 1, 1): 2, NOW.date(): 3, NOW.date() + timedelta(days=1): 4}
    assert in_calendar(pending, NOW.date()) == {date(2012, 1, 1): 2, NOW.date(): 3}


def test_the_sensor_notices_rows_that_others_write_and_asks_once(repository, instance, url):
    assert sensor_tick(repository, instance, None).skip_message == "no new disclosures"
    write(url, DAY, 2)
    write(url, DAY + timedelta(days=1))
    write(url, date(2025, 9, 1), status="pass")
    tick = sensor_tick(repository, instance, None)
    assert windows(tick) == [("2025-03-10", "2025-03-11")]
    (request,) = tick.run_requests
    assert request.run_key == f"{tick.cursor}:2025-03-10...2025-03-11"
    assert str(Cursor.parse(tick.cursor)) == tick.cursor

    again = sensor_tick(repository, instance, tick.cursor)
    assert (again.run_requests, again.skip_message) == ([], "no new disclosures")

    write(url, DAY)
    later = sensor_tick(repository, instance, tick.cursor)
    assert windows(later) == [("2025-03-10", "2025-03-10")]
    assert later.run_requests[0].run_key != request.run_key


def test_new_rows_of_which_none_is_pending_ask_for_nothing_and_are_not_looked_at_again(repository, instance, url):
    write(url, DAY, 2, status="pass")
    tick = sensor_tick(repository, instance, None)
    assert (tick.run_requests, tick.skip_message) == ([], "2 new disclosures, none of them pending")
    assert sensor_tick(repository, instance, tick.cursor).skip_message == "no new disclosures"


@pytest.mark.parametrize("day", [date(1999, 1, 4), date(2099, 1, 5), None])
def test_an_impossible_disclosure_date_is_validated_on_the_day_the_row_came(repository, instance, url, day):
    write(url, day, created_at=datetime(2025, 7, 1, 12, tzinfo=UTC))
    assert windows(hourly(repository, instance)) == [("2025-07-01", "2025-07-01")]
    assert windows(sensor_tick(repository, instance, None)) == [("2025-07-01", "2025-07-01")]


@pytest.mark.parametrize("created_at", [datetime(1999, 1, 4, tzinfo=UTC), datetime(2099, 1, 5, tzinfo=UTC)])
def test_a_row_of_a_day_outside_the_calendar_does_not_poison_the_tick(repository, instance, url, created_at):
    write(url, None, created_at=created_at)
    write(url, DAY, created_at=LONG_AGO)
    wanted = ("2025-03-10", "2025-03-10")
    assert wanted in windows(hourly(repository, instance))
    tick = sensor_tick(repository, instance, None)
    assert wanted in windows(tick)
    assert sensor_tick(repository, instance, tick.cursor).skip_message == "no new disclosures"


def test_a_broken_cursor_says_how_to_mend_it(repository, instance, url):
    with pytest.raises(ValueError, match="reset it in the UI"):
        with dg.build_sensor_context(
            instance=instance, cursor="yesterday", resources={"postgres": PostgresResource()}
        ) as context:
            repository.get_sensor_def("new_disclosures")(context)


def test_requested_runs_really_validate_what_was_asked(repository, instance, url):
    write(url, DAY, 2)
    write(url, DAY + timedelta(days=2))
    write(url, date(2025, 9, 1))
    tick = sensor_tick(repository, instance, None)
    assert windows(tick) == [("2025-03-10", "2025-03-10"), ("2025-03-12", "2025-03-12"), ("2025-09-01", "2025-09-01")]
    result = execute(repository, instance, tick.run_requests[0])
    assert result.success
    assert checks(result)["validation_status.conservation"]
    found = rows(url, "SELECT disclosure_date::date AS day, llm_validation_status AS status FROM trading_disclosures")
    assert {row["day"]: row["status"] == "pending" for row in found} == {
        DAY: False,
        DAY + timedelta(days=2): True,
        date(2025, 9, 1): True,
    }


def test_a_requested_range_resolves_to_one_run_over_all_its_days(repository, instance, url):
    for n in range(3):
        write(url, DAY + timedelta(days=n))
    (request,) = sensor_tick(repository, instance, None).run_requests
    assert {k: v for k, v in request.tags.items() if "range" in k} == range_tags(DAY, DAY + timedelta(days=2))
    assert execute(repository, instance, request).success
    assert instance.get_materialized_partitions(dg.AssetKey("validation_status")) == {
        str(DAY + timedelta(days=n)) for n in range(3)
    }
    assert rows(url, "SELECT FROM trading_disclosures WHERE llm_validation_status = 'pending'") == []
