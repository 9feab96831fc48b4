from __future__ import annotations

from datetime import date, timedelta

from llm_pipeline.anomalies.history import CLASS_BITS
from llm_pipeline_tests.anomalies.scenes import book_of, trade

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
