"""Who did the same within a few days: windows, their members, and who looks at which of them. Pure.

Everything here is of one side; what counts as the same, a ticker or a sector, is a number: its code. All windows are
found at once: code, day and filer make one number, so that sorting numbers groups trades, and a window is a range.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from llm_pipeline.anomalies.detection.history import Flags, Ints, distinct, ranges, stable_order


@dataclass(frozen=True)
class Gatherings:
    """Windows with enough filers in one code, by first day and code, and who looks at them, window by window.

    code, start, others: of each window, how many filers are beside each member; window, filer: of each look. A filer
    looks at the windows of its gathering that hold one of its own new trades.
    """

    code: Ints
    start: Ints
    others: Ints
    window: Ints
    filer: Ints


def gatherings(
    day: Ints,
    code: Ints,
    filer: Ints,
    own_day: Ints,
    own_code: Ints,
    own_filer: Ints,
    *,
    days: int,
    least: Callable[[Ints], Ints],
) -> Gatherings:
    """Windows of so many days, from a day with a trade on, that hold enough filers: `least` of their code.

    day, code, filer: of known trades; own_...: of the new ones, whose windows are wanted.
    """
    first, filers = int(own_day.min()) - days + 1, int(max(filer.max(initial=0), own_filer.max())) + 1
    span = int(own_day.max()) + days - first
    near = (day >= first) & (day < first + span)
    # A filer's trades of a day in one code count once.
    seen = distinct((code[near] * span + day[near] - first) * filers + filer[near])
    starts = distinct(seen // filers)
    enough = least(starts // span)
    own = own_code * span + own_day - first
    look, window = ranges(starts.searchsorted(own - days + 1), starts.searchsorted(own, side="right"))
    window, looker = np.divmod(distinct(window * filers + own_filer[look]), filers)
    begin, end = seen.searchsorted(starts * filers), seen.searchsorted((starts + days) * filers)
    wanted = np.zeros(starts.size, bool)
    wanted[window] = True
    wanted &= end - begin >= enough
    together, member = ranges(begin[wanted], end[wanted])
    together = distinct((np.flatnonzero(wanted) * filers)[together] + (seen % filers)[member])
    members = np.diff(together.searchsorted(np.arange(starts.size + 1) * filers))
    inside = (members[window] >= enough[window]) & _among(window * filers + looker, together)
    return _by_start(starts // span, starts % span + first, members - 1, window[inside], looker[inside])


def _by_start(code: Ints, start: Ints, others: Ints, window: Ints, filer: Ints) -> Gatherings:
    """The windows somebody looks at, by first day and code."""
    kept = distinct(window)
    kept = kept[stable_order(start[kept])]
    place = np.zeros(start.size, np.int64)
    place[kept] = np.arange(kept.size)
    look = np.argsort(place[window], kind="stable")
    return Gatherings(code[kept], start[kept], others[kept], place[window][look], filer[look])


def _among(values: Ints, ascending: Ints) -> Flags:
    """Which of the values are among these."""
    at = ascending.searchsorted(values)
    found = at < ascending.size
    found[found] = ascending[at[found]] == values[found]
    return found
