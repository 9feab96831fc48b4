"""When an episode is asked about again: a rule over its sights alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from llm_pipeline.anomalies.detection.candidates import Candidate
from llm_pipeline.anomalies.episode import GROWTH_SHARE, GROWTH_TRADES, growth, stages, stages_by_episode
from llm_pipeline_tests.anomalies.cases import AS_OF, HEARING, SPIKE, candidate, trade_id

AFTER = replace(HEARING, trades_before=0, trades_after=3)


def seen(day: int, trades: int, **changes: object) -> Candidate:
    """The episode on a later day, with so many trades."""
    ids = tuple(sorted(trade_id(number) for number in range(trades)))
    return replace(SPIKE, as_of_date=AS_OF + timedelta(days=day), trade_ids=ids, **changes)  # type: ignore[arg-type]


def test_half_as_many_trades_again_and_at_least_three_are_growth() -> None:
    assert growth(seen(0, 10), seen(9, 14)) == ()
    assert growth(seen(0, 10), seen(9, 15)) == ("5 more trades",)
    assert growth(seen(0, 2), seen(9, 4)) == ()
    assert growth(seen(0, 2), seen(9, 5)) == ("3 more trades",)


def test_a_filer_who_joins_and_a_first_event_after_the_trades_are_growth() -> None:
    joined = seen(9, 10, filer_keys=("X900001", "X900002"), filers=("A", "B"))
    assert growth(seen(0, 10), joined) == ("1 more filers",)
    assert growth(seen(0, 10), seen(9, 10, events=(HEARING,))) == ("trades before a related event",)
    assert growth(seen(0, 10), seen(9, 10, events=(AFTER,))) == ()
    assert growth(seen(0, 10, events=(HEARING,)), seen(9, 10, events=(HEARING, AFTER))) == ()


def test_numbers_that_move_with_the_window_are_no_growth() -> None:
    assert growth(seen(0, 10), seen(9, 11, measures=())) == ()


sights = st.lists(st.integers(2, 60), min_size=1, max_size=12).map(
    lambda sizes: [seen(day, size) for day, size in enumerate(sorted(sizes))]
)


@given(sights, st.randoms())
def test_stages_depend_on_no_order_and_later_sights_change_no_earlier_stage(
    episode: list[Candidate], random: object
) -> None:
    shuffled = list(episode)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    found = stages(episode)
    assert stages(shuffled) == found
    assert found[0] == episode[0]
    for last in range(1, len(episode) + 1):
        assert stages(episode[:last]) == [one for one in found if one in episode[:last]]


@given(sights)
def test_between_two_stages_the_evidence_always_grew_and_after_the_last_it_did_not(episode: list[Candidate]) -> None:
    found = stages(episode)
    for asked, again in pairwise(found):
        more = len(again.trade_ids) - len(asked.trade_ids)
        assert more >= GROWTH_TRADES
        assert more >= GROWTH_SHARE * len(asked.trade_ids)
    assert growth(found[-1], episode[-1]) == ()


def test_episodes_are_kept_apart() -> None:
    other = candidate("ffff", range(3))
    assert stages_by_episode([seen(0, 2), other, seen(5, 9)]) == {
        SPIKE.candidate_id: [seen(0, 2), seen(5, 9)],
        other.candidate_id: [other],
    }
