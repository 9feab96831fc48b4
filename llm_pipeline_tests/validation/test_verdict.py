from __future__ import annotations

from typing import Any, Literal, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_pipeline.llm.schema import json_schema
from llm_pipeline.validation.contract import GateAnswer, GateFlag, RecordAnswer
from llm_pipeline.validation.issue import RecordFacts
from llm_pipeline.validation.record import MODEL_FIELDS, ValidationRecord
from llm_pipeline.validation.verdict import Verdict, decide
from llm_pipeline_tests.validation.records import facts_of, record

RANK = {"pass": 0, "flag": 1, "reject": 2}
CLEAN = record()
LATE = record(filing_date="2023-05-20", extraction_ts="2023-05-21")
BROKEN = record(transaction_date="2019-06-31")
OBSCURE = record(ticker="QQQZ", asset_description="Nobody Ever Heard Of Ltd")
SAMPLES: list[tuple[ValidationRecord, RecordFacts]] = [(r, facts_of(r)[0]) for r in (CLEAN, LATE, BROKEN, OBSCURE)]


def flag(step: str = "semantic", field: str = "asset_description", action: str = "review") -> GateFlag:
    return GateFlag.model_validate(
        {
            "step": step,
            "field": field,
            "description": "d",
            "reasoning": "because",
            "severity": "warning",
            "suggested_action": action,
        }
    )


def answer(status: str, *flags: GateFlag, confidence: int = 9) -> RecordAnswer:
    return RecordAnswer.model_validate(
        {"record_id": "r1", "flags": list(flags), "confidence": confidence, "status": status}
    )


def verdict_on(one: ValidationRecord, said: RecordAnswer | None) -> Verdict:
    return decide(one, facts_of(one)[0], said)


def literals(annotation: Any) -> list[str]:
    return list(get_args(annotation))


FIELD = st.sampled_from(MODEL_FIELDS) | st.text(max_size=40)
FLAGS = st.builds(
    GateFlag,
    step=st.sampled_from(literals(Literal["schema", "semantic", "temporal", "cross_record"])),
    field=FIELD,
    description=st.text(max_size=300),
    reasoning=st.text(max_size=300),
    severity=st.sampled_from(["info", "warning", "critical"]),
    suggested_action=st.sampled_from(["accept", "review", "reject", "enrich"]),
)
ANSWERS = st.builds(
    RecordAnswer,
    record_id=st.just("r1"),
    flags=st.lists(FLAGS, max_size=4),
    confidence=st.integers(0, 10),
    status=st.sampled_from(["pass", "flag", "reject"]),
)


@given(st.sampled_from(SAMPLES), ANSWERS)
def test_for_any_answer_the_status_is_never_milder_than_the_rules(
    sample: tuple[ValidationRecord, RecordFacts], said: RecordAnswer
) -> None:
    one, facts = sample
    rules, verdict = decide(one, facts), decide(one, facts, said)
    assert RANK[verdict.status] >= RANK[rules.status]
    assert [i for i in verdict.issues if i.source == "rules"] == [
        type(i)(**{**vars(i), "reasoning": j.reasoning}) for i, j in zip(rules.issues, verdict.issues, strict=False)
    ]


@given(st.sampled_from(SAMPLES), ANSWERS)
def test_for_any_answer_the_status_is_never_stricter_without_a_grounded_flag(
    sample: tuple[ValidationRecord, RecordFacts], said: RecordAnswer
) -> None:
    one, facts = sample
    rules, verdict = decide(one, facts), decide(one, facts, said)
    own = [i for i in verdict.issues if i.source == "llm_validation" and i.suggested_action != "accept"]
    if RANK[verdict.status] > RANK[rules.status] and not own:
        assert (said.status, verdict.status) == ("reject", "flag")
    if verdict.status == "reject" and rules.status != "reject":
        assert own
        assert said.confidence >= 7


