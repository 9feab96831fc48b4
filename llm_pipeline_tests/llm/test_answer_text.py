"""Finding the JSON in what a model wrote."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_pipeline.llm.answer_text import answer_json
from llm_pipeline.llm.errors import NotJson, Refusal

TEXT = st.text(max_size=30)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=8,
)
OBJECTS = st.dictionaries(TEXT, JSON, max_size=4)
MARKS = st.sampled_from(["<think>", "</think>", "```", "```json", "}", "{", "I'm sorry", "\x00"])


@given(st.dictionaries(TEXT | MARKS, JSON | MARKS, max_size=4), st.booleans())
def test_json_is_returned_as_written_whatever_its_strings_hold(value: dict, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    assert answer_json(f"  {text}\n") == text


@pytest.mark.parametrize("half", ["\\ud83d", "\ud83d", "\\ude00"])
def test_half_a_character_costs_a_question_mark_not_the_answer(half: str) -> None:
    assert json.loads(answer_json(f'```json\n{{"a": "x{half}y", "b": "\\\\ud83d"}}\n```')) == {
        "a": "x\ufffdy",
        "b": "\\ud83d",
    }


@given(OBJECTS, TEXT, st.sampled_from(["```json\n{}\n```", "```\n{}```", "Sure:\n```JSON\r\n{}\r\n``` Done."]))
def test_fences_and_thinking_are_taken_away(value: dict, thought: str, fence: str) -> None:
    text = json.dumps(value)
    fenced = fence.replace("{}", text)
    quiet = thought.replace("<", "").replace(">", "")
    for wrapped in (fenced, f"<think>{quiet}</think>{text}", f"<think>{quiet}{{}}</think>\n{fenced}"):
        assert json.loads(answer_json(wrapped)) == value


@given(st.text(max_size=200) | st.text(alphabet='{}[]":,<think>/`jso \n1', max_size=60))
def test_any_text_gives_json_or_a_named_error(text: str) -> None:
    try:
        found = answer_json(text)
    except (NotJson, Refusal):
        return
    assert isinstance(json.loads(found), dict | list)
    assert found in text


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I cannot judge named people.",
        "As an AI I must not do that.",
        "I won’t answer this.",
        "<think>hm</think>I am unable to comply.",
    ],
)
def test_a_refusal_is_not_taken_for_broken_json(text: str) -> None:
    with pytest.raises(Refusal):
        answer_json(text)


@pytest.mark.parametrize("text", ['{"a": NaN}', '{"a": 1', '{"a": 1}{"a": 2}', "", "42", "<think>{}", "{" * 5000])
def test_nothing_is_repaired_or_guessed(text: str) -> None:
    with pytest.raises(NotJson):
        answer_json(text)
