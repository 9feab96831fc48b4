"""Verdicts as rows of the tables that keep their reasons; pure.

Belongs here: which columns get which values, and fitting them to tables that may have been there before us, with
numbered ids and bounded texts. The statements are in `statements.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid5

from llm_pipeline.db.bulk import clean_text
from llm_pipeline.validation.report import Undecided
from llm_pipeline.validation.verdict import Verdict

ISSUE_NAMESPACE = UUID("6f1f5d0c-3d6b-5f0e-9c59-1c8b2a7e4d11")
TABLE = "trading_disclosures"
ISSUES = "data_quality_issues"
QUARANTINE = "data_quality_quarantine"
_TAKES_UUID = frozenset({"uuid", "text", "character varying", "character"})

Row = dict[str, Any]


@dataclass(frozen=True)
class Decision:
    """A verdict and the audit row of the call that it rests on."""

    verdict: Verdict
    audit_id: str


@dataclass(frozen=True)
class BatchResult:
    """What a batch of the gate came to: decisions, disclosures left undecided, and ids that the model made up, each
    with the audit row of the call that did."""

    decisions: tuple[Decision, ...] = ()
    undecided: tuple[Undecided, ...] = ()
    foreign: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class TableShapes:
    """What matters of the columns of the tables of reasons.

    Attributes:
        types: type names by table and column.
        lengths: longest text in characters by table and column, only where there is a limit.
    """

    types: Mapping[tuple[str, str], str] = field(default_factory=dict)
    lengths: Mapping[tuple[str, str], int] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Iterable[Row]) -> TableShapes:
        """From rows of the statement `COLUMNS`."""
        found = [((row["table_name"], row["column_name"]), row) for row in rows]
        return cls(
            types={key: row["type"] for key, row in found},
            lengths={key: row["length"] for key, row in found if row["length"]},
        )

    def takes_our_ids(self, table: str) -> bool:
        """Whether the id column can hold a UUID; otherwise the table numbers its rows itself."""
        return self.types.get((table, "id"), "uuid") in _TAKES_UUID

    def takes_names(self, table: str, column: str) -> bool:
        """Whether a column can hold a person's name; elsewhere people may be numbered."""
        return self.types.get((table, column)) in _TAKES_UUID - {"uuid"}

    def fit(self, table: str, rows: Iterable[Row]) -> list[Row]:
        """The rows without an id that the table cannot hold and with texts cut to its columns' lengths."""
        keep_id = self.takes_our_ids(table)
        return [
            {
                name: value[: self.lengths.get((table, name))] if isinstance(value, str) else value
                for name, value in row.items()
                if keep_id or name != "id"
            }
            for row in rows
        ]


def issue_id(record_id: str, issue_type: str, field: str, source: str) -> UUID:
    """The id of an issue: the same finding about the same record is the same row, however often it is found."""
    return uuid5(ISSUE_NAMESPACE, f"{record_id}|{issue_type}|{field}|{source}")


def verdict_rows(result: BatchResult) -> list[Row]:
    """Rows for trading_disclosures."""
    return [{"id": one.verdict.record_id, "llm_validation_status": one.verdict.status} for one in result.decisions]


def issue_rows(result: BatchResult) -> list[Row]:
    """Rows for data_quality_issues; no two of one record say the same of the same field."""
    rows = (row for decision in result.decisions for row in _issues_of(decision))
    return list({row["id"]: row for row in rows}.values())


def _issues_of(decision: Decision) -> list[Row]:
    verdict = decision.verdict
    common = {
        "table_name": TABLE,
        "record_id": verdict.record_id,
        "status": "open",
        "confidence": verdict.confidence,
        "audit_trail_id": decision.audit_id,
    }
    rows = [
        {
            "id": str(issue_id(verdict.record_id, issue.issue_type, issue.field, issue.source)),
            "severity": issue.severity,
            "issue_type": issue.issue_type,
            "field_name": issue.field,
            "expected_value": issue.expected,
            "actual_value": issue.actual,
            "description": issue.description,
            "source": issue.source,
            "kind": issue.kind,
            "step": issue.step,
            "reasoning": issue.reasoning,
            "suggested_action": issue.suggested_action,
            **common,
        }
        for issue in verdict.issues
    ]
    return rows or [_ungrounded_rejection(verdict, common)] if verdict.status == "flag" else rows


def _ungrounded_rejection(verdict: Verdict, common: Row) -> Row:
    """What a person reads of a record that is flagged only because the model rejected it without grounds."""
    claim = next((one for one in verdict.claims if one.reason_code == "unsupported_verdict"), None)
    return {
        "id": str(issue_id(verdict.record_id, "unsupported_rejection", "record_id", "llm_validation")),
        "severity": "warning",
        "issue_type": "unsupported_rejection",
        "field_name": "record_id",
        "expected_value": None,
        "actual_value": None,
        "description": "the model rejected this record; none of its reasons holds against the computed facts",
        "source": "llm_validation",
        "kind": "defect",
        "step": "semantic",
        "reasoning": claim.detail if claim else "",
        "suggested_action": "review",
        **common,
    }


def quarantine_rows(result: BatchResult) -> list[Row]:
    """Rows for data_quality_quarantine; the statement adds the original row and the ids of the issues."""
    return [
        {
            "id": str(uuid5(ISSUE_NAMESPACE, clean_text(f"{one.verdict.record_id}|quarantine|{one.verdict.reason}"))),
            "table_name": TABLE,
            "original_record_id": one.verdict.record_id,
            "quarantine_reason": one.verdict.reason,
            "suggested_corrections": {},
            "status": "pending",
            "audit_trail_id": one.audit_id,
        }
        for one in result.decisions
        if one.verdict.status == "reject"
    ]


def claim_rows(result: BatchResult, interrogation: str) -> list[Row]:
    """Rows for ungrounded_claims: what was refused of answers, and ids that nobody asked about."""
    refused = [
        {
            "audit_trail_id": decision.audit_id,
            "interrogation": interrogation,
            "claim": {"record_id": decision.verdict.record_id, **claim.claim},
            "reason_code": claim.reason_code,
            "detail": claim.detail,
        }
        for decision in result.decisions
        for claim in decision.verdict.claims
    ]
    unknown = [
        {
            "audit_trail_id": audit_id,
            "interrogation": interrogation,
            "claim": {"record_id": record_id},
            "reason_code": "unknown_record",
            "detail": "nobody asked about this id",
        }
        for record_id, audit_id in result.foreign
    ]
    return refused + unknown


def failure_rows(result: BatchResult) -> list[Row]:
    """Rows for validation_failures; `id` is the disclosure's, for its own table's type."""
    return [
        {
            "id": one.disclosure_id,
            "disclosure_id": one.disclosure_id,
            "last_error": one.message,
            "last_error_class": one.error_class,
        }
        for one in result.undecided
    ]