@given(st.sampled_from(SAMPLES), ANSWERS)
def test_for_any_answer_issues_name_existing_fields_once_and_nothing_is_lost(
    sample: tuple[ValidationRecord, RecordFacts], said: RecordAnswer
) -> None:
    one, facts = sample
    verdict = decide(one, facts, said)
    assert all(i.field in MODEL_FIELDS for i in verdict.issues)
    keys = [(i.issue_type, i.field, i.source) for i in verdict.issues]
    assert len(keys) == len(set(keys))
    unknown = [f for f in said.flags if f.field not in MODEL_FIELDS]
    assert len([c for c in verdict.claims if c.reason_code == "unknown_field"]) == len(unknown)


def test_without_a_model_the_rules_decide_alone() -> None:
    assert verdict_on(CLEAN, None).status == "pass"
    late = verdict_on(LATE, None)
    assert (late.status, late.confidence) == ("flag", None)
    assert (late.issues[0].expected, late.issues[0].actual) == ("a filing within 45 days of the trade", "2023-05-20")


def test_a_hard_rule_cannot_be_overruled() -> None:
    broken = verdict_on(BROKEN, answer("pass"))
    assert broken.status == "reject"
    assert "impossible_date" in broken.reason


@pytest.mark.parametrize("step", ["schema", "temporal", "cross_record"])
def test_a_flag_in_a_step_that_code_decides_contradicts_the_facts(step: str) -> None:
    verdict = verdict_on(CLEAN, answer("reject", flag(step, "filing_date", "reject")))
    assert [c.reason_code for c in verdict.claims] == ["contradicts_fact", "unsupported_verdict"]
    assert verdict.status == "flag"
    assert verdict.issues == ()


def test_a_doubt_about_a_name_that_matches_contradicts_the_facts() -> None:
    verdict = verdict_on(CLEAN, answer("flag", flag(field="ticker")))
    assert verdict.status == "pass"
    assert [c.reason_code for c in verdict.claims] == ["contradicts_fact", "unsupported_verdict"]


def test_a_doubt_about_meaning_that_no_fact_settles_stands() -> None:
    verdict = verdict_on(OBSCURE, answer("flag", flag()))
    assert verdict.status == "flag"
    assert [(i.source, i.field, i.kind) for i in verdict.issues] == [("llm_validation", "asset_description", "defect")]


def test_a_rejection_by_the_model_alone_needs_a_flag_and_confidence() -> None:
    assert verdict_on(OBSCURE, answer("reject", flag(action="reject"))).status == "reject"
    unsure = verdict_on(OBSCURE, answer("reject", flag(action="reject"), confidence=6))
    assert (unsure.status, unsure.issues[0].suggested_action) == ("flag", "review")
    assert verdict_on(OBSCURE, answer("reject")).status == "flag"


def test_a_bare_flag_does_not_count() -> None:
    verdict = verdict_on(CLEAN, answer("flag"))
    assert verdict.status == "pass"
    assert [c.reason_code for c in verdict.claims] == ["unsupported_verdict"]


def test_a_field_that_does_not_exist_is_a_claim_not_an_issue() -> None:
    verdict = verdict_on(OBSCURE, answer("flag", flag(field="salary")))
    assert (verdict.status, verdict.issues) == ("pass", ())
    assert verdict.claims[0].reason_code == "unknown_field"


def test_a_flag_that_restates_an_issue_lends_it_its_reasoning() -> None:
    verdict = verdict_on(LATE, answer("flag", flag("temporal", "transaction_date")))
    assert verdict.claims == ()
    (issue,) = verdict.issues
    assert (issue.issue_type, issue.reasoning, issue.source) == ("late_filing", "because", "rules")


def test_a_note_of_the_model_does_not_raise_the_status() -> None:
    verdict = verdict_on(OBSCURE, answer("pass", flag(action="accept")))
    assert verdict.status == "pass"
    assert len(verdict.issues) == 1


def test_facts_and_answer_must_be_of_the_record() -> None:
    with pytest.raises(ValueError, match="r1"):
        decide(record(record_id="other"), facts_of(CLEAN)[0])


def test_the_contract_stays_within_what_servers_enforce() -> None:
    schema = json_schema(GateAnswer)
    assert list(schema["properties"]) == ["batch_id", "records", "batch_summary"]
    shown = list(schema["$defs"]["GateFlag"]["properties"])
    assert shown.index("reasoning") < shown.index("severity") < shown.index("suggested_action")
