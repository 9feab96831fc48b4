"""The days on which the New York Stock Exchange held or will hold a session; pure.

Every question is answered with None (or leaves days out) before 1990 and beyond the published calendar, which reaches
about a year ahead.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import date
from functools import cache

import exchange_calendars

FIRST_KNOWN_DAY = date(1990, 1, 1)


@cache
def _sessions() -> tuple[tuple[date, ...], frozenset[date]]:
    calendar = exchange_calendars.get_calendar("XNYS", start=FIRST_KNOWN_DAY.isoformat())
    days = tuple(session.date() for session in calendar.sessions)
    return days, frozenset(days)


def _known(day: date) -> bool:
    return FIRST_KNOWN_DAY <= day <= _sessions()[0][-1]


def is_trading_day(day: date) -> bool | None:
    """Whether the NYSE held a session that day."""
    return day in _sessions()[1] if _known(day) else None


def nearest_trading_day(day: date) -> date | None:
    """The last session on or before a day: the likeliest real day of a weekend trade."""
    days = _sessions()[0]
    at = bisect_right(days, day) - 1
    return days[at] if _known(day) and at >= 0 else None


def next_trading_day(day: date) -> date | None:
    """The first session after a day."""
    days = _sessions()[0]
    at = bisect_right(days, day)
    return days[at] if _known(day) and at < len(days) else None


def trading_day_after(day: date, count: int) -> date | None:
    """The `count`-th session after a day; the first is `next_trading_day`."""
    days = _sessions()[0]
    at = bisect_right(days, day) + count - 1
    return days[at] if _known(day) and 0 <= at < len(days) else None


def trading_days(first: date, last: date) -> tuple[date, ...]:
    """The sessions of [first, last], oldest first."""
    days = _sessions()[0]
    return days[bisect_left(days, first) : bisect_right(days, last)]
