from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_pipeline.offline_model import answers
from llm_pipeline.offline_model.answers import EvidenceError, asked_steps, rules_digest, rules_for, validation_gate
from llm_pipeline.validation.contract import GateAnswer
from llm_pipeline.validation.interrogation import gate_template
from llm_pipeline_tests.offline_model.asking import RECORDS, issue, record

STEPS = {"schema", "semantic", "temporal", "cross_record"}
ACTIONS = ("accept", "flag", "reject")


def test_the_status_is_what_the_worst_issue_calls_for():
    answer = validation_gate.answer({"batch_id": "b", "records": RECORDS})
    assert [(r["record_id"], r["status"]) for r in answer["records"]] == [
        ("r-clean", "pass"),
        ("r-late", "flag"),
        ("r-impossible", "reject"),
        ("r-noted", "pass"),
    ]
    assert {r["confidence"] for r in answer["records"]} == {9}


def test_every_issue_is_restated_as_a_flag_of_the_contract():
    (judged,) = validation_gate.answer({"records": [record("r", issue("reject"), issue("flag"), issue("accept"))]})[
        "records"
    ]
    assert [flag["suggested_action"] for flag in judged["flags"]] == ["reject", "review", "accept"]
    assert judged["flags"][0].keys() == {
        "step",
        "field",
        "severity",
        "description",
        "reasoning",
        "suggested_action",
    }
    assert judged["flags"][0]["description"] == "filed 61 days after the trade"


def test_a_record_without_facts_is_flagged_and_never_passed():
    (judged,) = validation_gate.answer({"records": [{"record_id": "r"}]})["records"]
    assert (judged["status"], judged["flags"][0]["suggested_action"]) == ("flag", "review")
    assert judged["confidence"] < 7


def test_the_gravest_of_many_issues_are_kept_and_decide():
    many = [issue("flag", detail=f"doubt {n}") for n in range(20)]
    (judged,) = validation_gate.answer({"records": [record("r", *many, issue("reject"))]})["records"]
    assert len(judged["flags"]) == 12
    assert (judged["status"], judged["flags"][0]["suggested_action"]) == ("reject", "reject")


@pytest.mark.parametrize("lie", [None, "contradict", "invent", "obey"])
def test_honest_and_lying_answers_alike_fit_the_gates_contract(lie):
    evidence = {"batch_id": "b", "records": [*RECORDS, {"record_id": "r-bare"}]}
    answer = validation_gate.answer(evidence)
    if lie:
        answer = getattr(validation_gate, lie)(evidence, answer)
    assert [r.record_id for r in GateAnswer.model_validate(answer).records] == [
        r["record_id"] for r in evidence["records"]
    ]


def test_the_summary_says_that_no_language_model_answered():
    summary = validation_gate.answer({"records": RECORDS})["batch_summary"]
    assert "offline-rules" in summary
    assert "not by a language model" in summary
    assert len(summary.split()) <= 100


@pytest.mark.parametrize("evidence", [{}, {"records": None}, {"records": [{"id": 1}]}, {"records": ["text"]}])
def test_evidence_without_records_is_refused_and_not_answered_empty(evidence):
    with pytest.raises(EvidenceError, match="record_id"):
        validation_gate.answer(evidence)


@given(st.lists(st.lists(st.sampled_from(ACTIONS), max_size=4), max_size=30))
def test_every_record_comes_back_once_in_order_and_the_same_evidence_gives_the_same_bytes(actions):
    evidence = {
        "batch_id": "b",
        "records": [record(f"r{n}", *(issue(action) for action in some)) for n, some in enumerate(actions)],
    }
    first, second = (json.dumps(validation_gate.answer(evidence)) for _ in range(2))
    assert first == second
    judged = json.loads(first)["records"]
    assert [r["record_id"] for r in judged] == [r["record_id"] for r in evidence["records"]]
    assert all(flag["step"] in STEPS for r in judged for flag in r["flags"])
    for r, some in zip(judged, actions, strict=True):
        assert (r["status"] == "reject") == ("reject" in some)
        assert (r["status"] == "pass") == (not {"reject", "flag"} & set(some))


def test_an_unknown_interrogation_names_the_known_ones():
    with pytest.raises(LookupError, match=r"'weather'.*validation_gate"):
        rules_for("weather")


def test_the_digest_changes_with_the_rules_source(tmp_path, monkeypatch):
    before = rules_digest()
    for file in Path(answers.__file__).parent.glob("*.py"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr(answers, "__file__", str(tmp_path / "__init__.py"))
    assert rules_digest.__wrapped__() == before
    (tmp_path / "validation_gate.py").write_text("ITEMS = ()\n")
    assert rules_digest.__wrapped__() != before


def unknown_to_tables(ticker: str, description: str) -> dict[str, object]:
    plain = record("r", ticker=ticker, asset_description=description)
    return {**plain, "facts": {**plain["facts"], "name_match": "unknown"}}


@pytest.mark.parametrize(
    ("ticker", "description", "asked", "without_verify", "without_semantic"),
    [
        ("QDNX", "Quodanvex Pumps Inc.", "pass", "pass", "pass"),
        ("STJ", "Viacom, Inc.", "flag", "flag", "pass"),
        ("ESV", "Ensco plc (NYSE)", "pass", "flag", "pass"),
        ("QDNX", "Belbridan Looms Inc. (formerly Quodanvex Corp.)", "pass", "flag", "pass"),
        ("QDNX", "see attached statement", "flag", "flag", "pass"),
        ("--", "see attached statement", "pass", "pass", "pass"),
    ],
)
def test_the_rules_doubt_a_name_only_where_the_prompt_asks_for_it_and_for_no_verification(
    ticker, description, asked, without_verify, without_semantic
):
    evidence = {"records": [unknown_to_tables(ticker, description)]}
    everything = set(validation_gate.STEPS)
    found = [
        validation_gate.answer(evidence, steps)["records"][0]["status"]
        for steps in (everything, everything - {"verify"}, everything - {"semantic"})
    ]
    assert found == [asked, without_verify, without_semantic]


def test_issues_of_steps_that_the_prompt_leaves_out_are_not_restated():
    evidence = {"records": [record("r", issue(step="temporal"), issue(step="schema"))]}
    (judged,) = validation_gate.answer(evidence, {"schema"})["records"]
    assert [flag["step"] for flag in judged["flags"]] == ["schema"]


def test_steps_are_read_from_numbered_lines_and_a_prompt_without_any_asks_for_all():
    known = validation_gate.STEPS
    assert asked_steps("1. schema: form\n2. Semantic: sense\n12. Verify yourself\n3. other", known) == {
        "schema",
        "semantic",
        "verify",
    }
    assert asked_steps("Judge the schema. Say 1. nothing", known) == set(known)


def test_the_project_s_own_prompts_ask_for_every_step_that_the_rules_know():
    assert asked_steps(gate_template().system, validation_gate.STEPS) == set(validation_gate.STEPS)
    assert len(re.findall(r"(?m)^\d+\. ", gate_template().system)) == len(validation_gate.STEPS)
