"""What an audit is worth, against what code found. Pure.

- An answer about another record or another audit is refused as a whole.
- The booleans stored are code's; each that the model says otherwise is a claim.
- A question about something computed is answered as code found it: VERIFIED where it does not hold, or FAILED where it
  does, is a claim, and the question is not stored.
- Figures, dates and ids in sentences stand in the metadata; a question, risk factor or narrative with others is not
  stored. Of a model that contradicted code the narrative is not stored either: code's own stands in its place.
- The score is at most the cap, the action at least the one that the findings call for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from llm_pipeline.anomalies.text_claims import Shown, unsupported
from llm_pipeline.interrogations.lineage_audit.contract import LineageAnswer, RiskFactor, VerificationQuestion
from llm_pipeline.interrogations.lineage_audit.gathering import Audited
from llm_pipeline.interrogations.queued import Grounded, UngroundedClaim
from llm_pipeline.lineage.trust import ACTIONS, Action, stricter

_HOLDS_WHEN = {
    "hash_chain": ("hash_chain_valid", True),
    "temporal_order": ("temporal_ordering_valid", True),
    "approved_transforms": ("all_transforms_approved", True),
    "gaps": ("gaps_detected", False),
    "stored_row": ("row_matches_chain", True),
    "ledger": ("ledger_matches", True),
    "merkle_root": ("merkle_root_holds", True),
}
"""Which computed finding a question's subject is about, and the value with which it holds."""

_RESTATED = ("hash_chain_valid", "temporal_ordering_valid", "all_transforms_approved", "gaps_detected")
_OF_THE_METHOD = re.compile(r"\bSHA-?256\b|\b0 ?(?:-|to) ?100\b", re.IGNORECASE)
_NO_TICKERS = frozenset(
    ("SHA", "PDF", "URL", "ID", "IDS", "OCR", "API", "HTML", "JSON", "HTTP", "HTTPS", "CSV", "NULL")
)
_HASH = re.compile(r"(?<![\w-])[0-9a-f]{8,64}(?![\w-])")
"""A hash or the beginning of one: no number, whatever its digits. Not a part of a UUID."""
WORDS = 150
"""Most words of a narrative."""


@dataclass(frozen=True)
class _Metadata:
    """What the model was shown: its text, and the facts in it apart from hashes."""

    text: str
    facts: Shown

    @classmethod
    def of(cls, variables: Mapping[str, Any]) -> _Metadata:
        text = Shown.of(variables).data
        return cls(text, Shown(_HASH.sub(" ", text)))


@dataclass(frozen=True)
class Report:
    """What of an audit is stored: code's findings, and the model's judgement as far as they allow."""

    audited: Audited
    questions: tuple[VerificationQuestion, ...]
    risk_factors: tuple[RiskFactor, ...]
    model_score: int
    score: int
    model_action: Action
    action: Action
    narrative: str
    narrative_by: str


def ground(audited: Audited, answer: LineageAnswer) -> Grounded:
    """The report, with what was refused; no report when the answer is about something else."""
    for name, wanted in (("audit_id", audited.report_id), ("record_id", audited.disclosure_id)):
        if (said := getattr(answer, name)) != wanted:
            return Grounded(None, [UngroundedClaim({name: said}, f"other_{name}", f"asked about {wanted}")])
    shown = _Metadata.of(audited.variables)
    claims = [*_booleans(audited, answer)]
    questions = [one for one in answer.verification_questions if not _noted(claims, _question(audited, one, shown))]
    risks = [one for one in answer.risk_factors if not _noted(claims, _risk(one, shown))]
    contradicts = any(claim.reason_code in ("boolean_mismatch", "status_mismatch") for claim in claims)
    unsupported_words = _noted(claims, _narrative(answer, shown))
    cap, least = audited.limit.cap, audited.limit.least_action
    if answer.overall_trust_score > cap:
        claims.append(
            UngroundedClaim(
                {"overall_trust_score": answer.overall_trust_score}, "score_above_cap", f"{audited.limit.reason}: {cap}"
            )
        )
    if ACTIONS.index(answer.recommended_action) < ACTIONS.index(least):
        claims.append(
            UngroundedClaim(
                {"recommended_action": answer.recommended_action}, "action_too_mild", f"{audited.limit.reason}: {least}"
            )
        )
    own = contradicts or unsupported_words or not answer.audit_narrative.strip()
    return Grounded(
        Report(
            audited=audited,
            questions=tuple(questions),
            risk_factors=tuple(risks),
            model_score=answer.overall_trust_score,
            score=min(answer.overall_trust_score, cap),
            model_action=answer.recommended_action,
            action=stricter(answer.recommended_action, least),
            narrative=narrative_of_code(audited) if own else answer.audit_narrative,
            narrative_by="code" if own else "model",
        ),
        claims,
    )


