"""The calendars of the project; nothing else."""

from __future__ import annotations

from datetime import date, timedelta

import dagster as dg

# The STOCK Act was signed on 2012-04-04 and reports reach back to that year. The running day is a partition too, so
# that what is disclosed today can be validated today.
FIRST_DAY = "2012-01-01"

daily = dg.DailyPartitionsDefinition(start_date=FIRST_DAY, timezone="UTC", end_offset=1)
# Weeks start on Sunday, as 2012-01-01 did. Only weeks that are over have a partition: what became of signals is asked
# at their end.
weekly = dg.WeeklyPartitionsDefinition(start_date=FIRST_DAY, timezone="UTC")


def sunday_of(day: date) -> date:
    """The first day of a day's week."""
    return day - timedelta(days=(day.weekday() + 1) % 7)


def finished_weeks(first: date, last: date, today: date) -> tuple[date, date] | None:
    """The first days of the first and the last week that touch [first, last] and are over; None where there is none."""
    earliest, latest = sunday_of(first), min(sunday_of(last), sunday_of(today) - timedelta(days=7))
    return (earliest, latest) if earliest <= latest else None
