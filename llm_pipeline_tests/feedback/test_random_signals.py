"""Random signals: what is exchanged, what is kept, and that signals without skill look like any of them."""

from __future__ import annotations

import random
from datetime import date, timedelta

import numpy as np
import pytest
from scipy.stats import kstest

from llm_pipeline.feedback.market import Market
from llm_pipeline.feedback.outcome import outcomes_of
from llm_pipeline.feedback.random_signals import draw_random_signals
from llm_pipeline.feedback.result import by_signal, results_at
from llm_pipeline.feedback.rules import FeedbackRules
from llm_pipeline.feedback.signal import Positions
from llm_pipeline_tests.feedback.scenes import LAST, signal, steady, walk, world

TICKERS = tuple(f"T{n:02d}" for n in range(30))
MARKET = Market(world(*(walk(one, "pool") for one in TICKERS), walk("SPY", "pool", 0.01)), "SPY", LAST)
RULES = FeedbackRules(horizons=(21,), draws=400)
END = LAST + timedelta(days=1)
DAY = date(2020, 3, 2)


def compare(signals, pool=TICKERS, market=MARKET, rules=RULES, end=END):
    pools = {one.as_of_date: pool for one in signals}
    drawn = draw_random_signals(signals, pools, market, rules)
    outcomes = by_signal(outcomes_of(signals, rules.horizons, market, Positions()), rules.primary)
    return drawn.chance(results_at(signals, outcomes, end), end)


def test_a_pool_of_the_signals_own_tickers_leaves_nothing_to_choose():
    own = signal(tickers=TICKERS[:4])
    found = compare([own], pool=TICKERS[:4])
    assert found.mean_alphas == pytest.approx(np.full(RULES.draws, found.own_mean_alpha), abs=1e-5)
    assert (found.p_value, found.percentile) == (1.0, 0.0)


def test_the_best_tickers_are_rare_among_random_ones_and_the_worst_are_not():
    alphas = {one.ticker: one.alpha_pct for one in outcomes_of([signal(tickers=TICKERS)], [21], MARKET, Positions())}
    best = sorted(TICKERS, key=lambda ticker: alphas[ticker])
    good, bad = compare([signal(tickers=tuple(best[-3:]))]), compare([signal(tickers=tuple(best[:3]))])
    assert (good.p_value, good.percentile) == (pytest.approx(1 / 401), 100.0)
    assert (bad.p_value, bad.percentile) == (1.0, 0.0)
    short = compare([signal(tickers=tuple(best[:3]), direction="short")])
    assert short.percentile == 100.0
    assert good.mean_alphas.mean() == pytest.approx(np.mean(list(alphas.values())), abs=0.5)


def test_two_signals_on_the_same_tickers_are_one_piece_of_luck():
    once, twice = (
        compare([signal("a", tickers=TICKERS[:3])]),
        compare([signal("a", tickers=TICKERS[:3]), signal("b", tickers=TICKERS[:3], classification="TIMING_ANOMALY")]),
    )
    assert twice.mean_alphas == pytest.approx(once.mean_alphas)
    assert twice.p_value == once.p_value


def test_draws_are_the_same_again_and_do_not_depend_on_when_they_are_made():
    own = [signal("a", tickers=TICKERS[:3])]
    end = date(2020, 4, 12)
    early = Market(MARKET._reference, "SPY", end - timedelta(days=1))
    assert (compare(own, market=early, end=end).mean_alphas == compare(own, end=end).mean_alphas).all()
    assert (
        compare(own).mean_alphas != compare(own, rules=FeedbackRules(horizons=(21,), draws=400, seed=2)).mean_alphas
    ).any()


def test_what_has_no_direction_or_no_price_or_is_not_over_is_not_compared():
    assert compare([signal(direction="neutral", tickers=TICKERS[:2])]) is None
    assert compare([signal(tickers=("QQQ",))]) is None
    assert compare([signal(tickers=TICKERS[:2])], end=date(2020, 3, 22)) is None
    assert compare([signal(tickers=TICKERS[:2])], pool=("QQQ",)) is None


def test_signals_that_know_nothing_have_every_p_value_equally_often():
    own = random.Random(7)
    found = []
    for year in range(150):
        days = [DAY + timedelta(days=own.randrange(0, 150)) for _ in range(6)]
        signals = [
            signal(
                f"{year} {n}",
                as_of_date=day,
                tickers=tuple(own.sample(TICKERS, own.randrange(1, 5))),
                direction=own.choice(("long", "short")),
            )
            for n, day in enumerate(days)
        ]
        found.append(compare(signals, rules=FeedbackRules(horizons=(21,), draws=199, seed=year)).p_value)
    assert kstest(found, "uniform").pvalue > 0.01
    assert 0.01 <= np.mean(np.array(found) <= 0.05) <= 0.10


def test_a_small_pool_is_drawn_from_with_replacement():
    market = Market(world(steady("AAA"), steady("BBB", step=2), steady("SPY")), "SPY", LAST)
    found = compare([signal(tickers=("AAA", "BBB", "CCC"))], pool=("AAA", "BBB"), market=market)
    assert len(set(found.mean_alphas.round(6))) == 3
