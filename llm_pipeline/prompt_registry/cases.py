"""A reviewed disagreement becomes a labelled case of the validation gate, which every later evaluation includes.

The case keeps the record as the gate judged it and the facts that code computes for it from the stored table, because
the rows and names around it, on which they rest, change.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

from psycopg import Connection, DataError
from psycopg.rows import dict_row

from llm_pipeline.db.connection import async_connect
from llm_pipeline.prompt_registry.store import withdraw_case, write_case
from llm_pipeline.validation.facts import compute_facts
from llm_pipeline.validation.interrogation import KEY
from llm_pipeline.validation.issue import ACTION_RANK, RecordFacts
from llm_pipeline.validation.knowledge import Knowledge
from llm_pipeline.validation.record import MODEL_FIELDS, ValidationRecord, record_from_json
from llm_pipeline.validation.store import read_neighbours, read_record

STATUSES = ("pass", "flag", "reject")

_DECISION: LiteralString = """
SELECT id::text, disclosure_id, gate_verdict, human_verdict, content -> 'record' AS record, reviewed_by, why
FROM review_decisions
WHERE disclosure_id IS NOT NULL AND (id::text = %(id)s OR disclosure_id = %(id)s)
ORDER BY seq DESC LIMIT 1
"""

_QUARANTINE: LiteralString = """
SELECT id::text, original_record_id::text AS disclosure_id, 'reject' AS gate_verdict,
    CASE status WHEN 'rejected' THEN 'reject' ELSE 'pass' END AS human_verdict, NULL::jsonb AS record, reviewed_by,
    COALESCE(review_notes, 'reviewed in quarantine') AS why
FROM data_quality_quarantine
WHERE reviewed_by IS NOT NULL AND status IN ('approved', 'rejected')
  AND (id::text = %(id)s OR original_record_id::text = %(id)s)
ORDER BY reviewed_at DESC LIMIT 1
"""


class NoSuchDecisionError(ValueError):
    """Nobody has reviewed this, or there is no such disclosure; the message says what to do."""


class NoDisagreementError(ValueError):
    """The human agreed with the gate, so there is nothing to learn."""


@dataclass(frozen=True)
class AddedCase:
    """A labelled case: the status that a human says is right, beside the gate's.

    Attributes:
        new: False when the case was there already; then nothing was changed.
        settled_by_rules: the rules alone go beyond the human's verdict, so no prompt can get it right.
    """

    case_id: str
    verdict: str
    gate_verdict: str | None
    new: bool
    settled_by_rules: bool


@dataclass(frozen=True)
class _Decision:
    id: str
    disclosure_id: str
    gate_verdict: str | None
    human_verdict: str
    record: dict[str, Any] | None
    reviewed_by: str
    why: str


def add_case(
    conn: Connection[Any],
    url: str,
    which: str,
    *,
    now: datetime,
    verdict: str | None = None,
    by: str | None = None,
    why: str | None = None,
) -> AddedCase:
    """Keep a disclosure with the verdict that a human gave it.

    Args:
        url: of the same database, for what is read asynchronously.
        which: id of a review decision, of a quarantine row, or of a disclosure (its last decision counts).
        verdict: pass, flag or reject, for a disclosure without a decision; then `by` and `why` are needed.

    Raises:
        NoSuchDecisionError: nothing was decided, or there is no such disclosure.
        NoDisagreementError: human and gate say the same.
        psycopg.Error: the database refused.
    """
    decision = _decision(conn, which)
    if decision is None and not (verdict and by and why):
        raise NoSuchDecisionError(
            f"nobody has reviewed {which}; name a decision, or give --verdict, --by and --why for a disclosure"
        )
    if decision is not None and verdict is None and decision.gate_verdict == decision.human_verdict:
        raise NoDisagreementError(f"{which}: the human agrees with the gate ({decision.human_verdict})")
    disclosure_id = decision.disclosure_id if decision else which
    stored = _stored(conn, disclosure_id)
    record = stored
    if decision is not None and decision.record is not None:
        record = record_from_json({**decision.record, "record_id": disclosure_id})
    if record is None:
        raise NoSuchDecisionError(f"there is no disclosure {disclosure_id}")
    facts = asyncio.run(_facts(url, record, stored is not None, now))
    right = verdict or (decision.human_verdict if decision else "")
    values = {
        "interrogation": KEY,
        "case_id": disclosure_id,
        "record": {name: getattr(record, name) for name in MODEL_FIELDS},
        "facts": facts.to_json(),
        "label": _label(right),
        "origin": "review",
        "source_id": decision.id if decision else disclosure_id,
        "created_by": by or (decision.reviewed_by if decision else ""),
        "why": why or (decision.why if decision else ""),
        "created_at": now,
    }
    new = write_case(conn, values)
    gate = decision.gate_verdict if decision else None
    return AddedCase(disclosure_id, right, gate, new, ACTION_RANK[facts.action] > STATUSES.index(right))


def withdraw(conn: Connection[Any], case_id: str, *, by: str, why: str, now: datetime) -> None:
    """Take a case whose label was wrong out of later evaluations; the row stays.

    Raises:
        NoSuchDecisionError: no such case is in force.
    """
    if not withdraw_case(conn, KEY, case_id, by, why, now):
        raise NoSuchDecisionError(f"no labelled case {case_id} is in force")


def _decision(conn: Connection[Any], which: str) -> _Decision | None:
    with conn.cursor(row_factory=dict_row) as cur:
        kept = cur.execute("SELECT to_regclass('review_decisions') IS NOT NULL AS there").fetchone()
        statements = [_DECISION, _QUARANTINE] if kept and kept["there"] else [_QUARANTINE]
        for statement in statements:
            if row := cur.execute(statement, {"id": which}).fetchone():
                return _Decision(**row)
    return None


def _label(verdict: str) -> dict[str, Any]:
    said = "accept" if verdict == "pass" else verdict
    defect = verdict != "pass"
    return {
        "is_defect": defect,
        "kind": f"reviewed_{verdict}" if defect else None,
        "expected": said,
        "accept": [said],
    }


def _stored(conn: Connection[Any], disclosure_id: str) -> ValidationRecord | None:
    try:
        with conn.transaction(), conn.cursor(row_factory=dict_row) as cur:
            return read_record(cur, disclosure_id)
    except DataError:  # no id of this table
        return None


async def _facts(url: str, record: ValidationRecord, stored: bool, now: datetime) -> RecordFacts:
    conn = await async_connect(url, row_factory=dict_row)
    try:
        async with conn.cursor() as cur:
            knowledge = await Knowledge.read(cur, now)
            neighbours = await read_neighbours(cur, [record]) if stored else []
        return compute_facts([record], knowledge.context(neighbours))[record.record_id]
    finally:
        await conn.close()
