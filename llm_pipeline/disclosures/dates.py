"""Dates as the sources write them.

Belongs here: reading, never repairing. A year 0021 is as likely 2021 as a slip of another digit, so it
stays untyped and validation sees the text."""

from __future__ import annotations

import re
from datetime import date

_US = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ]\d{2}:\d{2}.*)?")

EARLIEST_YEAR, LATEST_YEAR = 1900, 2199


def parse_date(text: str | None) -> date | None:
    """The calendar day of MM/DD/YYYY or ISO text; None where it is not a day between 1900 and 2199."""
    if not text:
        return None
    if us := _US.fullmatch(text):
        month, day, year = us.groups()
    elif iso := _ISO.fullmatch(text):
        year, month, day = iso.groups()
    else:
        return None
    if not EARLIEST_YEAR <= int(year) <= LATEST_YEAR:
        return None
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None
