from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_pipeline.anomalies.detection.baseline import baselines
from llm_pipeline.anomalies.detection.book import TradeBook
from llm_pipeline.anomalies.detection.candidates import candidates_on, trials_on
from llm_pipeline.anomalies.detection.history import CLASS_BITS, savings_plans
from llm_pipeline.anomalies.detection.trade import SIDES, Trade
from llm_pipeline_tests.anomalies.scenes import THRESHOLDS, TICKERS, book_of, congress_of, trade

DAY = date(2020, 3, 2)


def test_a_trade_counts_from_its_disclosure_until_an_amendment_replaces_it() -> None:
    book = book_of([trade(1, DAY, disclosed=date(2020, 3, 20), withdrawn=date(2020, 4, 1))])
    sizes = [
        book.histories(["A"], day).row.size
        for day in (date(2020, 3, 19), date(2020, 3, 20), date(2020, 3, 31), date(2020, 4, 1))
    ]
    assert sizes == [0, 1, 1, 0]


def test_the_same_order_filled_for_two_accounts_is_one_decision() -> None:
    book = book_of([trade(i, DAY, disclosed=DAY) for i in range(3)] + [trade(9, DAY, side="sell", disclosed=DAY)])
    assert book.histories(["A"], DAY).decision.sum() == 2


def test_a_monthly_purchase_is_a_savings_plan_once_three_are_known() -> None:
    plan = [trade(i, DAY + timedelta(days=30 * i), ticker="UT1") for i in range(4)]
    other = trade(8, DAY + timedelta(days=40), ticker="EN2")
    book = book_of([*plan, other])
    early = book.histories(["A"], plan[1].disclosure_date)
    late = book.histories(["A"], plan[3].disclosure_date)
    assert not early.periodic.any()
    assert late.periodic.sum() == 4
    assert late.day[late.counted].tolist() == late.day[late.asset == late.asset[~late.periodic][0]].tolist()


def test_trades_of_reported_episodes_are_set_apart_by_classification() -> None:
    book = book_of([trade(i, DAY + timedelta(days=3 * i), disclosed=DAY + timedelta(days=50)) for i in range(3)])
    reported = {"A": {"A-00001": CLASS_BITS["AMOUNT_ANOMALY"]}}
    history = book.histories(["A"], DAY + timedelta(days=50), reported)
    assert history.unreported.sum() == 2
    assert history.usual("AMOUNT_ANOMALY").sum() == 2
    assert history.usual("SECTOR_CLUSTER").sum() == 3


def test_disclosure_days_and_filers_of_a_day_are_found() -> None:
    book = book_of([trade(1, DAY, filer="B"), trade(2, DAY, filer="A"), trade(3, DAY + timedelta(days=1), filer="A")])
    first, second = book.disclosure_days()
    assert book.filers_disclosing_on(first) == ["A", "B"]
    assert book.filers_disclosing_on(second) == ["A"]
    assert book.filers_disclosing_on(first - timedelta(days=1)) == []


def eight_years(random: Random) -> list[Trade]:
    """Trades of filers busy and idle, gone and new, reported in time and late, some of them withdrawn."""
    trades = []
    for filer in "ABCDEFGHIJ":
        first, last = sorted(random.sample(range(365 * 8), 2))
        for n in range(random.choice((1, 3, 40, 120))):
            day = date(2014, 1, 1) + timedelta(days=random.randint(first, last))
            known = day + timedelta(days=random.choice((10, 30, 45, 45, 400, 2000)))
            gone = known + timedelta(days=random.randint(1, 900)) if random.random() < 0.1 else None
            ticker, side = random.choice(TICKERS), random.choice(SIDES)
            trades.append(trade(n, day, filer=filer, ticker=ticker, side=side, disclosed=known, withdrawn=gone))
    return trades


@settings(max_examples=15, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(365 * 3, 365 * 8), st.integers(1, 300))
def test_a_book_of_some_days_says_on_them_what_a_book_of_everything_says(random: Random, first: int, long: int) -> None:
    trades, start = eight_years(random), date(2014, 1, 1) + timedelta(days=first)
    end = start + timedelta(days=long)
    whole, part = book_of(trades), book_of(trades, days=(start, end))
    days = [day for day in whole.disclosure_days() if start <= day < end]
    for as_of in {start, *days[:3], *days[-2:], end - timedelta(days=1)}:
        for window in (30, 90):
            assert baselines(part, as_of, window).to_dicts() == baselines(whole, as_of, window).to_dicts()
        assert trials(part, as_of) == trials(whole, as_of)


def trials(book: TradeBook, as_of: date) -> list[tuple[str, str, float, bool, bool]]:
    """All trials of a day, without their descriptions."""
    found = trials_on(book, congress_of(), as_of)
    return [(one.detector, one.filer_key, one.p_value, one.large_enough, one.possible) for one in found]


@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(0, 1), st.integers(1, 2), st.integers(0, 20)),
        max_size=60,
    )
)
def test_savings_plans_are_what_looking_at_each_series_finds(rows: list[tuple[int, int, int, int, int]]) -> None:
    days = sorted((of, 6 * step, asset, side, index) for of, asset, side, index, step in rows)
    of, day, asset, side, index = (np.array([row[i] for row in days], np.int64) for i in range(5))
    repeat, periodic = savings_plans(of, day, asset, side, index, THRESHOLDS)
    seen: set[tuple[int, ...]] = set()
    series: dict[tuple[int, ...], list[int]] = {}
    for i, (f, d, a, s, x) in enumerate(days):
        assert repeat[i] == ((f, d, a, s) in seen)
        if not repeat[i]:
            series.setdefault((f, a, s, x), []).append(i)
        seen.add((f, d, a, s))
    plans = set()
    for members in series.values():
        for run in (members[i:j] for i in range(len(members)) for j in range(i + 3, len(members) + 1)):
            if all(25 <= days[b][1] - days[a][1] <= 37 for a, b in pairwise(run)):
                plans.update(run)
    assert set(np.flatnonzero(periodic).tolist()) == plans


def test_a_book_without_trades_has_no_baselines_and_no_candidates() -> None:
    for days in (None, (DAY, DAY + timedelta(days=30))):
        book = book_of([], days=days)
        assert baselines(book, DAY, 30).is_empty()
        assert candidates_on(book, congress_of(), DAY) == []
