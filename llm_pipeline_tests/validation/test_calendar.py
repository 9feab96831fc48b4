from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_pipeline.validation.calendar import parse_day, parse_moment


@given(st.dates(min_value=date(1000, 1, 1)))
def test_every_real_day_is_read_in_both_spellings(day: date) -> None:
    assert parse_day(day.isoformat()) == day
    assert parse_day(f"{day.month:02}/{day.day:02}/{day.year}") == day
    assert parse_day(f"{day.isoformat()}T00:00:00+00:00") == day


@pytest.mark.parametrize(
    "text", ["2019-02-29", "2019-13-01", "2019-00-10", "2019-04-31", "13/45/2020", "20190403", "soon", ""]
)
def test_what_is_no_calendar_day_is_not_read(text: str) -> None:
    assert parse_day(text) is None


@given(st.text(max_size=40))
def test_reading_a_date_never_raises(text: str) -> None:
    parse_day(text)
    parse_moment(text)


def test_a_time_is_read_in_utc() -> None:
    assert parse_moment("2023-04-04T02:00:00+05:00") == datetime(2023, 4, 3, 21, tzinfo=UTC)
    assert parse_moment("2023-04-04T02:00:00") == datetime(2023, 4, 4, 2, tzinfo=UTC)
    assert parse_moment("2023-04-04") == datetime(2023, 4, 4, 23, 59, 59, tzinfo=UTC)
    assert parse_moment("2023-04-04T99:00") is None
    assert timedelta(0) == parse_moment("2023-04-04T02:00Z") - datetime(2023, 4, 4, 2, tzinfo=UTC)  # type: ignore[operator]
