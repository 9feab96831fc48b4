"""The rules on chains alone: any single change of a chain, wherever it is made, is found."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_pipeline.disclosures.provenance import ProvenanceStep, StepDraft, extend_chain
from llm_pipeline.hashing import hash_of
from llm_pipeline.lineage.breaks import GAPS, HASHES, TIMES, VERSIONS
from llm_pipeline.lineage.chain import chain_breaks, first_break
from llm_pipeline.lineage.verify import Verification
from llm_pipeline_tests.disclosures.test_provenance import NOW, chain

_TEXTS = ("input_hash", "output_hash", "previous_hash", "chain_hash", "step", "step_version", "disclosure_id")
HEX = "0123456789abcdef"


def superseded() -> list[ProvenanceStep]:
    """Two loads, superseded after the second."""
    steps = chain(loads=2)
    detail = {"superseded_by": "other", "reason": "an amendment"}
    draft = StepDraft("supersede", steps[-1].output_hash, hash_of(detail), detail)
    more = extend_chain(
        steps[0].disclosure_id,
        [draft],
        ts=NOW + timedelta(days=1),
        last_step_no=len(steps),
        previous_hash=steps[-1].chain_hash,
    )
    return [*steps, *more]


def test_whole_chains_hold() -> None:
    for steps in (chain(), chain(loads=3), superseded()):
        assert list(chain_breaks(steps, now=NOW + timedelta(days=2))) == []


@given(st.data())
def test_any_single_changed_character_is_found_at_its_step(data: st.DataObject) -> None:
    steps = superseded()
    index = data.draw(st.integers(0, len(steps) - 1))
    name = data.draw(st.sampled_from(_TEXTS))
    value = getattr(steps[index], name)
    place = data.draw(st.integers(0, len(value) - 1))
    other = data.draw(st.characters(codec="utf-8").filter(lambda c: c != value[place]))
    steps[index] = steps[index]._replace(**{name: value[:place] + other + value[place + 1 :]})
    found = first_break(steps)
    assert found is not None
    assert found.step_no == index + 1


def _values(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [one for key, inner in value.items() for one in _values(inner, (*path, key))]
    return [path]


@given(st.data())
def test_any_changed_value_of_a_detail_is_found_at_its_step(data: st.DataObject) -> None:
    steps = superseded()
    index = data.draw(st.integers(0, len(steps) - 1))
    paths = _values(dict(steps[index].detail))
    if not steps[index].detail:
        return
    path = data.draw(st.sampled_from(paths))
    new = data.draw(st.none() | st.integers() | st.text() | st.booleans() | st.floats(allow_nan=False) | st.just([]))

    def changed(value: Any, rest: tuple[Any, ...]) -> Any:
        return new if not rest else {**value, rest[0]: changed(value[rest[0]], rest[1:])}

    detail = changed(steps[index].detail, path)
    if hash_or_none(detail) == hash_of(steps[index].detail):
        return
    steps[index] = steps[index]._replace(detail=detail)
    found = first_break(steps)
    assert found is not None
    assert found.step_no == index + 1


def hash_or_none(value: Any) -> str | None:
    """The hash, or None for what has none."""
    try:
        return hash_of(value)
    except TypeError:
        return None


@given(st.data(), st.timedeltas(min_value=timedelta(microseconds=1), max_value=timedelta(days=9000)), st.booleans())
def test_any_moved_time_is_found_and_named_where_the_true_one_can_be_told(
    data: st.DataObject, distance: timedelta, back: bool
) -> None:
    steps = superseded()
    index = data.draw(st.integers(0, len(steps) - 1))
    steps[index] = steps[index]._replace(ts=steps[index].ts - distance if back else steps[index].ts + distance)
    codes = {one.code for one in chain_breaks(steps)}
    assert codes & (TIMES | {"hash_mismatch"})
    if index < len(steps) - 1:  # the last step is the only one of its time
        assert "time_edited" in codes


@given(st.data())
def test_a_deleted_step_is_found_unless_it_is_the_last_of_what_is_complete_without_it(data: st.DataObject) -> None:
    steps = superseded()
    index = data.draw(st.integers(0, len(steps) - 2))
    del steps[index]
    found = first_break(steps)
    assert found is not None
    assert found.code in GAPS


@given(st.integers(0, 17))
def test_a_cut_off_tail_is_found_unless_whole_loads_are_left(length: int) -> None:
    steps = superseded()
    found = first_break(steps[:length])
    # Those the row and the Merkle root tell of.
    assert (found is None) == (length in (8, 16, 17))


@given(st.permutations(range(17)))
def test_reordered_steps_are_found(order: list[int]) -> None:
    steps = superseded()
    assert (first_break([steps[i] for i in order]) is None) == (order == sorted(order))


@given(st.data())
def test_steps_that_swapped_their_numbers_are_found(data: st.DataObject) -> None:
    steps = superseded()
    one, two = data.draw(st.lists(st.integers(0, 16), min_size=2, max_size=2, unique=True))
    steps[one], steps[two] = (
        steps[two]._replace(step_no=steps[one].step_no),
        steps[one]._replace(step_no=steps[two].step_no),
    )
    found = first_break(steps)
    assert found is not None
    assert found.step_no == min(one, two) + 1


def test_a_forged_chain_with_right_hashes_but_other_values_is_found() -> None:
    steps = chain()
    drafts = [StepDraft(s.step, s.input_hash, s.output_hash, s.detail) for s in steps]
    drafts[3] = StepDraft(drafts[3].step, drafts[3].input_hash, drafts[3].output_hash, {"out": {"asset_ticker": "X"}})
    found = first_break(extend_chain(steps[0].disclosure_id, drafts, ts=NOW))
    assert found is not None
    assert (found.step_no, found.code) == (4, "output_mismatch")


@pytest.mark.parametrize("loads", [1, 2])
def test_a_version_that_was_never_approved_is_found(loads: int) -> None:
    found = first_break(chain(loads), approved={"extract": frozenset({"1"})})
    assert found is not None
    assert (found.step_no, found.code, found.found) == (2, "version_not_approved", "1")


def test_no_step_at_all_is_a_break() -> None:
    found = first_break([])
    assert found is not None
    assert found.code == "chain_missing"


@given(st.data())
def test_the_booleans_say_which_kind_of_break_there_is(data: st.DataObject) -> None:
    steps = superseded()
    name, new, false, true = data.draw(
        st.sampled_from(
            [
                ("chain_hash", "0" * 64, "hash_chain_valid", "temporal_ordering_valid"),
                ("ts", NOW - timedelta(days=1), "temporal_ordering_valid", "all_transforms_approved"),
                ("step_version", "7", "all_transforms_approved", "temporal_ordering_valid"),
            ]
        )
    )
    index = data.draw(st.integers(0, 15))
    steps[index] = steps[index]._replace(**{name: new})
    integrity = Verification("id", tuple(chain_breaks(steps)), (), len(steps)).integrity
    assert integrity[false] is False
    assert integrity[true] is True
    assert integrity["gaps_detected"] is False


def test_every_code_of_a_chain_belongs_to_a_kind() -> None:
    assert not GAPS & TIMES
    assert {"hash_mismatch", "link_broken", "handover_broken", "output_mismatch", "time_edited"} <= HASHES
    assert "version_not_approved" in VERSIONS - HASHES
