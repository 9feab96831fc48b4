"""Rules for validation_gate: restate the computed issues as flags and take the status that they call for.

Most judgements were made where the facts were computed. Two are the rules' own. A record that comes without facts is
flagged for review instead of passed. And where no table could tell whether a listed asset's ticker and description
belong together (`name_match` is "unknown"), a ticker whose letters do not stand in the description's leading name in
their order is doubted (step `semantic`); unless the whole description has them, or all but one of them, the first
included, stand in the name, as with a ticker kept from a former name (step `verify`). Steps that the prompt does not
ask for are left out: without `semantic` nothing is doubted, without `verify` every doubt stands.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection
from typing import Any

from llm_pipeline.offline_model.answers import EvidenceError, Json

ITEMS = ("records", "record_id")
ASKED = "records"
STEPS = ("schema", "semantic", "temporal", "cross_record", "verify")

_SUGGESTED = {"accept": "accept", "flag": "review", "reject": "reject"}
_STATUS = {"accept": "pass", "flag": "flag", "reject": "reject"}
_RANK = {"accept": 0, "flag": 1, "reject": 2}

SURE = 9
"""Confidence where computed facts decide."""
MOST_FLAGS = 12

UNSURE = 7
"""Confidence in an exchange-traded record whose name and ticker no table could compare."""
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


_DOUBT = {
    "step": "semantic",
    "field": "ticker",
    "description": "The ticker's letters are not in the name beside it.",
    "reasoning": "Tickers are made from names; no table knows this one.",
    "severity": "warning",
    "suggested_action": "review",
}
_AFTER_NAME = re.compile(r"[(,;]|\b(?:formerly|fka)\b", re.IGNORECASE)


def _missing(ticker: str, text: str) -> list[int]:
    """Places of the ticker's letters that do not stand in the text in their order."""
    told, place, missing = text.lower(), 0, []
    for number, letter in enumerate(ticker.lower()):
        found = told.find(letter, place)
        if found >= 0:
            place = found + 1
        elif letter.isalpha():
            missing.append(number)
    return missing


def _doubted(record: Json, steps: Collection[str]) -> bool:
    """Whether the rules' own judgement says that ticker and description do not belong together."""
    ticker, told = str(record.get("ticker") or ""), str(record.get("asset_description") or "")
    name = _AFTER_NAME.split(told, maxsplit=1)[0].strip()
    missing = _missing(ticker, name)
    if "semantic" not in steps or not ticker.strip("-") or not name or not missing:
        return False
    nearly = len(missing) == 1 and ticker[:1].lower() == name[:1].lower()
    return "verify" not in steps or not (nearly or not _missing(ticker, told))


def _judge(record: Json, steps: Collection[str]) -> Json:
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
    asked = [issue for issue in facts["issues"] if str(issue.get("step", "schema")) in steps]
    issues = sorted(asked, key=lambda issue: -_rank(issue))[:MOST_FLAGS]
    worst = str(issues[0].get("action")) if issues else "accept"
    open_question = not issues and facts.get("exchange_traded") and facts.get("name_match") == "unknown"
    if open_question and _doubted(record, steps):
        return {"record_id": record_id, "flags": [_DOUBT], "confidence": UNSURE, "status": "flag"}
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


def answer(evidence: Json, steps: Collection[str] = STEPS) -> Json:
    """One verdict per record, in the order of the evidence, from the steps asked for.

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
    judged = [_judge(record, steps) for record in records]
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
