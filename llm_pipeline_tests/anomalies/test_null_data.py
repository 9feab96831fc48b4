"""Data without anomalies: what a deal keeps, its interval, and that it alerts no more often than the level says."""

from __future__ import annotations

import random
from collections import Counter
from datetime import date, timedelta

import pytest
from statsmodels.stats.proportion import proportion_confint

from llm_pipeline.anomalies.detection.trade import Trade
from llm_pipeline.anomalies.detection.walk import walk
from llm_pipeline.anomalies.null_data import AlertRate, Disclosure, dealt_anew
from llm_pipeline_tests.anomalies.scenes import THRESHOLDS, TICKERS, book_of, congress_of, hearing, trade

FIRST = date(2019, 1, 7)
CONGRESS = congress_of([hearing(FIRST + timedelta(days=30 * n), name=f"H{n}") for n in range(24)])


def busy_days(seed: int) -> list[Trade]:
    """Eight filers of unequal activity; a third of all trades fall on twelve days on which everybody trades."""
    rng = random.Random(seed)
    rushes = [FIRST + timedelta(days=rng.randrange(700)) for _ in range(12)]
    return [
        trade(
            i,
            rng.choice(rushes) if rng.random() < 0.33 else FIRST + timedelta(days=rng.randrange(700)),
            filer=rng.choice("AAAAABBBCCDDEFGH"),
            ticker=rng.choice(TICKERS[:60]),
            side=rng.choice(("buy", "sell")),
            amount=rng.choice((1, 2, 2, 2, 3, 4)),
        )
        for i in range(400)
    ]


@pytest.mark.parametrize("disclosure", ["same_lag", "monthly_batch"])
def test_shuffled_trades_alert_on_fewer_days_than_the_level_allows(disclosure: Disclosure) -> None:
    found = [
        candidates
        for seed in range(3)
        for _, candidates in walk(
            book_of(dealt_anew(busy_days(seed), seed, disclosure)), CONGRESS, date(2020, 1, 1), date(2021, 3, 1)
        )
    ]
    alerts = AlertRate(len(found), sum(map(bool, found)))
    assert alerts.days >= 150
    assert alerts.rate is not None
    assert alerts.rate <= THRESHOLDS.level


def test_a_deal_keeps_every_date_filer_and_amount_and_parts_them() -> None:
    trades = busy_days(1)
    dealt = dealt_anew(trades, 1, "same_lag")
    for what in ("transaction_date", "filer_key", "amount_index", "ticker"):
        assert Counter(getattr(t, what) for t in dealt) == Counter(getattr(t, what) for t in trades)
    assert [t.transaction_date for t in dealt] != [t.transaction_date for t in trades]
    assert dealt_anew(trades, 1, "same_lag") == dealt
    assert dealt_anew(trades, 2, "same_lag") != dealt


def test_a_monthly_batch_makes_a_filers_month_known_on_one_day_after_it() -> None:
    days: dict[tuple[str, int, int], set[date]] = {}
    for t in dealt_anew(busy_days(1), 1, "monthly_batch"):
        assert t.disclosure_date > t.transaction_date
        key = (t.filer_key, t.transaction_date.year, t.transaction_date.month)
        days.setdefault(key, set()).add(t.disclosure_date)
    assert {len(one) for one in days.values()} == {1}


@pytest.mark.parametrize(("alerted", "days"), [(0, 50), (3, 200), (50, 50)])
def test_the_interval_is_wilsons(alerted: int, days: int) -> None:
    assert AlertRate(days, alerted).interval() == pytest.approx(proportion_confint(alerted, days, method="wilson"))


def test_no_days_have_no_rate_and_no_interval() -> None:
    assert AlertRate(0, 0).rate is None
    with pytest.raises(ValueError, match="no as-of day"):
        AlertRate(0, 0).interval()
