"""The weekly calendar: weeks start on Sunday, and only weeks that are over count."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from llm_pipeline.partitions import finished_weeks, sunday_of, weekly

DAYS = st.dates(date(2012, 1, 1), date(2026, 10, 31))


@given(DAYS)
def test_a_week_has_a_partition_of_its_sunday(day):
    sunday = sunday_of(day)
    assert sunday.isoweekday() == 7
    assert sunday <= day < sunday + timedelta(days=7)
    assert weekly.has_partition_key(str(sunday))
    window = weekly.time_window_for_partition_key(str(sunday))
    assert (window.start.date(), window.end.date()) == (sunday, sunday + timedelta(days=7))


@given(DAYS, st.integers(0, 90), st.integers(0, 90))
def test_finished_weeks_are_those_that_touch_the_window_and_are_over(first, length, ago):
    last, today = first + timedelta(days=length), first + timedelta(days=ago)
    found = finished_weeks(first, last, today)
    days = (first + timedelta(days=n) for n in range(length + 1))
    over = sorted({sunday_of(day) for day in days if sunday_of(day) + timedelta(days=7) <= today})
    assert found == ((over[0], over[-1]) if over else None)
