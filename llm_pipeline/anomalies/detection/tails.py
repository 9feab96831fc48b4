"""Tail probabilities of counts. Pure formulas on numbers, each with its source; no trades here.

scipy.special is used rather than scipy.stats: 1-2 µs a call against 60-100, and a day has thousands of calls.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def poisson_tail(k: int, mean: float) -> float:
    """P(X >= k) for Poisson X: the regularised lower incomplete gamma function (Abramowitz & Stegun 26.4.21)."""
    return 1.0 if k <= 0 else float(special.gammainc(k, mean))


def poisson_tails(k: int, means: Floats) -> Floats:
    """`poisson_tail` at several means."""
    tails: Floats = np.ones(means.size) if k <= 0 else special.gammainc(k, means)
    return tails


def negative_binomial_mid_p(k: Ints, means: Floats, sizes: Floats) -> Floats:
    """P(X > k) + P(X = k) / 2 for negative binomials with these positive means, variance mean + mean**2 / size (NB2).

    k, sizes: one item for each row of means. P(X >= k) is an incomplete beta function (A&S 26.5.26).
    """
    k, sizes = k[:, None], sizes[:, None]
    share = means / (means + sizes)
    ways = special.gammaln(k + sizes) - special.gammaln(k + 1) - special.gammaln(sizes)
    as_many = np.exp(ways + special.xlogy(k, share) - sizes * np.log1p(means / sizes))
    # As many are no more than half of what is left: nothing cancels.
    return np.where(k > 0, special.betainc(np.maximum(k, 1), sizes, share), 1.0) - as_many / 2


def binomial_tail(k: int, n: int, share: float) -> float:
    """P(X >= k) for Binomial(n, share), exact (A&S 26.5.24)."""
    if k <= 0:
        return 1.0
    return float(special.betainc(k, n - k + 1, share)) if k <= n else 0.0


def beta_binomial_tail(k: int, n: int, a: float, b: float) -> float:
    """P(X >= k) of n draws whose share is Beta(a, b): the predictive distribution of a share known from a sample.

    Source: Skellam (1948), J. R. Stat. Soc. B 10, 257-261.
    """
    if k <= 0:
        return 1.0
    if k > n:
        return 0.0
    return float(min(1.0, beta_binomial_chances(np.arange(k, n + 1), n, a, b).sum()))


def beta_binomial_chances(x: Ints, n: Ints | int, a: Floats | float, b: Floats | float) -> Floats:
    """P(X = x), item by item, of the same."""
    ways = special.gammaln(n + 1) - special.gammaln(x + 1) - special.gammaln(n - x + 1)
    chances: Floats = np.exp(ways + special.betaln(x + a, n - x + b) - special.betaln(a, b))
    return chances


def hypergeometric_tail(k: int, drawn: int, marked: int, total: int) -> float:
    """P(X >= k) marked among `drawn` of `total` when `marked` of them are marked: Fisher's exact test, one-sided.

    Source: Fisher (1935), The Design of Experiments.
    """
    if k <= 0:
        return 1.0
    x = np.arange(k, min(drawn, marked) + 1)
    if x.size == 0:
        return 0.0
    log = (
        _log_choose(marked, x)
        + _log_choose(total - marked, drawn - x)
        - _log_choose(np.int64(total), np.asarray(drawn))
    )
    return float(min(1.0, np.exp(log).sum()))


def _log_choose(n: int | np.int64, k: NDArray[np.int64]) -> Floats:
    with np.errstate(invalid="ignore"):
        log = special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1)
    return np.where((k < 0) | (k > n), -np.inf, log)


def poisson_binomial_tails(k: int, shares: Floats) -> Floats:
    """P(at least k of independent yes/no events happen), exact, for each column of probabilities.

    By convolution: events are put together two by two, then pairs, and so on; counts from k on are one.
    Source: Hong (2013), Comput. Stat. Data Anal. 59, 41-51, section 2.
    """
    events, columns = shares.shape
    size = 1 << max(0, events - 1).bit_length()
    counts = np.zeros((2, size, columns))
    counts[1, :events] = shares
    counts[0] = 1 - counts[1]
    while size > 1:
        size //= 2
        one, other = counts[:, :size], counts[:, size:]
        both = np.zeros((2 * len(counts) - 1, size, columns))
        for i, part in enumerate(one):
            both[i : i + len(other)] += part * other
        counts = both[: k + 1]
        counts[-1] += both[k + 1 :].sum(axis=0)
    return counts[k:, 0].sum(axis=0)


def subset_sum_tail(chosen: Ints, others: Ints) -> float:
    """Permutation test of a sum: share of all equally large subsets of the pooled values whose sum is at least as high.

    Exact for up to 30 chosen values, by counting subsets of small integers (values 1-11 here); above, the normal limit
    with the permutation variance. With n chosen of N it cannot be below 1 / C(N, n): small samples stay honest.
    Source: Pitman (1937), J. R. Stat. Soc. Suppl. 4, 119-130; counting as in Streitberg & Roehmel (1986).
    """
    m, total = int(chosen.size), int(chosen.size + others.size)
    if m == 0 or m == total:
        return 1.0
    pooled = np.concatenate([chosen, others])
    if m > 30:
        spread = math.sqrt(m * (total - m) / total * float(pooled.var(ddof=1)))
        return (
            1.0
            if spread == 0
            else float(special.ndtr(-(float(chosen.sum()) - m * float(pooled.mean()) - 0.5) / spread))
        )
    low = int(pooled.min())
    target = int((chosen - low).sum())
    if target == 0:
        return 1.0
    values, counts = np.unique(pooled - low, return_counts=True)
    width = m * int(values[-1]) + 1  # ways[n * width + s]: subsets of n values with sum s
    ways = np.zeros((m + 1) * width)
    ways[0] = 1.0
    for value, count in zip(values.tolist(), counts.tolist(), strict=True):
        new = ways.copy()
        for j, of_value in enumerate(special.binom(count, np.arange(1, min(m, count) + 1)).tolist(), 1):
            shift = j * (width + value)
            new[shift:] += ways[:-shift] * of_value
        ways = new
    return float(min(1.0, ways[m * width + target :].sum() / ways[m * width :].sum()))


def combined_p(p_values: Sequence[float]) -> float:
    """`combined_p_values` of one group of equal weights."""
    p = np.asarray(p_values, dtype=float)
    return float(combined_p_values(p, np.zeros(p.size, np.int64), 1, np.ones(p.size))[0])


def combined_p_values(p_values: Floats, groups: Ints, number: int, weights: Floats) -> Floats:
    """One p-value for each group of dependent tests of one hypothesis: the Cauchy combination; 1 for a group of none.

    Values above 1/2 count as 1/2: counts give p = 1 often, whose large negative terms would cancel the evidence of
    another window. The price, simulated: six tests correlated 0.64 reject 1.3 % at a nominal 1 %.
    groups: from 0, which of the `number` groups each test belongs to. Weights say how much each test of a group counts;
    only their ratios matter.
    Source: Liu & Xie (2020), J. Am. Stat. Assoc. 115, 393-402.
    """
    # tan((1/2 - p) pi) = 1 / tan(p pi), which keeps its digits for tiny p.
    terms = weights / np.tan(np.pi * np.clip(p_values, 1e-300, 0.5))
    total = np.bincount(groups, weights, minlength=number)
    statistic = np.bincount(groups, terms, minlength=number) / np.where(total > 0, total, 1.0)
    return np.where(total > 0, np.arctan2(1.0, statistic) / np.pi, 1.0)


def dispersions(counts: Ints, months: Ints, prior: float, prior_weight: float) -> Floats:
    """Overdispersion a of counts (variance = mean + a * mean**2) by moments, shrunk towards a prior value.

    counts: one row of monthly counts for each result, of which the first `months` count.
    Moment estimator: Anscombe (1950), Biometrika 37, 358-382. With 12 monthly counts it is noisy; `prior` counts as
    `prior_weight` further months. Never negative.
    """
    inside = np.arange(counts.shape[1]) < months[:, None]
    total = np.where(inside, counts, 0).sum(axis=1)
    enough = (months > 1) & (total > 0)
    n, mean = np.where(enough, months, 2), np.where(enough, total / np.maximum(months, 1), 1.0)
    off = np.where(inside, counts - mean[:, None], 0.0)
    raw = np.maximum(0.0, ((off * off).sum(axis=1) / (n - 1) - mean) / mean**2)
    return np.where(enough, (n * raw + prior_weight * prior) / (n + prior_weight), prior)


def predictive_size(events: Ints, overdispersion: Floats) -> Floats:
    """Sizes of the negative binomials that predict counts from `events` earlier ones.

    Two sources of spread add up: the rate is known from `events` occurrences only (Gamma posterior of shape
    events + 1/2 under Jeffreys' prior: relative variance 1 / (events + 1/2)) and the counts are overdispersed.
    Source: Gelman et al., Bayesian Data Analysis, 3rd ed., section 2.6.
    """
    return 1.0 / (overdispersion + 1.0 / (events + 0.5))


def geometric_run_tail(size: int, runs: int, members: int) -> float:
    """P(a run has at least `size` members) when `runs` earlier runs had `members` members in all.

    Sizes are geometric on 1, 2, ...; the stopping share has Jeffreys' Beta(runs + 1/2, members - runs + 1/2)
    posterior and is integrated out, which leaves a heavy tail where few runs are known.
    """
    j = size - 1
    a, b = runs + 0.5, members - runs + 0.5
    return float(np.exp(special.betaln(a, b + j) - special.betaln(a, b)))


def scan_tail(k: int, means: Floats) -> Floats:
    """P(some window within two window lengths holds at least k events of a Poisson process), k >= 3.

    means: expected events in one window; one result each. Written so that nothing cancels where it is small.
    Source: Naus (1982), J. Am. Stat. Assoc. 77, 177-183: 1 - Q2, which is exact.
    """
    tail = special.gammainc(k, means)
    exactly, two_less = (np.exp(special.xlogy(i, means) - means - special.gammaln(i + 1)) for i in (k, k - 2))
    fewer = special.gammaincc(k - 2, means)  # at most k - 3
    p = tail * (2 - tail) + (k - 1) * exactly * two_less + (k - 1 - means) * exactly * fewer
    return np.clip(p, 0.0, 1.0)
