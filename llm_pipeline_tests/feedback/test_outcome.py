"""Outcomes: direction, benchmark, positions, and what has no direction or no ticker."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from llm_pipeline.feedback.market import Market
from llm_pipeline.feedback.outcome import outcomes_of
from llm_pipeline.feedback.signal import Position, Positions
from llm_pipeline_tests.feedback.scenes import LAST, signal, steady, world

UP, DOWN, BENCHMARK = steady("AAA", step=1), steady("BBB", step=-0.1), steady("SPY", start=300, step=0.3)
MARKET = Market(world(UP, DOWN, BENCHMARK), "SPY", LAST)


def only(of, *positions, market=MARKET):
    (found,) = outcomes_of([of], [21], market, Positions(positions))
    return found


def growth(series, found):
    closes = dict(zip(series.days, series.closes, strict=True))
    return 100 * float(closes[found.exit_date] / closes[found.entry_date] - 1)


def test_a_long_signal_gains_with_the_price():
    found = only(signal())
    assert found.return_pct == pytest.approx(growth(UP, found), abs=1e-6)
    assert found.benchmark_return_pct == pytest.approx(growth(BENCHMARK, found), abs=1e-6)
    assert found.alpha_pct == pytest.approx(found.return_pct - found.benchmark_return_pct)
    assert (found.hit, found.max_drawdown_pct, found.basis, found.benchmark) == (True, 0.0, "prices", "SPY")
    assert found.holding_days == (found.exit_date - found.entry_date).days


@pytest.mark.parametrize(("ticker", "hit"), [("AAA", False), ("BBB", True)])
def test_a_short_signal_gains_what_the_price_falls(ticker, hit):
    """The incident guarded against: profitable shorts counted as misses."""
    found, long = only(signal(direction="short", tickers=(ticker,))), only(signal(tickers=(ticker,)))
    assert found.hit is hit
    assert (found.return_pct, found.alpha_pct) == (pytest.approx(-long.return_pct), pytest.approx(-long.alpha_pct))
    assert (found.max_drawdown_pct > 0) is not hit


def test_a_neutral_signal_is_followed_and_is_no_hit_and_no_miss():
    found = only(signal(direction="neutral"))
    assert found.status == "closed"
    assert found.return_pct > 0
    assert found.hit is None


def test_an_open_outcome_has_its_return_so_far_and_no_hit():
    found = only(signal(), market=Market(world(UP, BENCHMARK), "SPY", date(2020, 3, 14)))
    assert (found.status, found.hit, found.exit_date, found.exit_price) == ("open", None, None, None)
    assert found.return_pct > 0
    assert found.evaluated_to == date(2020, 3, 14)


def test_without_a_price_or_a_ticker_every_number_is_missing_and_none_is_0():
    for found in (only(signal(tickers=("QQQ",))), only(signal(tickers=()))):
        assert found.status == "no_price"
        assert found.reason
        numbers = (found.return_pct, found.benchmark_return_pct, found.alpha_pct, found.max_drawdown_pct, found.hit)
        assert numbers == (None,) * 5
    assert only(signal(tickers=())).ticker == "--"


def test_without_a_benchmark_there_is_a_return_and_no_alpha():
    gone = steady("SPY", last=date(2020, 2, 1))
    found = only(signal(), market=Market(world(UP, gone), "SPY", LAST))
    assert found.return_pct > 0
    assert (found.benchmark, found.alpha_pct) == (None, None)


TAKEN = Position("s", "AAA", "long", date(2020, 3, 4), 50.0, date(2020, 3, 20), 60.0)


def test_a_position_that_names_the_signal_goes_before_prices():
    found = only(signal(), TAKEN)
    assert (found.basis, found.return_pct, found.hit) == ("position", 20.0, True)
    assert (found.entry_date, found.exit_date) == (TAKEN.entry_date, TAKEN.exit_date)
    assert found.benchmark_return_pct == pytest.approx(growth(BENCHMARK, found), abs=1e-6)
    assert found.max_drawdown_pct == 0.0


def test_a_position_may_name_the_trading_signal_instead():
    named = signal(trading_signals=(("AAA", "row 7"),))
    assert only(named, replace(TAKEN, signal_id="row 7")).basis == "position"


@pytest.mark.parametrize(
    "other", [{"side": "short"}, {"ticker": "BBB"}, {"signal_id": "t"}, {"entry_date": date(2021, 1, 4)}]
)
def test_a_position_against_the_signal_or_of_another_one_says_nothing(other):
    assert only(signal(), replace(TAKEN, **other)).basis == "prices"


def test_a_position_still_held_is_open_and_one_left_later_was_so_then():
    for position in (replace(TAKEN, exit_date=None, exit_price=None), replace(TAKEN, exit_date=date(2021, 2, 1))):
        found = only(signal(), position)
        assert (found.status, found.basis, found.return_pct, found.hit) == ("open", "position", None, None)


def test_there_is_an_outcome_for_every_signal_ticker_and_horizon():
    two = signal(tickers=("AAA", "QQQ", "BBB"))
    found = outcomes_of([two, signal("t", tickers=())], [5, 21, 63], MARKET, Positions())
    assert len({(one.signal_id, one.ticker, one.horizon_days) for one in found}) == len(found) == 12
