"""Intervals of a share and of a mean alpha, with what is assumed; pure.

A share: Wilson's score interval (Wilson 1927, J. Am. Stat. Assoc. 22, 209-212), which takes the signals as independent.

A mean alpha: signals of the same weeks share a market, and one held for a month overlaps those of the weeks around it,
so single signals are not exchangeable. Signals are put into blocks of consecutive entry weeks, twice as long as the
horizon, and whole blocks are drawn with replacement. With a year of signals there are few blocks, where intervals of
percentiles are too short; so what is drawn is the distance of the mean from ours in units of its own standard error, as
in Student's t, and the interval is symmetric in it (Hall 1988, J. R. Stat. Soc. B 50, 35-45; for clusters Cameron,
Gelbach & Miller 2008, Rev. Econ. Stat. 90, 414-427). In simulations with zero alpha, overlap and a common factor it
covers zero 94 to 97 % of the time (`benchmarks/feedback.py`); percentiles of means over single weeks did so 75 to 92 %.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from statistics import NormalDist

import numpy as np

from llm_pipeline.feedback.scorecard import Alpha, Interval, Rate

LEVEL = 0.95
LEAST_BLOCKS = 5
"""With fewer, the drawn means take too few values to tell a 95 % interval from."""
BOOTSTRAPS = 1999
_TRADING_DAYS_A_WEEK = 5
_Z = NormalDist().inv_cdf((1 + LEVEL) / 2)


def wilson(hits: int, n: int) -> Rate:
    """A share with its 95 % interval; without a signal there is neither."""
    if n == 0:
        return Rate(0, None, None)
    z, share = _Z, hits / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    low = 0.0 if hits == 0 else centre - half
    high = 1.0 if hits == n else centre + half
    return Rate(n, share, Interval(low, high))


def block_weeks(horizon: int) -> int:
    """Weeks in a block: twice the horizon in trading days."""
    return math.ceil(2 * horizon / _TRADING_DAYS_A_WEEK)


def mean_alpha(alphas: Sequence[float], entries: Sequence[date], horizon: int, seed: int) -> Alpha:
    """The mean of alphas in percentage points, with its 95 % interval from blocks of entry weeks.

    The interval is None with fewer than `LEAST_BLOCKS` blocks that hold signals, or when the draws say nothing.

    Args:
        entries: entry day of each.
        horizon: trading days held.
        seed: the same one and the same signals give the same interval.
    """
    if not alphas:
        return Alpha(0, None, 0, None)
    sums, sizes = _blocks(alphas, entries, block_weeks(horizon))
    mean = float(sums.sum() / sizes.sum())
    interval = _symmetric_interval(sums, sizes, seed) if len(sums) >= LEAST_BLOCKS else None
    return Alpha(len(alphas), mean, len(sums), interval)


def _blocks(alphas: Sequence[float], entries: Sequence[date], weeks: int) -> tuple[np.ndarray, np.ndarray]:
    days = np.array([day.toordinal() for day in entries])
    _, inside = np.unique((days - days.min()) // (7 * weeks), return_inverse=True)
    return np.bincount(inside, np.asarray(alphas, dtype=float)), np.bincount(inside).astype(float)


def _symmetric_interval(sums: np.ndarray, sizes: np.ndarray, seed: int) -> Interval | None:
    count = len(sums)
    mean, error = _mean_and_error(sums[None, :], sizes[None, :])
    drawn = np.random.default_rng(seed).integers(0, count, (BOOTSTRAPS, count))
    means, errors = _mean_and_error(sums[drawn], sizes[drawn])
    # One block drawn every time has no spread: as far away as can be, which makes the interval longer, never shorter.
    distances = np.where(errors > 0, np.abs(means - mean) / np.where(errors > 0, errors, 1.0), np.inf)
    reach = float(np.quantile(distances, LEVEL, method="higher")) * float(error[0])
    if not math.isfinite(reach):
        return None
    return Interval(float(mean[0]) - reach, float(mean[0]) + reach)


def _mean_and_error(sums: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean of all signals and its standard error over blocks, a row each."""
    count = sums.shape[1]
    total = sizes.sum(axis=1)
    mean = sums.sum(axis=1) / total
    spread = ((sums - mean[:, None] * sizes) ** 2).sum(axis=1)
    return mean, np.sqrt(count / (count - 1) * spread) / total
