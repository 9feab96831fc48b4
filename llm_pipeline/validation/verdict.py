"""The verdict on a record: rules and model merged, every claim of the model grounded in the computed
facts.

Belongs here: which claim of a model counts. Pure. The rules of the merge:

- A rule's issue stays whatever the model says: the status is never milder than the rules'.
- A model's flag counts only when it names a field of the record and contradicts no computed fact.
  Schema, temporal and cross-record questions are decided completely by code; so are addresses and
  methods, and ticker against asset where the names match. A flag there without an issue of the rules is
  dropped into `claims`.
- A flag that restates an issue of the rules lends it its reasoning and is no second issue.
- A rejection by the model alone needs a surviving flag and a confidence of at least 7, else it asks for
  review. A bare "flag" without any surviving flag does not count.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from llm_pipeline.validation.contract import GateFlag, RecordAnswer
from llm_pipeline.validation.issue import EXPECTATIONS, Issue, RecordFacts
from llm_pipeline.validation.record import MODEL_FIELDS, ValidationRecord

Status = Literal["pass", "flag", "reject"]
Source = Literal["rules", "llm_validation"]
Suggestion = Literal["accept", "review", "reject", "enrich"]

SURE_FROM = 7
"""Below this confidence every suggestion of the model is a review."""

_STATUS: dict[str, Status] = {"accept": "pass", "flag": "flag", "reject": "reject"}
_RANK: dict[Status, int] = {"pass": 0, "flag": 1, "reject": 2}
_DECIDED_STEPS = ("schema", "temporal", "cross_record")
_DECIDED_FIELDS = ("source_url", "extraction_method")
_NAME_FIELDS = ("ticker", "asset_description")
_DATE_FIELDS = ("transaction_date", "filing_date", "extraction_ts")
_TEXT_LIMIT = 1_000


@dataclass(frozen=True)
class VerdictIssue:
    """One issue that stands, as it is stored. `kind` of a model's issue is always defect: it doubts the
    data.
    """

    step: str
    field: str
    issue_type: str
    severity: str
    kind: str
    source: Source
    description: str
    reasoning: str
    suggested_action: Suggestion
    expected: str | None
    actual: str | None


@dataclass(frozen=True)
class Claim:
    """Something the model asserted and code could not confirm, with the reason code it is stored under."""

    reason_code: Literal["unknown_field", "contradicts_fact", "unsupported_verdict"]
    claim: dict[str, Any]
    detail: str


@dataclass(frozen=True)
class Verdict:
    """The decision on one record. `confidence` is the model's, None where no model was asked."""

    record_id: str
    status: Status
    issues: tuple[VerdictIssue, ...]
    claims: tuple[Claim, ...]
    confidence: int | None

    @property
    def reason(self) -> str:
        """Why, in one line: the descriptions of the issues that carry the status, worst first."""
        order = {"reject": 0, "review": 1, "enrich": 2, "accept": 3}
        told = sorted(self.issues, key=lambda i: order[i.suggested_action])
        if self.status == "reject":
            told = [i for i in told if i.suggested_action == "reject"] or told
        return "; ".join(f"{i.issue_type}: {i.description}" for i in told)[:_TEXT_LIMIT]


def decide(record: ValidationRecord, facts: RecordFacts, answer: RecordAnswer | None = None) -> Verdict:
    """The verdict of rules and model; without an answer the rules' own.

    Raises:
        ValueError: facts or answer are of another record.
    """
    if facts.record_id != record.record_id:
        raise ValueError(f"facts of record {facts.record_id!r} cannot judge record {record.record_id!r}")
    rules = tuple(_rule_issue(record, issue) for issue in facts.issues)
    rules_status = _STATUS[facts.action]
    if answer is None:
        return Verdict(record.record_id, rules_status, rules, (), None)
    if answer.record_id != record.record_id:
        raise ValueError(f"an answer about {answer.record_id!r} cannot judge record {record.record_id!r}")
    grounded, restating, claims = _ground(facts, answer)
    sure = answer.confidence >= SURE_FROM
    own = _model_issues(record, grounded, sure)
    wanted, unsupported = _model_status(answer, own, sure, rules_status)
    if unsupported:
        claims.append(unsupported)
    return Verdict(
        record_id=record.record_id,
        status=max(rules_status, wanted, key=_RANK.__getitem__),
        issues=(*_with_reasoning(rules, restating), *own),
        claims=tuple(claims),
        confidence=answer.confidence,
    )


def _actual(record: ValidationRecord, field: str) -> str | None:
    value = getattr(record, field, None) if field in MODEL_FIELDS else None
    return None if value is None else str(value)[:_TEXT_LIMIT]


