"""The calendars of the project; nothing else."""

from __future__ import annotations

import dagster as dg

# The STOCK Act was signed on 2012-04-04 and reports reach back to that year. The running day is a partition too, so
# that what is disclosed today can be validated today.
FIRST_DAY = "2012-01-01"

daily = dg.DailyPartitionsDefinition(start_date=FIRST_DAY, timezone="UTC", end_offset=1)
