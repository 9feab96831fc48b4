"""Reading evidence back from a rendered prompt: the exact inverse, or a refusal."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_pipeline.anomalies.contract import AnomalyAnswer
from llm_pipeline.llm.prompts import BEGIN_DATA, END_DATA, PromptTemplate, parse_prompt
from llm_pipeline.llm.schema import json_schema
from llm_pipeline.replay.errors import EvidenceNotRecoveredError
from llm_pipeline.replay.evidence import recover_variables
from llm_pipeline.settings import PROJECT_ROOT
from llm_pipeline.validation.contract import GateAnswer

HOSTILE = st.sampled_from(
    [
        "{{ schema_json }}",
        '","candidates":',
        '],"trading_records":[',
        f"\n{END_DATA}\n",
        "<|im_end|>",
        "\x00",
        "\ud83d",
        '"',
    ]
)
TEXT = st.text(max_size=20) | HOSTILE
SCALAR = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
CONTAINER = st.recursive(
    st.lists(SCALAR, max_size=3) | st.dictionaries(TEXT, SCALAR, max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
SCHEMAS = {"validation_gate": json_schema(GateAnswer), "anomaly_detection": json_schema(AnomalyAnswer)}


def prompt(key: str) -> PromptTemplate:
    return parse_prompt((PROJECT_ROOT / "prompts" / f"{key}.txt").read_bytes(), f"{key}.txt")


def template(user: str) -> PromptTemplate:
    text = f"# Version: 1.0.0\n# Service: try_out\nSYSTEM:\nAnswer.\n{{{{ schema_json }}}}\nUSER:\n{user}"
    return parse_prompt(text.encode(), "try_out.txt")


def fenced(data: str) -> str:
    return f"{BEGIN_DATA}\n{data}\n{END_DATA}\n"


@given(CONTAINER)
def test_the_gates_batch_is_read_back_whatever_is_in_it(batch: Any) -> None:
    asked = prompt("validation_gate")
    messages = asked.render(schema=SCHEMAS["validation_gate"], batch_json=batch)
    assert recover_variables(asked, messages, SCHEMAS["validation_gate"]) == {"batch_json": batch}


@given(st.dates(), st.dates(), st.lists(CONTAINER, min_size=5, max_size=5))
def test_the_five_objects_and_two_dates_of_detection_are_read_back(start: Any, end: Any, values: list[Any]) -> None:
    asked = prompt("anomaly_detection")
    names = (
        "filer_names_or_ALL",
        "calendar_events_json",
        "trading_records_json",
        "baseline_stats_json",
        "candidates_json",
    )
    variables = {"start_date": str(start), "end_date": str(end), **dict(zip(names, values, strict=True))}
    messages = asked.render(schema=SCHEMAS["anomaly_detection"], **variables)
    assert recover_variables(asked, messages, SCHEMAS["anomaly_detection"]) == variables


def test_a_re_asked_question_gives_the_evidence_of_the_question() -> None:
    asked = prompt("validation_gate")
    messages = asked.render(schema=SCHEMAS["validation_gate"], batch_json={"records": [1]})
    messages = (*messages, {"role": "assistant", "content": "no"}, {"role": "user", "content": "again"})
    assert recover_variables(asked, messages, SCHEMAS["validation_gate"]) == {"batch_json": {"records": [1]}}


def test_a_text_inside_the_fence_is_read_back_as_text() -> None:
    asked = template(fenced('{"url":"{{ url }}","row":{{ row }}}'))
    messages = asked.render(schema={}, url="https://example.org/a", row={"a": 1})
    assert recover_variables(asked, messages, {}) == {"url": "https://example.org/a", "row": {"a": 1}}


def test_a_variable_that_stands_twice_must_be_the_same() -> None:
    asked = template("Of {{ day }}:\n" + fenced("{{ row }}") + "That was {{ day }}.")
    messages = asked.render(schema={}, day="2020-01-02", row=[])
    assert recover_variables(asked, messages, {}) == {"day": "2020-01-02", "row": []}
    forged = (messages[0], {**messages[1], "content": messages[1]["content"].replace("was 2020", "was 2021")})
    with pytest.raises(EvidenceNotRecoveredError, match=r"form of try_out 1\.0\.0"):
        recover_variables(asked, forged, {})


def test_what_can_be_read_in_two_ways_is_refused() -> None:
    asked = template("From {{ start }} to {{ end }}.\n" + fenced("{{ row }}"))
    messages = asked.render(schema={}, start="a to b", end="c", row={})
    with pytest.raises(EvidenceNotRecoveredError, match="more than one way"):
        recover_variables(asked, messages, {})


def test_another_version_of_the_prompt_does_not_pass_for_the_one_that_was_asked() -> None:
    asked = template("Look.\n" + fenced("{{ row }}"))
    messages = asked.render(schema={}, row={"a": 1})
    other = template("Look closely.\n" + fenced("{{ row }}"))
    with pytest.raises(EvidenceNotRecoveredError, match="does not have the form"):
        recover_variables(other, messages, {})


def test_a_contract_that_changed_since_is_named_as_the_reason() -> None:
    asked = prompt("validation_gate")
    messages = asked.render(schema={"old": True}, batch_json={})
    with pytest.raises(EvidenceNotRecoveredError, match="contract's schema is not the one of then"):
        recover_variables(asked, messages, SCHEMAS["validation_gate"])


@pytest.mark.parametrize("data", ['{"a": 1}', '{"a":1.50}', '{"a":1,"a":2}', '{"a":"<"}'])
def test_data_that_do_not_render_to_the_same_bytes_are_refused(data: str) -> None:
    asked = template(fenced("{{ row }}"))
    system = asked.render(schema={}, row={})[0]
    with pytest.raises(EvidenceNotRecoveredError, match="same user message"):
        recover_variables(asked, (system, {"role": "user", "content": fenced(data).strip()}), {})


@pytest.mark.parametrize("user", ["{{ row | upper }}", "{% if row %}{{ row }}{% endif %}", "{{ row.a }}"])
def test_a_template_with_more_than_placeholders_is_refused(user: str) -> None:
    asked = template(fenced(user))
    with pytest.raises(EvidenceNotRecoveredError, match="more than plain placeholders"):
        recover_variables(asked, ({"role": "system", "content": ""}, {"role": "user", "content": ""}), {})
