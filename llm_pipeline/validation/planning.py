"""Which windows of days a scheduled run should validate; pure.

Belongs here: turning counts of pending disclosures by day into few runs. Days that are apart become separate runs,
because a run over a range touches every day between its ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise


@dataclass(frozen=True, order=True)
class DayWindow:
    """The days `start` to `last`, both included, and how many disclosures wait in them."""

    start: date
    last: date
    disclosures: int

    @property
    def key(self) -> str:
        """Text that names the window, for run keys and messages."""
        return f"{self.start}...{self.last}"


def plan_windows(pending: Mapping[date, int], *, cap: int | None = None, most_windows: int = 12) -> list[DayWindow]:
    """Cover the pending days with at most `most_windows` windows, oldest first, up to `cap` disclosures.

    Adjacent days share a window. Where that still leaves too many windows, the smallest gaps between them are closed
    until it does not. At least one day is always planned, even one that alone exceeds the cap: a day must not wait
    for ever because it is large.
    """
    days: list[DayWindow] = []
    planned = 0
    for day in sorted(day for day, count in pending.items() if count > 0):
        if days and cap is not None and planned + pending[day] > cap:
            break
        days.append(DayWindow(day, day, pending[day]))
        planned += pending[day]
    gaps = sorted((later.start - earlier.last, index) for index, (earlier, later) in enumerate(pairwise(days)))
    adjacent = sum(gap <= timedelta(days=1) for gap, _ in gaps)
    close = {index for _, index in gaps[: max(adjacent, len(days) - most_windows)]}
    windows: list[DayWindow] = []
    for index, window in enumerate(days):
        if index and index - 1 in close:
            before = windows.pop()
            windows.append(DayWindow(before.start, window.last, before.disclosures + window.disclosures))
        else:
            windows.append(window)
    return windows
