"""Which runs a schedule asks for."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from llm_pipeline.validation.planning import DayWindow, plan_windows

DAY = date(2024, 3, 1)

pending_days = st.dictionaries(
    st.dates(min_value=date(2012, 1, 1), max_value=date(2026, 1, 1)), st.integers(0, 400), max_size=60
)


def test_adjacent_days_share_a_run_and_distant_days_do_not() -> None:
    pending = {DAY: 3, DAY + timedelta(days=1): 2, DAY + timedelta(days=90): 1}
    assert plan_windows(pending) == [
        DayWindow(DAY, DAY + timedelta(days=1), 5),
        DayWindow(DAY + timedelta(days=90), DAY + timedelta(days=90), 1),
    ]


def test_the_oldest_days_go_first_when_the_cap_is_reached() -> None:
    pending = {DAY + timedelta(days=7): 60, DAY: 50}
    assert plan_windows(pending, cap=100) == [DayWindow(DAY, DAY, 50)]


def test_a_day_larger_than_the_cap_is_still_planned() -> None:
    assert plan_windows({DAY: 5000}, cap=100) == [DayWindow(DAY, DAY, 5000)]


def test_nothing_pending_plans_nothing() -> None:
    assert plan_windows({DAY: 0}) == []


@given(pending_days, st.integers(1, 12))
def test_every_pending_day_is_covered_once_by_few_windows(pending: dict[date, int], most: int) -> None:
    windows = plan_windows(pending, most_windows=most)
    assert len(windows) <= most
    for day, count in pending.items():
        assert sum(window.start <= day <= window.last for window in windows) == (1 if count else 0) or not count
    assert sum(window.disclosures for window in windows) == sum(pending.values())
    assert all(earlier.last < later.start for earlier, later in pairwise(windows))
