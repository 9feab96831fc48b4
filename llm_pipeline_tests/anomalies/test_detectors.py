"""Each detector on invented filers: what it finds, what it leaves alone, and that more evidence is never weaker."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llm_pipeline.anomalies.detection.amount import examine_amount
from llm_pipeline.anomalies.detection.congress import Congress
from llm_pipeline.anomalies.detection.coordination import examine_coordination
from llm_pipeline.anomalies.detection.crowd import crowd_on
from llm_pipeline.anomalies.detection.frequency import examine_frequency, robust_z
from llm_pipeline.anomalies.detection.history import CLASS_BITS
from llm_pipeline.anomalies.detection.proximity import examine_proximity, proximity_score
from llm_pipeline.anomalies.detection.sector import examine_sector
from llm_pipeline.anomalies.detection.timing import cluster_sizes, examine_timing
from llm_pipeline.anomalies.detection.trade import Trade
from llm_pipeline.anomalies.detection.trial import Finding, Trial
from llm_pipeline_tests.anomalies.scenes import (
    THRESHOLDS,
    book_of,
    burst,
    congress_of,
    habit,
    hearing,
    tickers_of,
    trade,
)

DAY = date(2020, 7, 6)
KNOWN = date(2020, 8, 10)


def trial_of(
    detector: str,
    trades: Sequence[Trade],
    congress: Congress | None = None,
    filer: str = "A",
    reported: Sequence[Trade] = (),
) -> Trial:
    """The filer's trial; reported: trades that are part of an earlier frequency spike."""
    book, congress = book_of(trades), congress or congress_of()
    episodes = {filer: {one.record_id: CLASS_BITS["FREQUENCY_SPIKE"] for one in reported}}
    histories, crowd = book.histories([filer], KNOWN, episodes), crowd_on(book, KNOWN, THRESHOLDS)
    match detector:
        case "frequency":
            (trial,) = examine_frequency(histories, crowd, THRESHOLDS)
        case "amount":
            (trial,) = examine_amount(histories, crowd, THRESHOLDS)
        case "timing":
            (trial,) = examine_timing(histories, crowd, THRESHOLDS)
        case "sector":
            (trial,) = examine_sector(histories, congress, crowd, crowd.sector_shares(365), THRESHOLDS)
        case "proximity":
            (trial,) = examine_proximity(histories, congress, crowd, THRESHOLDS)
        case "coordination":
            (trial,) = examine_coordination(histories, crowd, THRESHOLDS)["ticker"]
        case _:
            (trial,) = examine_coordination(histories, crowd, THRESHOLDS)["sector"]
    return trial


def numbers(finding: Finding) -> dict[str, float | None]:
    return {m.name: None if m.value is None else float(m.value) for m in finding.measures}


def test_ten_trades_in_two_weeks_of_a_filer_with_one_a_month_are_a_spike() -> None:
    ten = burst("A", DAY, [0, 1, 2, 3, 4, 7, 8, 9, 10, 11], known=KNOWN)
    others = [t for f in "BCDEFGH" for t in habit(f, days=600)]
    found = trial_of("frequency", habit() + others + ten)
    assert found.p_value < 1e-3
    alone = trial_of("frequency", habit() + ten)
    assert alone.p_value > 10 * found.p_value, "nobody to compare with: a busy time of all is not excluded"
    assert found.large_enough
    assert found.describe is not None
    finding = found.describe()
    assert len(finding.rows) == 10
    assert numbers(finding)["trades_in_window"] == 10
    assert numbers(finding)["burst_trades"] == len(finding.rows)
    assert all(m.n >= 0 and m.method for m in finding.measures)


def test_one_day_with_a_broker_list_is_not_a_frequency_spike() -> None:
    assert not trial_of("frequency", habit() + burst("A", DAY, [0] * 12, known=KNOWN)).large_enough


def test_the_usual_number_of_trades_is_no_spike() -> None:
    assert trial_of("frequency", habit(n=60) + burst("A", DAY, [0, 9], known=KNOWN)).p_value > 0.05


def test_a_busy_week_of_everybody_is_no_spike_of_one() -> None:
    gaps = [0, 1, 2, 3, 4, 7, 8, 9]
    alone = [t for f in "ABCDEFGH" for t in habit(f)] + burst("A", DAY, gaps, known=KNOWN)
    together = alone + [t for f in "BCDEFGH" for t in burst(f, DAY, gaps, known=KNOWN)]
    assert trial_of("frequency", alone).p_value * 20 < trial_of("frequency", together).p_value


def test_a_filer_with_two_known_trades_gets_no_statement_about_a_habit() -> None:
    assert trial_of("frequency", [*habit(n=2), *burst("A", DAY, [0, 1, 2, 3, 4, 5], known=KNOWN)]).p_value == 1.0


