"""Dates as filed: reading them from text.

Belongs here: date and time parsing of disclosure fields. Does not belong here: trading days
(`reference.trading_days`), what a date means for a record (`temporal_facts`).
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from functools import lru_cache

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
