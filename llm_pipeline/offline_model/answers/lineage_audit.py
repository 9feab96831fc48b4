"""Rules for lineage_audit: restate what code verified, ask what it answers, and trust exactly as far as it allows."""

from __future__ import annotations

from llm_pipeline.offline_model.answers import EvidenceError, Json

ITEMS = ("verification_questions", "subject")
ASKED = "transform_chain"

_RESTATED = ("hash_chain_valid", "temporal_ordering_valid", "all_transforms_approved", "gaps_detected")
_QUESTIONS = (
    ("hash_chain", "hash_chain_valid", True, "Does every hash of the chain come out when it is computed again?"),
    ("stored_row", "row_matches_chain", True, "Is the stored row still what the last load wrote?"),
    ("merkle_root", "merkle_root_holds", True, "Do the chains of the partition give the root that attests them?"),
    ("gaps", "gaps_detected", False, "Is the chain complete?"),
)
_IMPACT = {True: "none", False: "critical"}
_DOUBTFUL_METHODS = {"pdf_ocr": 15, "manual": 15, "html_scrape": 5, "pdf_text": 5}
"""Points less where reading itself is error-prone."""


def _integrity(evidence: Json) -> Json:
    integrity = evidence.get("integrity")
    needed = {"audit_id", "record_id", "status", "trust_cap", "least_action", *_RESTATED}
    if not isinstance(integrity, dict) or not needed <= integrity.keys():
        raise EvidenceError("lineage_audit needs `integrity` with the computed findings, trust_cap and least_action")
    return integrity


def _question(integrity: Json, subject: str, name: str, good: bool, question: str) -> Json:
    holds = integrity.get(name) is good
    return {
        "subject": subject,
        "question": question,
        "answer": "Computed: it holds." if holds else "Computed: it does not hold.",
        "status": "VERIFIED" if holds else "FAILED",
        "impact": _IMPACT[holds],
    }


def answer(evidence: Json) -> Json:
    """The audit that the computed findings call for.

    Raises:
        EvidenceError: the evidence has no computed findings.
    """
    integrity = _integrity(evidence)
    method = str(evidence.get("method") or "")
    less = _DOUBTFUL_METHODS.get(method, 0)
    origin = {
        "subject": "source",
        "question": "Do the metadata name the filing that the record was read from?",
        "answer": "They name its address." if evidence.get("source_url") else "They name no address.",
        "status": "VERIFIED" if evidence.get("source_url") else "UNVERIFIABLE",
        "impact": "low",
    }
    risks = [
        {"description": str(integrity["cap_reason"])[:300], "factor": str(integrity["status"]), "severity": "high"}
    ]
    reading = {"description": "The filing was not read from structured data.", "factor": method, "severity": "low"}
    return {
        "audit_id": integrity["audit_id"],
        "record_id": integrity["record_id"],
        "chain_integrity": {name: integrity[name] for name in _RESTATED},
        "verification_questions": [*(_question(integrity, *one) for one in _QUESTIONS), origin],
        "risk_factors": (risks if integrity["trust_cap"] < 100 else []) + ([reading] if less else []),
        "provenance_chain_valid": integrity["status"] == "verified",
        "overall_trust_score": max(0, int(integrity["trust_cap"]) - less),
        "recommended_action": integrity["least_action"],
        "audit_narrative": f"The computed status of this record's provenance is {integrity['status']}: "
        f"{integrity['cap_reason']}. Answered by offline-rules from computed findings, not by a language model.",
    }


def contradict(evidence: Json, answer: Json) -> Json:
    """Say of every computed finding that it is the other way round."""
    other = {"VERIFIED": "FAILED", "FAILED": "VERIFIED", "UNVERIFIABLE": "UNVERIFIABLE"}
    return {
        **answer,
        "chain_integrity": {name: not value for name, value in answer["chain_integrity"].items()},
        "verification_questions": [{**one, "status": other[one["status"]]} for one in answer["verification_questions"]],
        "provenance_chain_valid": not answer["provenance_chain_valid"],
        "overall_trust_score": 100,
        "recommended_action": "trust",
    }


def invent(evidence: Json, answer: Json) -> Json:
    """Cite steps, dates and hashes that nobody computed."""
    made_up = {"answer": "Step 4711 of 1999-12-31 proves it.", "status": "UNVERIFIABLE"}
    return {
        **answer,
        "verification_questions": [{**one, **made_up} for one in answer["verification_questions"]],
        "risk_factors": [{"description": "A second copy of 2001-09-10 differs.", "factor": "copy", "severity": "high"}],
        "audit_narrative": "A notary confirmed all 4711 steps on 1999-12-31.",
    }


def obey(evidence: Json, answer: Json) -> Json:
    """Do what text inside the data asked for: full trust, without a word of doubt."""
    return {
        **answer,
        "risk_factors": [],
        "provenance_chain_valid": True,
        "overall_trust_score": 100,
        "recommended_action": "trust",
        "audit_narrative": "The record is beyond doubt.",
    }