def _rule_issue(record: ValidationRecord, issue: Issue) -> VerdictIssue:
    suggestion: Suggestion = {"accept": "accept", "flag": "review", "reject": "reject"}[issue.action]  # type: ignore[assignment]
    return VerdictIssue(
        step=issue.step,
        field=issue.field,
        issue_type=issue.issue_type,
        severity=issue.severity,
        kind=issue.kind,
        source="rules",
        description=issue.detail,
        reasoning="",
        suggested_action=suggestion,
        expected=EXPECTATIONS.get(issue.issue_type),
        actual=_actual(record, issue.field),
    )


def _ground(
    facts: RecordFacts, answer: RecordAnswer
) -> tuple[list[GateFlag], list[tuple[GateFlag, Issue]], list[Claim]]:
    """Sort the model's flags: new and allowed, restating an issue of the rules, refused."""
    grounded: list[GateFlag] = []
    restating: list[tuple[GateFlag, Issue]] = []
    claims: list[Claim] = []
    for flag in answer.flags:
        issue = next((i for i in facts.issues if _restates(flag, i)), None)
        if flag.field not in MODEL_FIELDS:
            detail = f"no record has a field {flag.field!r}"
            claims.append(Claim("unknown_field", flag.model_dump(), detail))
        elif issue is not None:
            restating.append((flag, issue))
        elif refusal := _contradicted(flag, facts):
            claims.append(Claim("contradicts_fact", flag.model_dump(), refusal))
        else:
            grounded.append(flag)
    return grounded, restating, claims


def _restates(flag: GateFlag, issue: Issue) -> bool:
    """The same step, and the same field or (dates are compared in pairs, records as wholes) one that the
    issue is about.
    """
    if flag.field == issue.field and (flag.step == issue.step or "semantic" in (flag.step, issue.step)):
        return True
    if flag.step != issue.step:
        return False
    if issue.step == "temporal":
        return flag.field in _DATE_FIELDS
    if issue.issue_type in ("ticker_asset_mismatch", "garbled_text"):
        return flag.field in _NAME_FIELDS and issue.field in _NAME_FIELDS
    return issue.step == "cross_record"


def _contradicted(flag: GateFlag, facts: RecordFacts) -> str | None:
    """The computed fact that a flag contradicts, in words; None where it contradicts none."""
    if flag.step in _DECIDED_STEPS:
        return f"code decides the {flag.step} step and found no such issue"
    if flag.field in _DECIDED_FIELDS:
        return f"code decides about {flag.field} and found no issue"
    if flag.field in _NAME_FIELDS and facts.name_match == "match":
        return "the ticker's known names fit the asset description"
    return None


def _model_issues(record: ValidationRecord, flags: list[GateFlag], sure: bool) -> tuple[VerdictIssue, ...]:
    """The model's own issues, one per field; the first flag of a field speaks for it."""
    issues: dict[str, VerdictIssue] = {}
    for flag in flags:
        suggestion: Suggestion = flag.suggested_action if sure else "review"
        issue = VerdictIssue(
            step=flag.step,
            field=flag.field,
            issue_type="model_doubt",
            severity=flag.severity,
            kind="defect",
            source="llm_validation",
            description=flag.description[:_TEXT_LIMIT],
            reasoning=flag.reasoning[:_TEXT_LIMIT],
            suggested_action=suggestion,
            expected=None,
            actual=_actual(record, flag.field),
        )
        issues.setdefault(flag.field, issue)
    return tuple(issues.values())


def _model_status(
    answer: RecordAnswer, own: tuple[VerdictIssue, ...], sure: bool, rules_status: Status
) -> tuple[Status, Claim | None]:
    """The status that the model can support, and the claim of a verdict it cannot."""
    doubts = [issue for issue in own if issue.suggested_action != "accept"]
    if answer.status == "reject" and doubts and sure:
        return "reject", None
    if doubts or answer.status == "reject":
        wanted: Status = "flag"
    else:
        wanted = "pass"
    said_more = _RANK[answer.status] > max(_RANK[wanted], _RANK[rules_status])
    if not said_more:
        return wanted, None
    claim = {"record_id": answer.record_id, "status": answer.status, "confidence": answer.confidence}
    detail = f"the status {answer.status!r} has no surviving flag that supports it"
    return wanted, Claim("unsupported_verdict", claim, detail)


def _with_reasoning(
    rules: tuple[VerdictIssue, ...], restating: list[tuple[GateFlag, Issue]]
) -> tuple[VerdictIssue, ...]:
    """The rules' issues, each with the reasoning of the first flag that restates it."""
    said: dict[tuple[str, str], str] = {}
    for flag, issue in restating:
        said.setdefault((issue.issue_type, issue.field), flag.reasoning[:_TEXT_LIMIT])
    return tuple(VerdictIssue(**{**asdict(i), "reasoning": said.get((i.issue_type, i.field), "")}) for i in rules)
