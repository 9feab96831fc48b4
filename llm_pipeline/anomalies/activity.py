"""How busy all filers were in some days: a common factor, what is known of it, and how reports lag behind. Pure.

In weeks when everybody trades, one filer's burst is no news. Each filer g has some trade in w days with probability
1 - exp(-f * rate_g * w) for a common factor f; only whether, not how much, someone traded counts, so one filer's 100
orders do not make a busy week (complementary log-log model of grouped survival data: Prentice & Gloeckler 1978,
Biometrics 34, 57-67).

Two things keep the factor honest on the as-of date:
- Reports arrive up to 45 days later, so a filer without a known trade may simply not have reported yet. Unless a later
  trade of the filer is known, the silence counts only by the share of trades that are public after so many days (right
  truncation: Lawless 1994, Can. J. Stat. 22, 15-31).
- The factor stays a distribution. Its prior is how the factor varied over the windows of the past (empirical Bayes by
  EM on a grid: Laird 1978, J. Am. Stat. Assoc. 73, 805-811); what the others did meanwhile updates it. Whoever
  reports first is compared with all the busy and calm times there have been, not with a calm one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

STEP = float(np.log(64.0) / 24)
FACTORS: Floats = np.exp(STEP * np.arange(25))
"""Common factors that are compared: from 1 (an ordinary time) to 64, in steps of 19 %."""

_LAST = 26
_DAYS: Floats = np.exp(STEP * np.arange(_LAST + FACTORS.size))
"""Lengths of windows are rounded to exp(STEP * k) days."""

PUBLIC_STEPS = 10
"""Shares of public trades are rounded down to tenths."""

DEFAULT: Floats = np.exp(-(np.log(FACTORS) ** 2) / 2)
"""Prior before data: half log-normal, standard deviation 1. Counts as one window beside those of the past."""
DEFAULT /= DEFAULT.sum()

_EM_STEPS = 20

LEGAL_DAYS = 45
"""A trade is reported within 45 days: 5 U.S.C. 13105(l)."""
_LEGAL_WEIGHT = 3.0
"""Before data, delays are uniform up to the legal limit; that counts as so many filers."""


@dataclass(frozen=True)
class Activity:
    """What is known of the common factor: the probability of each of `FACTORS`."""

    weights: tuple[float, ...]

    @cached_property
    def mean(self) -> float:
        """Expected factor: how many times busier than usual."""
        return float(np.dot(self.weights, FACTORS))

    @cached_property
    def variance(self) -> float:
        """Variance of the factor."""
        return max(0.0, float(np.dot(self.weights, FACTORS**2)) - self.mean**2)

    def average(self, tails: Floats) -> float:
        """Expectation of a probability that has these values at `FACTORS`."""
        return min(1.0, float(np.dot(self.weights, tails)))


USUAL = Activity((1.0, *[0.0] * (FACTORS.size - 1)))
"""Certainly an ordinary time."""


def reporting_delays(filers: Ints, delays: Ints, longest: int) -> Floats:
    """Share of trades public 0, 1, ... `longest` days after the trade: the mean of the filers' own distributions.

    filers, delays: of past trades, one item each, old enough for the longest delay to have passed.
    """
    legal = np.minimum(1.0, np.arange(1, longest + 2) / (LEGAL_DAYS + 1))
    if filers.size == 0:
        return legal
    _, member, size = np.unique(filers, return_inverse=True, return_counts=True)
    counted = np.bincount(np.clip(delays, 0, longest), weights=1.0 / size[member], minlength=longest + 1)
    return (np.cumsum(counted) + _LEGAL_WEIGHT * legal) / (size.size + _LEGAL_WEIGHT)


@dataclass(frozen=True)
class Sighting:
    """What is known of a window of `days` days, of all filers by number: who was active, who reported a later trade.

    public: share of the window's trades that is public by now.
    """

    days: int
    active: Flags
    covered: Flags
    public: float

    @property
    def level(self) -> int:
        """The public share in `PUBLIC_STEPS`, rounded down."""
        return int(self.public * PUBLIC_STEPS)

    @property
    def part(self) -> slice:
        """The columns of `_DAYS` that are `FACTORS` times the window's length."""
        place = min(round(float(np.log(self.days)) / STEP), _LAST)
        return slice(place, place + FACTORS.size)


class CommonActivity:
    """The model for one as-of date. `rates`: each filer's days with a trade per day; 0 where it is not known."""

    def __init__(self, rates: Floats) -> None:
        self._filers = np.flatnonzero(rates)  # the others say nothing
        self._place = {filer: i for i, filer in enumerate(self._filers.tolist())}
        self._expected = rates[self._filers, None] * _DAYS[None, :]
        self._active = -np.expm1(-self._expected)
        with np.errstate(divide="ignore"):
            self._yes = np.where(self._active > 0, np.log(self._active), 0.0)
        self._cached: dict[tuple[int, int], Floats] = {}

    def log_likelihood(self, seen: Sighting) -> Floats:
        """Log-likelihood at `FACTORS` of what was seen, up to a constant."""
        # Which of three tables a filer's row comes from: 0 active, 1 known to be quiet, 2 silent.
        active, covered = seen.active[self._filers], seen.covered[self._filers]
        which = np.where(active, 0, np.where(covered, 1, 2))
        rows = which * len(which) + np.arange(len(which))
        total: Floats = self._tables(seen.part, seen.level)[rows].sum(axis=0)
        return total

    def log_likelihood_of(self, filer: int, seen: Sighting) -> Floats:
        """What one filer contributes to the log-likelihood."""
        if filer not in self._place:
            return np.zeros(FACTORS.size)
        which = 0 if seen.active[filer] else 1 if seen.covered[filer] else 2
        share: Floats = self._tables(seen.part, seen.level)[which * len(self._place) + self._place[filer]]
        return share

    def prior(self, windows: list[Sighting]) -> Floats:
        """How the factor varied over these windows of the past."""
        if not windows:
            return DEFAULT
        logs = np.array([self.log_likelihood(one) for one in windows])
        likelihood = np.exp(logs - logs.max(axis=1, keepdims=True))
        weights = DEFAULT
        for _ in range(_EM_STEPS):
            joint = likelihood * weights
            weights = ((joint / joint.sum(axis=1, keepdims=True)).sum(axis=0) + DEFAULT) / (len(windows) + 1)
        return weights

    def _tables(self, part: slice, level: int) -> Floats:
        """Log-probabilities at `FACTORS` that a filer is active, has no trade, has no known trade: one below the other.

        No trade is known with 1 - share public * P(some trade).
        """
        if (part.start, level) not in self._cached:
            silent = np.log1p(-min(level / PUBLIC_STEPS, 1 - 1e-9) * self._active[:, part])
            self._cached[part.start, level] = np.concatenate([self._yes[:, part], -self._expected[:, part], silent])
        return self._cached[part.start, level]


def posterior(log_likelihood: Floats, prior: Floats) -> Activity:
    """Bayes' rule on the grid."""
    weights = prior * np.exp(log_likelihood - log_likelihood.max())
    return Activity(tuple((weights / weights.sum()).tolist()))
