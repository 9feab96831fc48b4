"""Holding a company from a disclosure on: entry, exit, companies that end, tickers that change hands, no closes."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_pipeline.feedback.market import NO_ENTRY, NO_EXIT, UNIVERSE, Market, max_drawdown
from llm_pipeline.reference.records import TickerChange
from llm_pipeline.reference.trading_days import trading_days
from llm_pipeline_tests.feedback.scenes import FIRST, LAST, series, steady, walk, world

FRIDAY, MONDAY = date(2020, 3, 6), date(2020, 3, 9)


def test_entry_is_the_first_close_strictly_after_the_disclosure_and_exit_so_many_sessions_later():
    own = steady("AAA")
    held = Market(world(own), "SPY", LAST).hold("AAA", FRIDAY, 5)
    sessions = trading_days(MONDAY, LAST)
    assert (held.status, held.entry.day, held.last.day) == ("closed", MONDAY, sessions[5])
    assert held.growth == pytest.approx(5 / held.entry.price)
    assert held.settled == held.last.day


@pytest.mark.parametrize("public", [date(2020, 7, 2), date(2020, 7, 3), date(2020, 7, 4), date(2020, 7, 5)])
def test_holidays_and_weekends_have_no_close(public):
    # Friday 2020-07-03 was a holiday.
    assert Market(world(steady("AAA")), "SPY", LAST).hold("AAA", public, 5).entry.day == date(2020, 7, 6)


def test_until_the_horizon_is_reached_a_holding_is_open_at_its_last_close():
    through = date(2020, 3, 14)  # a Saturday
    held = Market(world(steady("AAA")), "SPY", through).hold("AAA", FRIDAY, 5)
    assert (held.status, held.last.day, held.settled) == ("open", date(2020, 3, 13), through)
    assert Market(world(steady("AAA")), "SPY", FRIDAY).hold("AAA", FRIDAY, 5).entry is None


@given(last=st.dates(FRIDAY, date(2020, 6, 1)), horizon=st.integers(1, 40))
def test_closes_after_the_last_day_change_nothing(last, horizon):
    """The incident guarded against: prices are loaded whole, and an old week run again looks at them."""
    whole = walk("AAA", "ahead")
    known = {d: c for d, c in zip(whole.days, whole.closes, strict=True) if d <= last}
    assert Market(world(whole), "SPY", last).hold("AAA", FRIDAY, horizon) == Market(
        world(series("AAA", known)), "SPY", last
    ).hold("AAA", FRIDAY, horizon)


def test_what_is_settled_stays_the_same_however_much_later_it_is_asked():
    own = walk("AAA", "later")
    then = Market(world(own), "SPY", date(2020, 3, 21)).hold("AAA", FRIDAY, 5)
    assert then.status == "closed"
    assert Market(world(own), "SPY", LAST).hold("AAA", FRIDAY, 5) == then


def test_no_price_at_entry_is_told_only_after_a_week_without_one():
    late = steady("AAA", first=date(2020, 6, 1))
    soon, week = Market(world(late), "SPY", MONDAY), Market(world(late), "SPY", MONDAY + timedelta(days=7))
    assert (soon.hold("AAA", FRIDAY, 5).status, soon.hold("NONE", FRIDAY, 5).status) == ("open", "open")
    held = week.hold("AAA", FRIDAY, 5)
    assert (held.status, held.reason, held.growth) == ("no_price", NO_ENTRY, None)
    assert held.settled == MONDAY + timedelta(days=7)


def test_prices_that_stop_without_a_known_reason_are_no_exit():
    stops = steady("AAA", last=date(2020, 3, 20))
    held = Market(world(stops), "SPY", LAST).hold("AAA", FRIDAY, 21)
    assert (held.status, held.reason, held.last, held.growth) == ("no_price", NO_EXIT, None, None)


def test_a_company_that_was_bought_is_sold_at_its_last_close():
    stops = steady("AAA", last=date(2020, 3, 20))
    bought = TickerChange("AAA", "BIG", date(2020, 3, 20), ended=True)
    buyer = steady("BIG", start=500)
    held = Market(world(stops, buyer, changes=[bought]), "SPY", LAST).hold("AAA", FRIDAY, 21)
    assert (held.status, held.last.day, held.last.price) == ("closed", date(2020, 3, 20), float(stops.closes[-1]))
    # before it was known, it was open
    assert Market(world(stops, changes=[bought]), "SPY", date(2020, 3, 18)).hold("AAA", FRIDAY, 21).status == "open"


def test_a_ticker_that_another_company_took_over_has_no_price_for_the_old_one():
    other = steady("AAA", start=30)  # the table's series is the new owner's, from before it had the ticker
    taken = TickerChange("AAA", "AAA", date(2020, 7, 20), ended=True, reused=True)
    market = Market(world(other, changes=[taken]), "SPY", LAST)
    assert market.hold("AAA", FRIDAY, 21).reason == NO_ENTRY
    assert market.hold("AAA", date(2020, 8, 3), 21).status == "closed"


def test_a_renamed_company_is_found_under_its_later_ticker_and_never_across_two_series():
    renamed = TickerChange("OLD", "NEW", date(2020, 3, 16))
    whole = steady("NEW")
    held = Market(world(whole, changes=[renamed]), "SPY", LAST).hold("OLD", FRIDAY, 21)
    assert (held.status, held.entry.day) == ("closed", MONDAY)
    halves = (steady("OLD", last=date(2020, 3, 13)), steady("NEW", start=900, first=date(2020, 3, 16)))
    assert Market(world(*halves, changes=[renamed]), "SPY", LAST).hold("OLD", FRIDAY, 21).reason == NO_EXIT


def test_without_its_ticker_the_benchmark_is_the_mean_of_all():
    own = [walk(ticker, "universe") for ticker in ("AAA", "BBB", "CCC")]
    market = Market(world(*own), "SPY", LAST)
    first, last = date(2020, 3, 9), date(2020, 4, 7)
    closes = pd.DataFrame({one.ticker: pd.Series(map(float, one.closes), index=one.days) for one in own})
    daily = closes.pct_change().mean(axis=1)
    expected = (1 + daily[(daily.index > first) & (daily.index <= last)]).prod() - 1
    assert market.benchmark == UNIVERSE
    assert market.benchmark_growth(first, last) == pytest.approx(expected)
    assert Market(world(*own, steady("SPY")), "SPY", LAST).benchmark == "SPY"
    assert Market(world(), "SPY", LAST).benchmark_growth(first, last) is None


@given(st.lists(st.floats(1, 1000), min_size=1, max_size=40), st.sampled_from([1, -1]))
def test_drawdown_is_the_deepest_fall_from_a_peak(prices, sign):
    values = pd.Series([1 + sign * (price / prices[0] - 1) for price in prices])
    expected = (1 - values / values.cummax()).max()
    assert max_drawdown(tuple(prices), sign) == pytest.approx(expected, abs=1e-9)
    assert max_drawdown((), sign) is None


def test_first_day_of_prices_may_be_the_entry():
    assert Market(world(steady("AAA")), "SPY", LAST).hold("AAA", FIRST - timedelta(days=1), 1).entry.day == FIRST
