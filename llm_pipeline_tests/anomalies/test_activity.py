"""How busy everybody was, and what that does to a count: against scipy's distributions and integration."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from llm_pipeline.anomalies.detection.activity import (
    DEFAULT,
    FACTORS,
    STEP,
    Activities,
    CommonActivity,
    Sightings,
    posteriors,
)
from llm_pipeline.anomalies.detection.book import day_number
from llm_pipeline.anomalies.detection.crowd import crowd_on
from llm_pipeline.anomalies.detection.rates import Excesses, Rates
from llm_pipeline_tests.anomalies.scenes import THRESHOLDS, book_of, habit

RATES = np.array([0.01, 0.02, 0.05, 0.03, 0.08, 0.015])
DAYS = 14
ROUNDED_DAYS = float(np.exp(STEP * round(np.log(DAYS) / STEP)))


def seen(active: list[int], public: float) -> Sightings:
    """Filers 0-2 have reported later trades, 3-5 may not have reported yet."""
    covered = np.array([[True] * 3 + [False] * 3])
    return Sightings(np.array([DAYS]), np.isin(np.arange(6), active)[None, :], covered, np.array([public]))


def known(active: list[int], public: float) -> Activities:
    """What that says of the common factor."""
    return posteriors(CommonActivity(RATES).log_likelihoods(seen(active, public)), DEFAULT)


def likelihood(factor: float, active: list[int], public: float) -> float:
    """Of one factor, filer by filer, by scipy's Poisson distribution."""
    total = 1.0
    for filer, rate in enumerate(RATES.tolist()):
        some = float(stats.poisson.sf(0, factor * rate * ROUNDED_DAYS))
        if filer in active:
            total *= some
        else:
            total *= 1 - (some if filer < 3 else public * some)
    return total


actives = st.lists(st.integers(0, 5), max_size=6, unique=True).map(sorted)
publics = st.sampled_from([0.2, 0.5, 0.8])


@given(actives, publics)
def test_the_posterior_is_bayes_rule_with_scipys_poisson_chances(active: list[int], public: float) -> None:
    ours = known(active, public)
    weights = np.array([likelihood(f, active, public) for f in FACTORS]) * stats.norm.pdf(np.log(FACTORS))
    assert ours.weights[0] == pytest.approx((weights / weights.sum()).tolist(), rel=1e-6)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 20), st.integers(0, 60), st.floats(0.2, 3), actives, publics)
def test_an_averaged_tail_is_the_integral_over_the_factor(
    count: int, events: int, dispersion: float, active: list[int], public: float
) -> None:
    activities, size = known(active, public), float(1 / (dispersion + 1 / (events + 0.5)))
    rates = Rates(*(np.array([value]) for value in (True, events, 365, 0, [], dispersion)))
    excesses = Excesses(np.array([count]), np.array([DAYS]), rates, activities)
    ours = float(excesses.p[0])

    def tail(factor: float) -> float:
        mean = (events + 0.5) / 365 * DAYS * factor
        one = stats.nbinom(size, size / (size + mean))
        return float(one.sf(count) + one.pmf(count) / 2)

    exact = sum(w * tail(f) for w, f in zip(activities.weights[0].tolist(), FACTORS.tolist(), strict=True))
    assert ours == pytest.approx(exact, rel=1e-6)

    def density(log: float) -> float:
        return float(stats.norm.pdf(log)) * likelihood(float(np.exp(log)), active, public)

    # The grid holds a factor of 1 as one of its steps: half a step below it belongs to the integral.
    first, last = -STEP / 2, float(np.log(FACTORS[-1])) + STEP / 2
    whole = integrate.quad(density, first, last)[0]
    mean_tail = integrate.quad(lambda log: density(log) * tail(float(np.exp(log))), first, last)[0] / whole
    assert ours == pytest.approx(mean_tail, rel=0.02)


def test_filers_who_began_to_report_lately_do_not_make_a_busy_time() -> None:
    known = date(2020, 8, 10)
    begun = known - timedelta(days=140)
    book = book_of([one for filer in "ABCDEFGH" for one in habit(filer, n=30, days=120, start=begun)])
    day = day_number(known) - 30
    busy = crowd_on(book, known, THRESHOLDS).activities(np.array([day]), np.array([14]), np.array([0]))
    assert float(busy.mean[0]) < 1.5
