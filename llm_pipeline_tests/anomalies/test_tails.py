"""Tail formulas against scipy, statsmodels, brute force and simulation."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.discrete.discrete_model import NegativeBinomial
from statsmodels.stats import rates as statsmodels_rates

from llm_pipeline.anomalies.detection import tails

counts = st.integers(0, 60)
means = st.floats(0.01, 50)
shares = st.floats(0.001, 0.999)


@given(counts, means, st.floats(0.05, 50))
def test_count_tails_agree_with_scipy(k: int, mean: float, size: float) -> None:
    assert tails.poisson_tail(k, mean) == pytest.approx(stats.poisson.sf(k - 1, mean), rel=1e-8, abs=1e-300)
    counts_of = stats.nbinom(size, size / (size + mean))
    expected = counts_of.sf(k) + counts_of.pmf(k) / 2
    ours = tails.negative_binomial_mid_p(np.array([k]), np.array([[mean]]), np.array([size]))
    assert ours.item() == pytest.approx(expected, rel=1e-6, abs=1e-200)


@given(counts, st.integers(1, 80), shares, st.floats(0.1, 20), st.floats(0.1, 20))
def test_share_tails_agree_with_scipy(k: int, n: int, share: float, a: float, b: float) -> None:
    assert tails.binomial_tail(k, n, share) == pytest.approx(stats.binom.sf(k - 1, n, share), rel=1e-6, abs=1e-200)
    assert tails.beta_binomial_tail(k, n, a, b) == pytest.approx(stats.betabinom.sf(k - 1, n, a, b), rel=1e-5, abs=1e-9)


@given(st.integers(0, 15), st.integers(0, 15), st.integers(0, 25), st.integers(0, 40))
def test_the_hypergeometric_tail_is_fishers_one_sided_test(k: int, rest: int, k0: int, rest0: int) -> None:
    expected = stats.fisher_exact([[k, rest], [k0, rest0]], alternative="greater")[1]
    assert tails.hypergeometric_tail(k, k + rest, k + k0, k + rest + k0 + rest0) == pytest.approx(expected, rel=1e-6)


def test_the_conditional_binomial_is_the_exact_comparison_of_two_rates() -> None:
    ours = tails.binomial_tail(8, 8 + 7, 30 / (30 + 365))
    theirs = statsmodels_rates.test_poisson_2indep(8, 30, 7, 365, method="exact-cond", alternative="larger").pvalue
    assert ours == pytest.approx(theirs, rel=1e-9)


@given(st.lists(shares, min_size=1, max_size=9), st.integers(0, 10))
def test_the_poisson_binomial_tail_is_the_sum_over_all_outcomes(chances: list[float], k: int) -> None:
    total = 0.0
    for bits in range(2 ** len(chances)):
        yes = [bits >> i & 1 for i in range(len(chances))]
        if sum(yes) >= k:
            total += float(np.prod([p if y else 1 - p for p, y in zip(chances, yes, strict=True)]))
    assert tails.poisson_binomial_tails(k, np.array(chances)[:, None]).item() == pytest.approx(total, abs=1e-9)


@given(st.lists(st.integers(1, 11), min_size=1, max_size=4), st.lists(st.integers(1, 11), min_size=1, max_size=8))
def test_the_permutation_test_counts_every_subset(chosen: list[int], others: list[int]) -> None:
    pooled = chosen + others
    sums = [sum(subset) for subset in combinations(pooled, len(chosen))]
    expected = sum(s >= sum(chosen) for s in sums) / len(sums)
    assert tails.subset_sum_tail(np.array(chosen), np.array(others)) == pytest.approx(expected, rel=1e-9)


def test_the_normal_limit_of_the_permutation_test_is_close_to_the_exact_count() -> None:
    rng = np.random.default_rng(5)
    pooled = rng.choice([2, 3, 4, 5], 300, p=[0.6, 0.2, 0.15, 0.05])
    sums = np.array([rng.permutation(pooled)[:40].sum() for _ in range(4000)])
    chosen = np.sort(pooled)[::-1][20:60]
    near = tails.subset_sum_tail(np.array([3] * 24 + [2] * 16 + [4]), pooled)
    assert 0 < tails.subset_sum_tail(chosen, pooled) < 1e-6 < near
    threshold = int(np.quantile(sums, 0.95))
    simulated = float((sums >= threshold).mean())
    sample = np.full(40, threshold // 40)
    sample[: threshold - int(sample.sum())] += 1
    rest = pooled.copy()
    assert tails.subset_sum_tail(sample, rest) == pytest.approx(simulated, abs=0.03)


@pytest.mark.parametrize(("k", "rate", "window"), [(3, 0.3, 2), (4, 0.5, 2), (5, 0.4, 3)])
def test_the_scan_statistic_agrees_with_simulation(k: int, rate: float, window: float) -> None:
    rng = np.random.default_rng(7)
    hits, runs = 0, 20000
    for _ in range(runs):
        times = np.sort(rng.uniform(0, 2 * window, rng.poisson(rate * 2 * window)))
        hits += bool((times[k - 1 :] - times[: len(times) - k + 1] <= window).any()) if len(times) >= k else False
    ours = tails.scan_tail(k, np.array([rate * window])).item()
    assert ours == pytest.approx(hits / runs, abs=4 * (hits / runs / runs) ** 0.5)


def test_a_tiny_scan_tail_keeps_its_digits() -> None:
    # Three events in two windows span no more than one with probability 3 (1/2)**2 - 2 (1/2)**3 = 1/2.
    mean = 1e-6
    assert tails.scan_tail(3, np.array([mean])).item() == pytest.approx((2 * mean) ** 3 / 6 / 2, rel=1e-4)


def test_dispersion_finds_the_overdispersion_that_maximum_likelihood_finds() -> None:
    rng = np.random.default_rng(11)
    data = rng.negative_binomial(2, 2 / (2 + 6), 600).astype(float)
    fitted = NegativeBinomial(data, np.ones((600, 1))).fit(disp=0).params[-1]
    assert tails.dispersions(data[None, :], np.array([600]), 0.5, 12).item() == pytest.approx(fitted, rel=0.15)
    rows = np.array([[2, 2, 2, 2, 9], [0, 0, 0, 0, 0], [4, 1, 1, 1, 1]])
    assert tails.dispersions(rows, np.array([4, 5, 1]), 0.5, 4).tolist() == pytest.approx([0.25, 0.5, 0.5])


def test_geometric_runs_keep_a_heavy_tail_when_few_runs_are_known() -> None:
    assert tails.geometric_run_tail(1, 5, 9) == 1.0
    few, many = tails.geometric_run_tail(12, 3, 6), tails.geometric_run_tail(12, 300, 600)
    assert many < few < 0.2
    assert many == pytest.approx(0.5**11, rel=0.15)


@given(st.lists(st.floats(1e-12, 1), min_size=1, max_size=12))
def test_combining_never_beats_the_best_test_and_never_loses_to_bonferroni_by_much(p_values: list[float]) -> None:
    combined = tails.combined_p(p_values)
    assert combined >= min(*p_values, 0.5) * 0.999
    assert combined <= min(0.5, len(p_values) * min(p_values)) * 1.001


def test_combining_correlated_null_tests_keeps_its_level() -> None:
    rng = np.random.default_rng(3)
    common = rng.normal(size=(20000, 1))
    p = stats.norm.sf(0.8 * common + 0.6 * rng.normal(size=(20000, 6)))
    combined = np.array([tails.combined_p(row) for row in p.tolist()])
    assert (combined <= 0.01).mean() <= 0.0135


@settings(max_examples=50)
@given(st.integers(3, 30), st.floats(0.01, 8))
def test_more_events_in_a_window_are_never_likelier(k: int, mean: float) -> None:
    fewer, more = (tails.scan_tail(n, np.array([mean])).item() for n in (k, k + 1))
    assert more <= fewer * (1 + 1e-9)
