"""The tail of company in a ticker, against scipy's Gamma distribution, integrated numerically, and all outcomes."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from llm_pipeline.anomalies.detection.company_tail import company_tails, independent

N, WEIGHT = 400, 20
filers = st.tuples(st.integers(0, 3), st.integers(3, 60), st.integers(1, 6))
"""Of one filer: trades in the ticker before, all trades before, trades in the window."""


def at_least(others: int, chances: list[float]) -> float:
    """P(at least so many of these happen), summed over all outcomes."""
    outcomes = product((0, 1), repeat=len(chances))
    return sum(
        float(np.prod([p if yes else 1 - p for p, yes in zip(chances, one, strict=True)]))
        for one in outcomes
        if sum(one) >= others
    )


def integrated(others: int, group: list[tuple[int, int, int]], same: int) -> float:
    """The same over the Gamma distribution of the pooled share, by its quantiles."""

    def tail(quantile: float) -> float:
        pooled = min(1.0, float(stats.gamma.ppf(quantile, same + 0.5)) / (N + 1))
        shares = [min(1.0, (own + WEIGHT * pooled) / (n + WEIGHT)) for own, n, _ in group]
        return at_least(others, [1 - (1 - s) ** trades for s, (_, _, trades) in zip(shares, group, strict=True)])

    return float(integrate.quad(tail, 0, 1, limit=200)[0])


def ours(others: int, group: list[tuple[int, int, int]], same: int) -> float:
    """`company_tails` of the same."""
    own_same, own_n, trades = (np.array(column, np.int64) for column in zip(*group, strict=True))
    return company_tails([others], [independent(own_same, own_n, trades, same, N, WEIGHT)])[0]


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 4), st.lists(filers, min_size=1, max_size=5), st.integers(0, 55))
def test_the_tail_is_the_integral_over_the_pooled_share(
    others: int, group: list[tuple[int, int, int]], same: int
) -> None:
    assert ours(others, group, same) == pytest.approx(integrated(others, group, same), rel=1e-3, abs=1e-9)


def test_where_the_pooled_share_is_well_known_its_mean_alone_is_close() -> None:
    group = [(1, 20, 3), (0, 30, 2), (2, 50, 4), (0, 10, 1)]
    for same in (60, 100, 200):
        assert ours(2, group, same) == pytest.approx(integrated(2, group, same), rel=0.02)


def test_above_two_hundred_filers_the_poisson_limit_is_within_le_cams_bound() -> None:
    group = [(0, 20, 1)] * 201
    chance = float(WEIGHT * 60.5 / (N + 1) / (20 + WEIGHT))
    exact = float(stats.binom.sf(9, 201, chance))
    assert abs(ours(10, group, 60) - exact) <= 201 * chance**2
