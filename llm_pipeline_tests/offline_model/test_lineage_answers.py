from __future__ import annotations

import json

import pytest

from llm_pipeline.disclosures.provenance import APPROVED_VERSIONS
from llm_pipeline.interrogations.lineage_audit import INTERROGATION, bind
from llm_pipeline.interrogations.lineage_audit.contract import LineageAnswer
from llm_pipeline.interrogations.lineage_audit.gathering import Audited, audit_of
from llm_pipeline.interrogations.lineage_audit.grounding import ground
from llm_pipeline.interrogations.queued import Evidence
from llm_pipeline.lineage.breaks import Break
from llm_pipeline.lineage.examine import Examination
from llm_pipeline.lineage.verify import Verification
from llm_pipeline.llm.prompts import Messages, load_prompts
from llm_pipeline.llm.schema import json_schema
from llm_pipeline.llm.tokens import estimate_prompt
from llm_pipeline.llm.unsafe_schema import unsafe_features
from llm_pipeline.offline_model.answers import EvidenceError, lineage_audit
from llm_pipeline.settings import project_folder
from llm_pipeline_tests.disclosures.test_provenance import chain


def audited(*own: Break, ours: bool = True, loads: int = 1) -> Audited:
    """A record with a real chain and given breaks."""
    steps = tuple(chain(loads)) if ours else ()
    found = Verification("11111111-2222-4333-8444-555555555555", own, (), len(steps), ours)
    return audit_of(Examination(found, None, steps, None, None), "pass")


BROKEN = Break("link_broken", "step 3 normalise_names", "previous_hash aa", "bb", 3)


def rendered(about: Audited) -> Messages:
    template = load_prompts(project_folder("prompts"))[INTERROGATION.key]
    return template.render(schema=json_schema(LineageAnswer), **about.variables)


def asked(about: Audited) -> dict[str, object]:
    return json.loads(rendered(about)[1]["content"].splitlines()[2])


@pytest.mark.parametrize("about", [audited(), audited(BROKEN), audited(ours=False)])
def test_the_honest_answer_fits_the_contract_and_every_claim_is_borne_out(about: Audited) -> None:
    answer = LineageAnswer.model_validate(lineage_audit.answer(asked(about)))
    grounded = ground(about, answer)
    assert list(grounded.claims) == []
    assert (grounded.result.score, grounded.result.action) == (about.limit.cap, about.limit.least_action)
    assert len(grounded.result.questions) == 5


@pytest.mark.parametrize("about", [audited(), audited(BROKEN), audited(ours=False)])
@pytest.mark.parametrize(
    ("lie", "code"), [("contradict", "boolean_mismatch"), ("invent", "text_number"), ("obey", None)]
)
def test_lies_fit_the_contract_and_never_reach_the_report(about: Audited, lie: str, code: str | None) -> None:
    evidence = asked(about)
    wrong = getattr(lineage_audit, lie)(evidence, lineage_audit.answer(evidence))
    grounded = ground(about, LineageAnswer.model_validate(wrong))
    codes = {claim.reason_code for claim in grounded.claims}
    if code:
        assert code in codes
    assert grounded.result.score <= about.limit.cap
    assert grounded.result.narrative_by == ("model" if not codes else "code")
    assert "4711" not in grounded.result.narrative


def test_an_answer_about_another_record_is_refused_whole() -> None:
    about = audited()
    answer = LineageAnswer.model_validate(lineage_audit.answer(asked(about)))
    for name in ("record_id", "audit_id"):
        grounded = ground(about, answer.model_copy(update={name: "another"}))
        assert grounded.result is None
        assert [claim.reason_code for claim in grounded.claims] == [f"other_{name}"]


def test_the_schema_keeps_to_what_servers_enforce_before_and_after_ids_are_bound() -> None:
    about = audited()
    bound = bind(json_schema(LineageAnswer), Evidence(about.variables, about))
    assert unsafe_features(bound) == []
    assert bound["properties"]["record_id"]["enum"] == [about.disclosure_id]
    names = list(json_schema(LineageAnswer)["properties"])
    assert names.index("verification_questions") < names.index("overall_trust_score") < names.index("audit_narrative")


def test_a_prompt_of_a_long_chain_stays_small_and_its_instructions_do_not_change() -> None:
    short, long = rendered(audited()), rendered(audited(loads=9))
    assert short[0] == long[0]
    assert estimate_prompt(long) < 6000
    assert len(audited(loads=9).variables["transform_chain_json"]) == 24


def test_the_report_id_changes_with_the_evidence_and_only_then() -> None:
    assert audited().report_id == audited().report_id
    assert len({audited().report_id, audited(BROKEN).report_id, audited(loads=2).report_id}) == 3


@pytest.mark.parametrize("evidence", [{}, {"integrity": None}, {"integrity": {"audit_id": "a"}}])
def test_evidence_without_findings_is_refused_and_not_answered_empty(evidence: dict[str, object]) -> None:
    with pytest.raises(EvidenceError, match="integrity"):
        lineage_audit.answer(evidence)


def test_every_step_that_is_written_has_an_approved_version() -> None:
    assert all(step.step_version in APPROVED_VERSIONS[step.step] for step in chain())
