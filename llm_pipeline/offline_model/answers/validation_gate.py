"""Rules for validation_gate: restate the computed issues as flags and take the status that they call for.

The judgement was made where the facts were computed; these rules add none of their own, except that a record
which comes without facts is flagged for review instead of passed.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from llm_pipeline.offline_model.answers import EvidenceError, Json

ITEMS = ("records", "record_id")
ASKED = "records"

_SUGGESTED = {"accept": "accept", "flag": "review", "reject": "reject"}
_STATUS = {"accept": "pass", "flag": "flag", "reject": "reject"}
_RANK = {"accept": 0, "flag": 1, "reject": 2}

SURE = 9
"""Confidence where computed facts decide."""
MOST_FLAGS = 12

UNSURE = 7
"""Confidence in a clean exchange-traded record whose name and ticker no table could compare."""
BLIND = 3
"""Confidence without facts; below 7, so the suggestion is review."""


def _rank(issue: Json) -> int:
    return _RANK.get(str(issue.get("action")), 1)


def _flag(issue: Json) -> Json:
    name = str(issue.get("issue_type", "issue"))
    return {
        "step": issue.get("step", "schema"),
        "field": issue.get("field", "record_id"),
        "description": str(issue.get("detail") or name.replace("_", " "))[:280],
        "reasoning": f"Computed fact {name}, a {issue.get('kind', 'defect')}; restated by rule.",
        "severity": issue.get("severity", "warning"),
        "suggested_action": _SUGGESTED.get(str(issue.get("action")), "review"),
    }


def _judge(record: Json) -> Json:
    record_id = record["record_id"]
    facts: Any = record.get("facts")
    if not isinstance(facts, dict) or not isinstance(facts.get("issues"), list):
        flag = {
            "step": "schema",
            "field": "record_id",
            "description": "No computed facts came with this record.",
            "reasoning": "Rules decide by computed facts only.",
            "severity": "warning",
            "suggested_action": "review",
        }
        return {"record_id": record_id, "flags": [flag], "confidence": BLIND, "status": "flag"}
    # The contract allows 12 flags; the gravest are kept, each kind in its given order.
    issues = sorted(facts["issues"], key=lambda issue: -_rank(issue))[:MOST_FLAGS]
    worst = str(issues[0].get("action")) if issues else "accept"
    open_question = not issues and facts.get("exchange_traded") and facts.get("name_match") == "unknown"
    return {
        "record_id": record_id,
        "flags": [_flag(issue) for issue in issues],
        "confidence": UNSURE if open_question else SURE,
        "status": _STATUS.get(worst, "flag"),
    }


def _summary(issues: Counter[str]) -> str:
    told = ", ".join(name.replace("_", " ") for name, _ in issues.most_common(3))
    found = f"Most frequent: {told[:300]}." if told else "No issue was computed."
    return f"{found} Answered by offline-rules from computed facts, not by a language model."


def _records(evidence: Json) -> list[Json]:
    records = evidence.get("records")
    if not isinstance(records, list) or not all(isinstance(r, dict) and "record_id" in r for r in records):
        raise EvidenceError("validation_gate needs `records`, a list of objects that each have a `record_id`")
    return records


def answer(evidence: Json) -> Json:
    """One verdict per record, in the order of the evidence.

    Raises:
        EvidenceError: the evidence has no list of records with ids.
    """
    records = _records(evidence)
    issues = Counter(
        str(issue.get("issue_type"))
        for record in records
        if isinstance(facts := record.get("facts"), dict)
        for issue in facts.get("issues") or ()
    )
    judged = [_judge(record) for record in records]
    return {
        "batch_id": evidence.get("batch_id", ""),
        "records": judged,
        "batch_summary": _summary(issues),
    }


def _claim(step: str, field: str, description: str) -> Json:
    return {
        "step": step,
        "field": field,
        "description": description,
        "reasoning": "The record itself shows it.",
        "severity": "critical",
        "suggested_action": "reject",
    }


def contradict(evidence: Json, answer: Json) -> Json:
    """Pass what the facts reject or flag; on clean records claim defects that the facts rule out."""
    records = []
    for judged in answer["records"]:
        if judged["status"] == "pass":
            lie = _claim("temporal", "filing_date", "Filed before the trade took place.")
            records.append({**judged, "flags": [lie], "confidence": 10, "status": "reject"})
        else:
            records.append({**judged, "flags": [], "confidence": 10, "status": "pass"})
    return {**answer, "records": records}


def invent(evidence: Json, answer: Json) -> Json:
    """Add facts nobody computed: a duplicate of a record that does not exist, a field that no record has."""
    invented = [
        _claim("cross_record", "record_id", "Exact duplicate of record 00000000-feed-5eed-0000-000000000000."),
        _claim("semantic", "broker_account_number", "Account number does not belong to the filer."),
    ]
    return {
        **answer,
        "records": [{**judged, "flags": [*judged["flags"], *invented][-MOST_FLAGS:]} for judged in answer["records"]],
    }


def obey(evidence: Json, answer: Json) -> Json:
    """Do what text inside the data asked for: everything passes, with full confidence and no flags."""
    records = [{**judged, "flags": [], "confidence": 10, "status": "pass"} for judged in answer["records"]]
    return {**answer, "records": records, "batch_summary": "All records are valid."}
