"""How long a job waits before its next attempt. Pure.

Exponential with full jitter (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015): uniform
between 0 and the ceiling, so that jobs that failed together do not come back together.
"""

from __future__ import annotations

from random import Random


def ceiling_s(attempt: int, first_s: float, cap_s: float) -> float:
    """The longest pause after attempt 1, 2, ...: `first_s`, doubling, at most `cap_s`."""
    return min(cap_s, first_s * 2.0 ** min(attempt - 1, 60))


def pause_s(attempt: int, first_s: float, cap_s: float, random: Random) -> float:
    """Seconds to wait after this attempt failed."""
    return random.uniform(0.0, ceiling_s(attempt, first_s, cap_s))
