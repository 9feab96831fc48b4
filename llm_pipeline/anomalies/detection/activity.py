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
from scipy import sparse

from llm_pipeline.anomalies.detection.history import Flags, Floats, Ints

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
class Activities:
    """What is known of the common factor in several windows: one row each of probabilities of `FACTORS`."""

    weights: Floats

    @cached_property
    def mean(self) -> Floats:
        """Expected factors: how many times busier than usual."""
        return self.weights @ FACTORS

    @cached_property
    def variance(self) -> Floats:
        """Variances of the factor."""
        return np.maximum(0.0, self.weights @ FACTORS**2 - self.mean**2)

    def average(self, tails: Floats) -> Floats:
        """Expectations of probabilities that have these values at `FACTORS`, one row for each window."""
        return np.minimum(1.0, (self.weights * tails).sum(axis=1))


def reporting_delays(filers: Ints, delays: Ints, longest: int) -> Floats:
    """Share of trades public 0, 1, ... `longest` days after the trade: the mean of the filers' own distributions.

    filers, delays: of past trades, one item each, old enough for the longest delay to have passed.
    """
    legal = np.minimum(1.0, np.arange(1, longest + 2) / (LEGAL_DAYS + 1))
    if filers.size == 0:
        return legal
    size = np.bincount(filers)
    counted = np.bincount(np.clip(delays, 0, longest), weights=1.0 / size[filers], minlength=longest + 1)
    return (np.cumsum(counted) + _LEGAL_WEIGHT * legal) / (np.count_nonzero(size) + _LEGAL_WEIGHT)


@dataclass(frozen=True)
class Sightings:
    """What is known of several windows, one row each.

    days: lengths; active, covered: by filer of the model, who had a trade and who reported a later one; public: share
    of the window's trades that is public by now.
    """

    days: Ints
    active: Flags
    covered: Flags
    public: Floats

    @cached_property
    def levels(self) -> Ints:
        """The public shares in `PUBLIC_STEPS`, rounded down but for rounding errors."""
        return (self.public * PUBLIC_STEPS + 1e-9).astype(np.int64)

    @cached_property
    def places(self) -> Ints:
        """Where in `_DAYS` the windows' lengths times `FACTORS` begin."""
        return np.minimum(np.rint(np.log(self.days) / STEP).astype(np.int64), _LAST)


class CommonActivity:
    """The model for one as-of date. `rates`: days with a trade per day of each filer of the model, all above 0."""

    def __init__(self, rates: Floats) -> None:
        self._rates = rates
        self._expected = rates[:, None] * _DAYS[None, :]
        self._some = -np.expm1(-self._expected)
        self._log_some = np.log(self._some)

    def log_likelihoods(self, seen: Sightings) -> Floats:
        """Log-likelihoods at `FACTORS` of what was seen, up to a constant; one row for each window."""
        quiet, silent = ~seen.active & seen.covered, ~seen.active & ~seen.covered
        total = np.empty((len(seen.days), FACTORS.size))
        for place in np.unique(seen.places):
            rows, part = np.flatnonzero(seen.places == place), slice(place, place + FACTORS.size)
            total[rows] = _sums(seen.active[rows], self._log_some[:, part])
            total[rows] -= np.where(quiet[rows], self._rates, 0.0).sum(axis=1)[:, None] * _DAYS[part]
            for level in np.unique(seen.levels[rows]):
                same = rows[seen.levels[rows] == level]
                filers = np.flatnonzero(silent[same].any(axis=0))
                total[same] += _sums(silent[np.ix_(same, filers)], _log_silent(self._some[filers, part], level))
        return total

    def log_likelihoods_of(self, filers: Ints, seen: Sightings, windows: Ints) -> Floats:
        """What single filers contribute to the log-likelihoods of windows, given by their rows; one row each."""
        columns = seen.places[windows][:, None] + np.arange(FACTORS.size)
        rows = filers[:, None]
        active, covered = seen.active[windows, filers][:, None], seen.covered[windows, filers][:, None]
        silent = _log_silent(self._some[rows, columns], seen.levels[windows][:, None])
        return np.where(
            active, self._log_some[rows, columns], np.where(covered, -self._expected[rows, columns], silent)
        )

    def prior(self, past: Sightings) -> Floats:
        """How the factor varied over these windows of the past."""
        logs = self.log_likelihoods(past)
        likelihood = np.exp(logs - logs.max(axis=1, keepdims=True))
        weights = DEFAULT
        for _ in range(_EM_STEPS):
            joint = likelihood * weights
            weights = ((joint / joint.sum(axis=1, keepdims=True)).sum(axis=0) + DEFAULT) / (len(past.days) + 1)
        return weights


def _sums(chosen: Flags, table: Floats) -> Floats:
    """For each row, the sum of the table's rows that it chooses.

    Sparse, not a product of full matrices: few are chosen, and the sum does not depend on what else is asked.
    """
    columns = chosen.nonzero()[1]
    ends = np.cumsum(np.count_nonzero(chosen, axis=1))
    sums: Floats = sparse.csr_array((np.ones(columns.size), columns, np.append(0, ends)), chosen.shape) @ table
    return sums


def _log_silent(some: Floats, level: Ints) -> Floats:
    """Log-probabilities that no trade is known: 1 - share public * P(some trade)."""
    return np.log1p(-np.minimum(level / PUBLIC_STEPS, 1 - 1e-9) * some)


def posteriors(log_likelihoods: Floats, priors: Floats) -> Activities:
    """Bayes' rule on the grid, row by row."""
    weights = priors * np.exp(log_likelihoods - log_likelihoods.max(axis=1, keepdims=True))
    return Activities(weights / weights.sum(axis=1, keepdims=True))
