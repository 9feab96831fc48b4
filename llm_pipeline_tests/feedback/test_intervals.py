"""Intervals: Wilson against statsmodels, and the block bootstrap by simulation."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from benchmarks.feedback import HORIZON, START, coverage, simulated_year
from llm_pipeline.feedback.intervals import LEAST_BLOCKS, block_weeks, mean_alpha, wilson


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilsons_interval_is_that_of_statsmodels(case):
    hits, n = case
    found = wilson(hits, n)
    assert found.value == hits / n
    low, high = proportion_confint(hits, n, method="wilson")
    assert (found.interval.low, found.interval.high) == (pytest.approx(low, abs=1e-12), pytest.approx(high, abs=1e-12))


def test_a_share_of_nothing_is_no_number():
    assert (wilson(0, 0).value, wilson(0, 0).interval) == (None, None)
    nothing = mean_alpha([], [], HORIZON, 1)
    assert (nothing.n, nothing.mean_pct, nothing.interval) == (0, None, None)


@pytest.mark.parametrize(("shared", "n"), [(0.0, 100), (0.1, 60), (0.3, 200)])
def test_intervals_of_signals_without_skill_hold_zero_about_95_times_in_100(shared, n):
    # 400 years: a true share of 0.95 gives 0.95 +- 0.022 in 19 of 20 seeds.
    rng = np.random.default_rng(20200105)
    held, told = coverage(lambda: simulated_year(rng, n, shared), 400)
    assert 0.92 <= held <= 0.98
    assert told > 0.9


def test_an_alpha_that_is_there_is_seen():
    rng = np.random.default_rng(3)
    alphas, days = simulated_year(rng, 300, 0.0)
    found = mean_alpha([alpha + 4 for alpha in alphas], days, HORIZON, 1)
    assert found.interval.low > 0
    assert found.mean_pct == pytest.approx(np.mean(alphas) + 4)


def test_the_same_signals_give_the_same_interval():
    alphas, days = simulated_year(np.random.default_rng(4), 80, 0.1)
    assert mean_alpha(alphas, days, HORIZON, 1) == mean_alpha(alphas, days, HORIZON, 1)
    assert mean_alpha(alphas, days, HORIZON, 1) != mean_alpha(alphas, days, HORIZON, 2)


def test_from_fewer_blocks_no_interval_is_told():
    assert block_weeks(HORIZON) == 9
    span = timedelta(weeks=block_weeks(HORIZON))
    days = [START + n * span for n in range(LEAST_BLOCKS)]
    alphas = [1.0, -2.0, 3.0, 0.5, 2.5]
    assert mean_alpha(alphas, days, HORIZON, 1).interval is not None
    few = mean_alpha(alphas[1:], days[1:], HORIZON, 1)
    assert (few.blocks, few.interval) == (LEAST_BLOCKS - 1, None)
    assert few.mean_pct == pytest.approx(1.0)
