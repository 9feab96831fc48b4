"""Differences of two answers: in words, fields and decisions."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_pipeline.replay.decisions import labels_of, paired, register_decisions
from llm_pipeline.replay.differences import ABSENT, Change, decision_changes, field_changes, text_diff
from llm_pipeline.replay.errors import ReplayError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, JSON)
def test_answers_differ_in_a_field_exactly_when_they_differ(then: Any, now: Any) -> None:
    same = json.dumps(then, sort_keys=True) == json.dumps(now, sort_keys=True)
    assert (field_changes(then, now) == []) is same


def test_a_field_is_named_by_its_path() -> None:
    then = {"records": [{"id": "a", "status": "pass"}], "n": 1}
    now = {"records": [{"id": "a", "status": "flag"}, {"id": "b"}], "m": None}
    assert field_changes(then, now) == [
        Change("records[0].status", "pass", "flag"),
        Change("records[1]", ABSENT, {"id": "b"}),
        Change("n", 1, ABSENT),
        Change("m", ABSENT, None),
    ]


def test_true_and_one_are_different_values() -> None:
    assert field_changes({"a": True}, {"a": 1}) == [Change("a", True, 1)]


def test_json_is_laid_out_before_it_is_compared_so_that_a_line_is_a_field() -> None:
    assert text_diff('{"a":1,"b":2}', '{"a":1,"b":3}') == ["@@ -2,3 +2,3 @@", '  "a": 1,', '- "b": 2', '+ "b": 3', " }"]


def test_prose_is_compared_line_by_line() -> None:
    assert text_diff("I cannot.\nSorry.", "I cannot.\nNo.") == ["@@ -1,2 +1,2 @@", " I cannot.", "-Sorry.", "+No."]
    assert text_diff("same", "same") == []


def test_each_interrogation_has_its_decisions() -> None:
    gate = {"batch_id": "b", "records": [{"record_id": "r1", "status": "pass"}, {"record_id": "r2", "status": "flag"}]}
    assert labels_of("validation_gate", gate) == {"r1": "pass", "r2": "flag"}
    detection = {"signals": [{"candidate_id": "c1"}], "rejected_candidates": [{"candidate_id": "c2"}]}
    assert labels_of("anomaly_detection", detection) == {"c1": "upheld", "c2": "rejected"}
    lineage = {"record_id": "r1", "recommended_action": "quarantine"}
    assert labels_of("lineage_audit", lineage) == {"r1": "quarantine"}


def test_an_answer_that_decides_an_item_twice_is_not_counted_by_its_last_word() -> None:
    both = {"signals": [{"candidate_id": "c"}], "rejected_candidates": [{"candidate_id": "c"}]}
    assert labels_of("anomaly_detection", both) == {"c": "(contradictory)"}


def test_without_an_entry_the_whole_answer_is_the_item() -> None:
    one, other = ({"facts": [n], "share": 0.5} for n in (1, 2))
    assert labels_of("some_new_one", one) == labels_of("some_new_one", dict(reversed(one.items())))
    assert labels_of("some_new_one", one) != labels_of("some_new_one", other)


def test_a_slice_registers_its_decisions_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llm_pipeline.replay.decisions._REGISTERED", {})
    register_decisions("coin", lambda answer: [("coin", answer["side"])])
    assert labels_of("coin", {"side": "heads"}) == {"coin": "heads"}
    with pytest.raises(ValueError, match="registered already"):
        register_decisions("coin", lambda answer: [])


def test_an_answer_of_another_shape_is_refused() -> None:
    with pytest.raises(ReplayError, match="none of validation_gate"):
        labels_of("validation_gate", {"verdicts": []})


def test_an_item_that_only_one_answer_names_is_a_difference() -> None:
    then, now = {"a": "pass", "b": "pass"}, {"a": "pass", "c": "flag"}
    assert paired(then, now) == {"a": ("pass", "pass"), "b": ("pass", "(none)"), "c": ("(none)", "flag")}
    assert decision_changes(then, now) == [Change("b", "pass", "(none)"), Change("c", "(none)", "flag")]