def narrative_of_code(audited: Audited) -> str:
    """What code found, in sentences."""
    findings = audited.findings
    told = {
        "verified": "Chain, stored row, ledger entry and Merkle root were recomputed and hold.",
        "unattested": "Chain and stored row hold, but what attests them does not.",
        "broken": "The provenance of this record is broken.",
        "no_provenance": "This record was written by somebody else and has no provenance that could be verified.",
    }[findings["status"]]
    first = f" First broken link: {findings['first_break']}." if findings["first_break"] else ""
    return f"{told}{first} Trust is limited to {audited.limit.cap}: {audited.limit.reason}."


def _noted(claims: list[UngroundedClaim], found: Iterator[UngroundedClaim]) -> bool:
    before = len(claims)
    claims += found
    return len(claims) > before


def _booleans(audited: Audited, answer: LineageAnswer) -> Iterator[UngroundedClaim]:
    said = answer.chain_integrity.model_dump()
    valid = {"provenance_chain_valid": chain_valid(audited.findings)}
    for name, computed in {**{name: audited.findings[name] for name in _RESTATED}, **valid}.items():
        value = said.get(name, answer.provenance_chain_valid)
        if value != computed:
            yield UngroundedClaim({name: value}, "boolean_mismatch", f"computed: {computed}")


def chain_valid(findings: dict[str, Any]) -> bool:
    """Whether provenance as a whole holds: everything that code verified."""
    return bool(findings["status"] == "verified")


def _question(audited: Audited, one: VerificationQuestion, shown: _Metadata) -> Iterator[UngroundedClaim]:
    claim = one.model_dump(mode="json")
    if one.subject in _HOLDS_WHEN:
        name, good = _HOLDS_WHEN[one.subject]
        holds = audited.findings[name] is good
        if (one.status == "VERIFIED" and not holds) or (one.status == "FAILED" and holds):
            yield UngroundedClaim(claim, "status_mismatch", f"computed: {name} is {audited.findings[name]}")
    yield from _texts(claim, (one.question, one.answer), shown)


def _risk(one: RiskFactor, shown: _Metadata) -> Iterator[UngroundedClaim]:
    yield from _texts(one.model_dump(mode="json"), (one.factor, one.description), shown)


def _narrative(answer: LineageAnswer, shown: _Metadata) -> Iterator[UngroundedClaim]:
    text = answer.audit_narrative
    claim = {"audit_narrative": text}
    if len(text.split()) > WORDS:
        yield UngroundedClaim(claim, "too_long", f"at most {WORDS} words")
    yield from _texts(claim, (text,), shown)


def _texts(claim: dict[str, Any], texts: tuple[str, ...], shown: _Metadata) -> Iterator[UngroundedClaim]:
    for text in texts:
        for words in _HASH.findall(text):
            if words not in shown.text:
                yield UngroundedClaim(claim, "text_hash", f"{words!r} does not stand in the metadata")
        for code, words in unsupported(_HASH.sub(" ", _OF_THE_METHOD.sub(" ", text)), shown.facts):
            if code != "text_ticker" or words.lstrip("$") not in _NO_TICKERS:
                yield UngroundedClaim(claim, code, f"{words!r} does not stand in the metadata")


def disagreements(stored: Mapping[str, Any]) -> Iterator[str]:
    """What a stored report says otherwise than its findings: counted again, apart from what wrote it."""
    findings = stored["findings"]
    if stored["provenance_chain_valid"] != chain_valid(findings) or stored["status"] != findings["status"]:
        yield "its status is not the computed one"
    if stored["trust_score"] > findings["trust_cap"]:
        yield f"a trust of {stored['trust_score']} is above {findings['trust_cap']}"
    if ACTIONS.index(stored["recommended_action"]) < ACTIONS.index(findings["least_action"]):
        yield f"{stored['recommended_action']} is milder than {findings['least_action']}"
    for one in stored["questions"]:
        name, good = _HOLDS_WHEN.get(one["subject"], ("", None))
        if name and one["status"] == ("VERIFIED" if findings[name] is not good else "FAILED"):
            yield f"{one['subject']} is said to be {one['status']}"
