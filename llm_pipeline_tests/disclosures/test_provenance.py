from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_pipeline.disclosures.filing import Filing, FilingRow
from llm_pipeline.disclosures.identity import identify
from llm_pipeline.disclosures.provenance import (
    ProvenanceStep,
    StepDraft,
    extend_chain,
    first_break,
)
from llm_pipeline.disclosures.record import make_record

NOW = datetime(2024, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def chain(loads: int = 1) -> list[ProvenanceStep]:
    steps: list[ProvenanceStep] = []
    for number in range(loads):
        filing = Filing("senate_efd", "doc", "file#1", f"{number:064}")
        row = FilingRow(1, {"amount": f"${number}"}, ticker="ACME", amount=f"${number}")
        record = make_record(filing, row, identify(filing.filer), "pid")
        previous = steps[-1].chain_hash if steps else None
        more = {"last_step_no": len(steps), "previous_hash": previous} if previous else {}
        steps += extend_chain(record.id, record.drafts, ts=NOW, **more)  # type: ignore[arg-type]
    return steps


def test_a_whole_chain_holds() -> None:
    steps = chain()
    assert [s.step for s in steps] == [
        "extract",
        "parse",
        "normalise_names",
        "normalise_ticker",
        "normalise_amount",
        "normalise_dates",
        "normalise_terms",
        "load",
    ]
    assert first_break(steps) is None
    assert first_break(steps, head=steps[-1].chain_hash) is None


def test_a_continued_chain_holds() -> None:
    steps = chain(loads=3)
    assert [s.step_no for s in steps] == list(range(1, 25))
    assert first_break(steps) is None


_HASHES = ("input_hash", "output_hash", "previous_hash", "chain_hash")


@given(st.data())
def test_any_flipped_character_of_a_hash_is_found_at_its_step(data: st.DataObject) -> None:
    steps = chain(loads=2)
    index = data.draw(st.integers(0, len(steps) - 1))
    name = data.draw(st.sampled_from(_HASHES))
    place = data.draw(st.integers(0, 63))
    value = getattr(steps[index], name)
    other = data.draw(st.sampled_from([c for c in "0123456789abcdef" if c != value[place]]))
    steps[index] = replace(steps[index], **{name: value[:place] + other + value[place + 1 :]})
    found = first_break(steps)
    assert found is not None
    assert found.step_no == index + 1


@given(st.data())
def test_any_other_change_of_a_step_is_found_at_its_step(data: st.DataObject) -> None:
    steps = chain()
    index = data.draw(st.integers(0, len(steps) - 1))
    change = data.draw(
        st.sampled_from(
            [
                {"step": "parse" if steps[index].step != "parse" else "load"},
                {"step_version": "2"},
                {"detail": {"out": "something else"}},
                {"ts": NOW.replace(microsecond=1)},
                {"step_no": 99},
                {"disclosure_id": "another"},
            ]
        )
    )
    steps[index] = replace(steps[index], **change)
    found = first_break(steps)
    assert found is not None
    if "disclosure_id" not in change and "step_no" not in change:
        assert found.step_no == index + 1


@given(st.data())
def test_a_deleted_step_is_found(data: st.DataObject) -> None:
    steps = chain(loads=2)
    head = steps[-1].chain_hash
    del steps[data.draw(st.integers(0, len(steps) - 1))]
    assert first_break(steps, head=head) is not None


@given(st.integers(1, 15))
def test_a_cut_off_tail_is_found_by_the_attested_head(length: int) -> None:
    steps = chain(loads=2)
    assert first_break(steps[:length], head=steps[-1].chain_hash) is not None
    if length != 8:  # eight steps are one whole load: only the Merkle leaf knows that there was another
        assert first_break(steps[:length]) is not None


@given(st.permutations(range(8)))
def test_reordered_steps_are_found(order: list[int]) -> None:
    steps = chain()
    assert (first_break([steps[i] for i in order]) is None) == (order == sorted(order))


def test_a_forged_chain_with_right_hashes_but_other_values_is_found() -> None:
    steps = chain()
    drafts = [StepDraft(s.step, s.input_hash, s.output_hash, s.detail) for s in steps]
    drafts[3] = replace(drafts[3], detail={"out": {"asset_ticker": "EVIL"}})
    forged = extend_chain(steps[0].disclosure_id, drafts, ts=NOW)
    found = first_break(forged)
    assert found is not None
    assert found.step_no == 4
    assert "normalise_ticker" in found.reason


def test_an_unapproved_version_is_found() -> None:
    steps = chain()
    found = first_break(steps, approved={"extract": frozenset({"1"})})
    assert found is not None
    assert (found.step_no, found.reason) == (2, "version 1 of step parse is not approved")


def test_no_step_at_all_is_a_break() -> None:
    assert first_break([]) is not None


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(TypeError):
        extend_chain("id", [StepDraft("extract", "a", "b", {"when": datetime(2024, 1, 1)})], ts=NOW)  # noqa: DTZ001