def test_a_filer_known_only_by_an_episode_is_tested_again_and_said_to_be_little_known() -> None:
    first = [
        trade(i, DAY - timedelta(days=300 - i), ticker=f"FI{i}", disclosed=DAY - timedelta(days=250)) for i in range(8)
    ]
    again = burst("A", DAY, [0, 1, 2, 3, 4, 7, 8, 9], known=KNOWN)
    others = [one for filer in "BCDEFGH" for one in habit(filer, days=600)]
    found = trial_of("frequency", [*others, *first, *again], reported=first)
    assert found.p_value < 1e-3
    assert found.describe is not None
    finding = found.describe()
    assert numbers(finding)["baseline_trades"] == 0
    assert numbers(finding)["set_apart_trades"] == 8
    assert any(caution.startswith("small_sample") for caution in finding.cautions)
    assert trial_of("frequency", [*others, *first[:2], *again], reported=first[:2]).p_value == 1.0


def test_a_small_baseline_says_so() -> None:
    found = trial_of("frequency", habit(n=6, days=480) + burst("A", DAY, [0, 1, 2, 3, 4, 7, 8, 9], known=KNOWN))
    assert found.describe is not None
    assert any(caution.startswith("small_sample") for caution in found.describe().cautions)


def test_three_ranges_above_the_habit_are_an_amount_anomaly_and_the_usual_range_is_not() -> None:
    found = trial_of("amount", habit(n=40) + burst("A", DAY, [0, 5, 9], known=KNOWN, amount=6))
    assert found.p_value < 1e-3
    assert found.large_enough
    usual = trial_of("amount", habit(n=40) + burst("A", DAY, [0, 5, 9], known=KNOWN, amount=3))
    assert not usual.large_enough
    assert not trial_of("amount", habit(n=40) + burst("A", DAY, [0], known=KNOWN, amount=6)).large_enough


def test_large_amounts_among_many_usual_ones_are_found() -> None:
    mixed = burst("A", DAY, range(12), known=KNOWN) + [
        trade(950 + i, DAY + timedelta(days=i), ticker="UT3", side="sell", amount=7, disclosed=KNOWN) for i in range(3)
    ]
    found = trial_of("amount", habit(n=60) + mixed)
    assert found.p_value < 0.01
    assert found.describe is not None
    assert len(found.describe().rows) == 3


def test_trades_gathering_in_a_committee_sector_are_found_and_those_of_another_sector_are_not() -> None:
    gaps = [0, 2, 5, 8, 11, 14, 18]
    found = trial_of("sector", habit(n=30) + burst("A", DAY, gaps, known=KNOWN))
    assert found.p_value < 1e-4
    assert found.describe is not None
    assert found.describe().subject == "Energy"
    assert trial_of("sector", habit(n=30) + burst("A", DAY, gaps, known=KNOWN, sector="Materials")).p_value == 1.0


def test_a_run_of_trades_before_a_hearing_is_found_with_its_event() -> None:
    congress = congress_of([hearing(DAY + timedelta(days=6))])
    found = trial_of("proximity", habit(n=30) + burst("A", DAY, [0, 1, 3, 5], known=KNOWN), congress)
    assert found.p_value < 1e-3
    assert found.describe is not None
    finding = found.describe()
    assert [near.event.event_id for near in finding.events] == ["H1"]
    assert finding.events[0].trades_before == 4
    assert finding.proximity_score is not None
    assert 0 < finding.proximity_score <= 10


@pytest.mark.parametrize(
    "event",
    [
        hearing(DAY + timedelta(days=6), committee="SSBK", sectors=("Energy",)),  # not the filer's committee
        hearing(DAY + timedelta(days=6), sectors=("Health Care",)),  # unrelated sector
        hearing(DAY + timedelta(days=40)),  # on the calendar after the as-of date
        hearing(DAY - timedelta(days=1)),  # the trades came after
    ],
)
def test_trades_near_an_event_that_does_not_concern_them_are_left_alone(event: object) -> None:
    congress = congress_of([event])  # type: ignore[list-item]
    assert trial_of("proximity", habit(n=30) + burst("A", DAY, [0, 1, 3, 5], known=KNOWN), congress).p_value == 1.0


def test_trades_before_an_event_weigh_more_than_trades_after_and_near_ones_more_than_far_ones() -> None:
    import numpy as np

    def score(*days: int) -> float:
        return proximity_score(np.array(days), 7)

    assert score(1, 1, 1) > score(-1, -1, -1)
    assert score(1) > score(5)
    assert score(0) == pytest.approx(10 * (1 - 2.718281828**-0.5))
    assert score(*[0] * 60) <= 10


def test_a_cluster_within_48_hours_must_be_larger_than_the_filers_usual_clusters() -> None:
    twelve = [0] * 6 + [1] * 6
    found = trial_of("timing", habit(n=30) + burst("A", DAY, twelve, known=KNOWN))
    assert found.p_value < 1e-3
    usual = [
        trade(100 * k + i, date(2019, 2, 1) + timedelta(days=40 * k), ticker=tickers_of("Utilities")[i])
        for k in range(12)
        for i in range(12)
    ]
    assert trial_of("timing", usual + burst("A", DAY, twelve, known=KNOWN)).p_value > 0.05


