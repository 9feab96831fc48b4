"""Days on which the New York Stock Exchange is open, by its own holiday rules, without a calendar library.

Belongs here: the rules for 2000 and later, and the closures that follow no rule.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache


def _nth(year: int, month: int, weekday: int, n: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (n - 1))


def _easter(year: int) -> date:
    """Gregorian Easter Sunday by the method of Gauss as Butcher wrote it down."""
    golden, century, rest = year % 19, year // 100, year % 100
    skipped, leap_rest = divmod(century, 4)
    correction = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - skipped - correction + 15) % 30
    weekday = (32 + 2 * leap_rest + 2 * (rest // 4) - epact - rest % 4) % 7
    shift = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * shift + 114, 31)
    return date(year, month, day + 1)


def _observed(day: date, *, saturday: bool = True) -> date | None:
    if day.weekday() == 5:
        return day - timedelta(days=1) if saturday else None
    return day + timedelta(days=1) if day.weekday() == 6 else day


@cache
def exchange_holidays(year: int) -> frozenset[date]:
    """The weekdays of a year on which the exchange is closed (NYSE Rule 7.2)."""
    last_monday_of_may = date(year, 5, 31) - timedelta(days=date(year, 5, 31).weekday())
    days = {
        _observed(date(year, 1, 1), saturday=False),
        _nth(year, 1, 0, 3),
        _nth(year, 2, 0, 3),
        _easter(year) - timedelta(days=2),
        last_monday_of_may,
        _observed(date(year, 6, 19)) if year >= 2022 else None,
        _observed(date(year, 7, 4)),
        _nth(year, 9, 0, 1),
        _nth(year, 11, 3, 4),
        _observed(date(year, 12, 25)),
    }
    return frozenset(day for day in days if day is not None)


UNSCHEDULED: frozenset[date] = frozenset(
    {
        *(date(2001, 9, day) for day in (11, 12, 13, 14)),  # attacks of September 11
        date(2004, 6, 11),  # mourning: Reagan
        date(2007, 1, 2),  # mourning: Ford
        date(2012, 10, 29),  # hurricane Sandy
        date(2012, 10, 30),
        date(2018, 12, 5),  # mourning: G. H. W. Bush
        date(2025, 1, 9),  # mourning: Carter
    }
)


def is_open(day: date) -> bool:
    """Whether the exchange trades on a day."""
    return day.weekday() < 5 and day not in exchange_holidays(day.year) and day not in UNSCHEDULED


def open_days(start: date, end: date) -> list[date]:
    """The trading days of [start, end)."""
    return [day for n in range((end - start).days) if is_open(day := start + timedelta(days=n))]


def open_day_before(day: date) -> date:
    """The last trading day before a day."""
    while not is_open(day := day - timedelta(days=1)):
        pass
    return day
