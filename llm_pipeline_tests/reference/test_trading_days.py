from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_pipeline.reference.trading_days import (
    is_trading_day,
    nearest_trading_day,
    next_trading_day,
    trading_day_after,
    trading_days,
)


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2023, 3, 14), True),
        (date(2023, 3, 12), False),  # Sunday
        (date(2023, 4, 7), False),  # Good Friday
        (date(2012, 10, 29), False),  # Hurricane Sandy
        (date(2018, 12, 5), False),  # day of mourning
        (date(1985, 1, 2), None),
        (date(2200, 1, 2), None),
    ],
)
def test_the_exchange_calendar_knows_weekends_holidays_and_its_own_limits(day: date, expected: bool | None) -> None:
    assert is_trading_day(day) is expected


def test_sessions_around_a_holiday_weekend() -> None:
    good_friday = date(2023, 4, 7)
    assert nearest_trading_day(good_friday) == date(2023, 4, 6)
    assert next_trading_day(good_friday) == date(2023, 4, 10)
    assert trading_days(date(2023, 4, 6), date(2023, 4, 10)) == (date(2023, 4, 6), date(2023, 4, 10))


def test_nothing_is_said_beyond_the_calendar() -> None:
    for day in (date(1985, 1, 2), date(2200, 1, 2)):
        assert nearest_trading_day(day) is None
        assert next_trading_day(day) is None
    assert trading_days(date(2200, 1, 1), date(2200, 2, 1)) == ()


@given(st.dates(min_value=date(1991, 1, 1), max_value=date(2025, 12, 1)))
def test_the_sessions_around_a_day_agree_with_each_other(day: date) -> None:
    nearest, after = nearest_trading_day(day), next_trading_day(day)
    assert nearest
    assert after
    assert nearest <= day < after
    assert (nearest == day) is is_trading_day(day)
    assert trading_days(nearest, after) == (nearest, after)
    assert after - nearest < timedelta(days=9)  # closed for a week after September 11, 2001


def test_the_nth_session_after_a_day_is_counted_in_sessions() -> None:
    # Friday 2020-07-03 was a holiday.
    assert trading_day_after(date(2020, 7, 2), 1) == next_trading_day(date(2020, 7, 2)) == date(2020, 7, 6)
    assert trading_day_after(date(2020, 7, 4), 5) == date(2020, 7, 10)
    assert trading_day_after(date(1980, 1, 1), 1) is None
    assert trading_day_after(date(2020, 7, 2), 100_000) is None
