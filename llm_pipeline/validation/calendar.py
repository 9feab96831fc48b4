"""Dates and trading days: reading a date as filed, and whether the New York Stock Exchange was open on
it.

Belongs here: date and time parsing of disclosure fields, the NYSE calendar. Does not belong here: what a
date means for a record (`temporal_facts`).
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache

import exchange_calendars

FIRST_KNOWN_DAY = date(1990, 1, 1)

_ISO = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})(?:[T ].*)?")
_US = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})")


@lru_cache(maxsize=65_536)
def parse_day(text: str) -> date | None:
    """A calendar day from ISO text (a time behind it is allowed) or from MM/DD/YYYY; None where no such
    day exists.
    """
    text = text.strip()
    if found := _ISO.fullmatch(text):
        year, month, day = (int(part) for part in found.groups())
    elif found := _US.fullmatch(text):
        month, day, year = (int(part) for part in found.groups())
    else:
        return None
    try:
        return date(year, month, day)
    except ValueError:
        return None


def parse_moment(text: str) -> datetime | None:
    """An aware UTC time from ISO 8601 text; without a zone it is read as UTC, a bare day as its end."""
    text = text.strip()
    day = parse_day(text)
    if day is None:
        return None
    if len(text) <= len("2019-06-30"):
        return datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=UTC)
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


@cache
def _sessions() -> tuple[frozenset[date], date]:
    calendar = exchange_calendars.get_calendar("XNYS", start=FIRST_KNOWN_DAY.isoformat())
    days = frozenset(session.date() for session in calendar.sessions)
    return days, max(days)


def is_trading_day(day: date) -> bool | None:
    """Whether the NYSE held a session that day; None before 1990 and beyond the published calendar."""
    sessions, last = _sessions()
    if not FIRST_KNOWN_DAY <= day <= last:
        return None
    return day in sessions


def nearest_trading_day(day: date) -> date | None:
    """The last session on or before a day, None outside the calendar: the likeliest real day of a
    weekend trade.
    """
    for back in range(10):
        earlier = day - timedelta(days=back)
        if is_trading_day(earlier) is None:
            return None
        if is_trading_day(earlier):
            return earlier
    return None
