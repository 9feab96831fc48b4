from __future__ import annotations

from datetime import date

import exchange_calendars
from hypothesis import given
from hypothesis import strategies as st

from llm_pipeline.sample.trading_days import is_open, open_day_before, open_days

SESSIONS = {session.date() for session in exchange_calendars.get_calendar("XNYS", start="2000-01-03").sessions}


@given(st.dates(date(2000, 1, 3), max(SESSIONS)))
def test_the_rules_agree_with_the_published_calendar(day):
    assert is_open(day) == (day in SESSIONS)


@given(st.dates(date(2000, 2, 1), max(SESSIONS)))
def test_the_open_day_before_is_the_last_of_the_open_days_before(day):
    assert open_day_before(day) == open_days(date(2000, 1, 3), day)[-1]