def test_clusters_take_every_trade_within_two_days_of_the_first() -> None:
    import numpy as np

    assert cluster_sizes(np.array([1, 1, 2, 3, 9, 12, 13]), 2).tolist() == [3, 1, 1, 2]


def test_four_filers_in_one_rare_ticker_are_coordinated_and_two_in_opposite_directions_are_not() -> None:
    base = [t for filer in "ABCDEF" for t in habit(filer, n=40)]
    group = [trade(990, DAY + timedelta(days=i), filer=f, ticker="MA7", disclosed=KNOWN) for i, f in enumerate("ABCD")]
    found = trial_of("coordination", base + group)
    assert found.p_value < 1e-3
    assert found.describe is not None
    assert found.describe().filer_keys == ("A", "B", "C", "D")
    assert found.describe().subject == "MA7 buy"
    opposite = [
        trade(990, DAY, filer="A", ticker="MA7", disclosed=KNOWN),
        trade(990, DAY, filer="B", ticker="MA7", side="sell", disclosed=KNOWN),
    ]
    assert trial_of("coordination", base + opposite).p_value == 1.0


def test_three_filers_in_the_ticker_that_everybody_always_trades_are_not_coordinated() -> None:
    base = [
        trade(i, date(2019, 5, 1) + timedelta(days=9 * i + ord(f) % 7), filer=f, ticker="CO1" if i % 2 else "UT5")
        for f in "ABCDEF"
        for i in range(45)
    ]
    group = [trade(990, DAY + timedelta(days=i), filer=f, ticker="CO1", disclosed=KNOWN) for i, f in enumerate("ABC")]
    assert trial_of("coordination", base + group).p_value > 0.05


def test_six_filers_buying_in_one_sector_in_a_week_are_coordinated_and_in_several_sectors_are_not() -> None:
    base = [t for filer in "ABCDEFGH" for t in habit(filer, n=40)]

    def week(names: list[str]) -> list[Trade]:
        return [
            trade(990, DAY + timedelta(days=i % 4), filer=f, ticker=name, disclosed=KNOWN)
            for i, (f, name) in enumerate(zip("ABCDEF", names, strict=True))
        ]

    found = trial_of("sector_coordination", base + week(tickers_of("Energy")[:6]))
    assert found.p_value < 1e-3
    assert found.describe is not None
    assert found.describe().subject == "Energy buy"
    assert found.describe().detector == "sector_coordination"
    several = ("Energy", "Utilities", "Materials", "Financials", "Health Care", "Energy")
    apart = week([tickers_of(sector)[0] for sector in several])
    assert trial_of("sector_coordination", base + apart).p_value == 1.0


def test_coordination_without_others_to_compare_with_is_not_in_the_family() -> None:
    alone = habit(n=40) + burst("A", DAY, [0, 1, 2], known=KNOWN)
    assert not trial_of("coordination", alone).possible
    assert not trial_of("sector_coordination", alone).possible


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(5, 12), st.integers(1, 4), st.integers(6, 40))
def test_more_trades_on_the_same_days_are_never_weaker_evidence(n: int, more: int, usual: int) -> None:
    base, days = habit(n=usual), min(n, 10)
    fewer = trial_of("frequency", base + burst("A", DAY, [i % days for i in range(n)], known=KNOWN))
    plenty = trial_of("frequency", base + burst("A", DAY, [i % days for i in range(n + more)], known=KNOWN))
    assert plenty.p_value <= fewer.p_value * (1 + 1e-9)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(3, 7), st.randoms())
def test_names_ids_and_the_order_of_rows_do_not_change_a_p_value(n: int, random: object) -> None:
    trades = habit(n=30) + burst("A", DAY, [2 * i for i in range(n)], known=KNOWN, amount=5)
    shuffled = list(trades)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    for detector in ("frequency", "amount", "timing", "sector", "coordination"):
        assert trial_of(detector, trades).p_value == trial_of(detector, shuffled).p_value


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 5), st.integers(4, 7))
def test_larger_amounts_are_never_weaker_evidence(n: int, level: int) -> None:
    def p(amount: int) -> float:
        return trial_of("amount", habit(n=30) + burst("A", DAY, range(n), known=KNOWN, amount=amount)).p_value

    assert p(level + 1) <= p(level) * (1 + 1e-9)


def test_robust_z_has_no_value_when_most_months_are_alike() -> None:
    assert robust_z(9, (0, 0, 0, 0, 3), 1.0) is None
    assert robust_z(9, (1, 2, 3, 4, 5), 1.0) == pytest.approx((9 - 3) / 1.4826)
