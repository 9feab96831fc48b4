"""Pauses between attempts: exponential, capped, spread over their whole width."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from llm_pipeline.jobs.backoff import ceiling_s, pause_s


@given(st.integers(1, 10_000), st.floats(0, 100), st.floats(0, 1000), st.integers())
def test_a_pause_is_within_its_ceiling_and_the_ceiling_within_the_cap(
    attempt: int, first: float, cap: float, seed: int
) -> None:
    assert 0 <= pause_s(attempt, first, cap, Random(seed)) <= ceiling_s(attempt, first, cap) <= cap


def test_the_ceiling_doubles_until_the_cap() -> None:
    assert [ceiling_s(attempt, 10, 100) for attempt in range(1, 7)] == [10, 20, 40, 80, 100, 100]


def test_jobs_that_failed_together_do_not_come_back_together() -> None:
    random = Random(1)
    pauses = sorted(pause_s(3, 10, 600, random) for _ in range(1_000))
    # Full jitter: uniform over 0 to 40 seconds.
    assert pauses[0] < 1
    assert pauses[-1] > 39
    assert 18 < sum(pauses) / len(pauses) < 22
