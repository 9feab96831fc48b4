"""All filers of a day are asked about at once; that is what asking about one after the other comes to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_pipeline.anomalies.detection.amount import examine_amount
from llm_pipeline.anomalies.detection.crowd import Crowd, crowd_on
from llm_pipeline.anomalies.detection.frequency import examine_frequency
from llm_pipeline.anomalies.detection.history import Histories
from llm_pipeline.anomalies.detection.proximity import examine_proximity
from llm_pipeline.anomalies.detection.sector import examine_sector
from llm_pipeline.anomalies.detection.timing import examine_timing
from llm_pipeline.anomalies.detection.trade import Trade
from llm_pipeline.anomalies.detection.trial import Finding, Trial
from llm_pipeline_tests.anomalies.scenes import THRESHOLDS, book_of, burst, congress_of, habit, hearing

KNOWN = date(2020, 8, 10)
FILERS = tuple("ABCDEF")
CONGRESS = congress_of([hearing(date(2020, 7, day), name=f"H{day}") for day in (3, 9, 16, 28)])
EXAMINE: tuple[Callable[[Histories, Crowd], list[Trial]], ...] = (
    lambda histories, crowd: examine_frequency(histories, crowd, THRESHOLDS),
    lambda histories, crowd: examine_amount(histories, crowd, THRESHOLDS),
    lambda histories, crowd: examine_timing(histories, crowd, THRESHOLDS),
    lambda histories, crowd: examine_sector(histories, CONGRESS, crowd, crowd.sector_shares(365), THRESHOLDS),
    lambda histories, crowd: examine_proximity(histories, CONGRESS, crowd, THRESHOLDS),
)


def lives(random: Random) -> list[Trade]:
    """Filers with habits of several sizes, most of them with something newly known."""
    trades = []
    for filer in FILERS:
        trades += habit(filer, n=random.choice((0, 2, 12, 40, 90)), seed=random.randrange(1000))
        gaps = [random.randrange(40) for _ in range(random.choice((0, 1, 4, 9, 14)))]
        amount = random.choice((2, 3, 6))
        trades += burst(filer, KNOWN - timedelta(days=50), gaps, known=KNOWN, amount=amount)
    return trades


def told(trial: Trial) -> tuple[str, float, bool, bool, Finding | None]:
    """Everything that a trial says."""
    finding = trial.describe() if trial.describe else None
    return trial.filer_key, trial.p_value, trial.large_enough, trial.possible, finding


@pytest.mark.parametrize("examine", EXAMINE)
@settings(max_examples=15, deadline=None)
@given(random=st.randoms(use_true_random=False), seen=st.sampled_from([0, 3]))
def test_asking_about_filers_together_is_asking_one_by_one(
    examine: Callable[[Histories, Crowd], list[Trial]], random: Random, seen: int
) -> None:
    book = book_of(lives(random))
    crowd = crowd_on(book, KNOWN, THRESHOLDS)
    filers = book.filer_keys
    reported = {key: {f"{key}-{900 + i:05d}": 1 for i in range(seen)} for key in filers[::2]}
    together = examine(book.histories(filers, KNOWN, reported), crowd)
    alone = [trial for key in filers for trial in examine(book.histories([key], KNOWN, reported), crowd)]
    assert [told(one) for one in together] == [told(one) for one in alone]
