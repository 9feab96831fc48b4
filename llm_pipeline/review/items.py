"""One item as it stands, whole: the SQL that reads it, and locks it where a decision follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, LiteralString

import psycopg
from psycopg import Cursor

from llm_pipeline.review.item import KINDS, Item, Kind, PastDecision, UnknownItemError
from llm_pipeline.review.queue import OURS
from llm_pipeline.validation.statements import OPEN
from llm_pipeline.validation.store import read_record

Row = dict[str, Any]

_QUARANTINED: LiteralString = """
    SELECT original_record_id::text AS disclosure_id, status, quarantine_reason AS reason,
           audit_trail_id::text AS audit_trail_id
    FROM data_quality_quarantine WHERE id::text = %(id)s AND table_name = 'trading_disclosures'"""

DISCLOSURE: LiteralString = """(
    SELECT i.id FROM jsonb_populate_record(NULL::trading_disclosures, jsonb_build_object('id', %(disclosure_id)s::text))
        AS i)"""
"""The id of a disclosure in the type of its column."""

ISSUES_OF: LiteralString = f"""i.table_name = 'trading_disclosures' AND i.record_id = (
    SELECT n.record_id FROM jsonb_populate_record(NULL::data_quality_issues,
        jsonb_build_object('record_id', %(disclosure_id)s::text)) AS n) AND {OURS}"""  # noqa: S608
"""The issues `i` that the gate raised on a disclosure."""

# Two reviewers of one record meet at its row, whichever list they found it in; so does the gate.
_LOCK_DISCLOSURE: LiteralString = f"SELECT 1 FROM trading_disclosures WHERE id = {DISCLOSURE} FOR UPDATE"  # noqa: S608

_STANDING: LiteralString = f"""
    SELECT d.llm_validation_status AS verdict, {OPEN} AS in_force,
           disclosure_content_sha256(to_jsonb(d)) AS content_sha256
    FROM trading_disclosures d WHERE d.id = {DISCLOSURE}"""  # noqa: S608

_ISSUES: LiteralString = f"""
    SELECT i.id::text AS id, i.issue_type, i.field_name, i.severity, i.kind, i.step, i.source, i.status, i.description,
           i.reasoning, i.suggested_action, i.audit_trail_id::text AS audit_trail_id
    FROM data_quality_issues i WHERE {ISSUES_OF}
    ORDER BY i.id"""  # noqa: S608

_SIGNAL: LiteralString = """
    SELECT s.review_status, s.status, s.audit_trail_id::text AS audit_trail_id, c.content,
           encode(sha256(convert_to(c.content::text, 'UTF8')), 'hex') AS content_sha256
    FROM llm_anomaly_signals s
    CROSS JOIN LATERAL (SELECT jsonb_build_object('filer', s.filer, 'classification', s.classification,
        'severity', s.severity, 'confidence', s.confidence, 'as_of_date', s.as_of_date,
        'trades_involved', s.trades_involved, 'legislative_context', s.legislative_context,
        'statistical_evidence', s.statistical_evidence, 'reasoning', s.reasoning,
        'self_verification_notes', s.self_verification_notes, 'trading_signal', s.trading_signal) AS content) AS c
    WHERE s.signal_id = %(id)s"""

_RECOMMENDATION: LiteralString = """
    SELECT r.status, to_jsonb(r) ->> 'superseded_by' AS superseded_by, r.audit_trail_id::text AS audit_trail_id,
           c.content,
           encode(sha256(convert_to(c.content::text, 'UTF8')), 'hex') AS content_sha256
    FROM llm_prompt_recommendations r
    CROSS JOIN LATERAL (SELECT jsonb_build_object('analysis_period_start', r.analysis_period_start,
        'analysis_period_end', r.analysis_period_end, 'scorecard', r.scorecard,
        'failure_patterns', r.failure_patterns, 'prompt_recommendations', r.prompt_recommendations,
        'threshold_adjustments', r.threshold_adjustments, 'data_quality_feedback', r.data_quality_feedback,
        'meta_confidence', r.meta_confidence) AS content) AS c
    WHERE r.feedback_id = %(id)s"""

_HISTORY: LiteralString = """
    SELECT decision, reviewed_by, reviewed_at, why, content_sha256, gate_verdict FROM review_decisions
    WHERE CASE WHEN %(disclosure_id)s::text IS NULL THEN kind = %(kind)s AND item_id = %(id)s
               ELSE disclosure_id = %(disclosure_id)s END
    ORDER BY seq"""


def read_item(cur: Cursor[Row], kind: Kind, item_id: str, *, lock: bool = False) -> Item | None:
    """The item as it stands; None where there is none of this id.

    Args:
        cur: of rows as dictionaries.
        lock: nobody else can decide on it until the caller's transaction ends.
    """
    if kind == "signal":
        return _signal(cur, item_id, lock)
    if kind == "recommendation":
        return _recommendation(cur, item_id, lock)
    return _disclosure(cur, kind, item_id, lock)


def find_item(cur: Cursor[Row], item_id: str, kinds: Sequence[Kind] = KINDS) -> Item:
    """The item of an id that only one kind knows.

    Raises:
        UnknownItemError: no kind knows it, or several do.
    """
    found = [item for kind in kinds if (item := read_item(cur, kind, item_id)) is not None]
    if not found:
        where = kinds[0] if len(kinds) == 1 else "item to review"
        raise UnknownItemError(f"there is no {where} {item_id!r}; `llm-pipeline review list` shows what waits")
    if len(found) > 1:
        raise UnknownItemError(f"{item_id!r} is {' and '.join(one.kind for one in found)}: name the kind before the id")
    return found[0]


def _history(cur: Cursor[Row], kind: Kind, item_id: str, disclosure_id: str | None = None) -> tuple[PastDecision, ...]:
    rows = cur.execute(_HISTORY, {"kind": kind, "id": item_id, "disclosure_id": disclosure_id}).fetchall()
    return tuple(PastDecision(**row) for row in rows)


def _signal(cur: Cursor[Row], item_id: str, lock: bool) -> Item | None:
    row = cur.execute(_SIGNAL + (" FOR UPDATE OF s" if lock else ""), {"id": item_id}).fetchone()
    if row is None:
        return None
    active = row["status"] == "active"
    return Item(
        kind="signal",
        item_id=item_id,
        state=row["review_status"] if active else row["status"],
        waits=active and row["review_status"] == "pending",
        decidable=active,
        content=row["content"],
        content_sha256=row["content_sha256"],
        audit_trail_id=row["audit_trail_id"],
        history=_history(cur, "signal", item_id),
    )


def _recommendation(cur: Cursor[Row], item_id: str, lock: bool) -> Item | None:
    row = cur.execute(_RECOMMENDATION + (" FOR UPDATE OF r" if lock else ""), {"id": item_id}).fetchone()
    if row is None:
        return None
    replaced = row["superseded_by"]
    return Item(
        kind="recommendation",
        item_id=item_id,
        state=f"superseded by {replaced}" if replaced else row["status"],
        waits=row["status"] == "pending" and replaced is None,
        decidable=row["status"] != "applied" and replaced is None,
        content=row["content"],
        content_sha256=row["content_sha256"],
        audit_trail_id=row["audit_trail_id"],
        history=_history(cur, "recommendation", item_id),
    )


def _disclosure(cur: Cursor[Row], kind: Kind, item_id: str, lock: bool) -> Item | None:
    quarantined: Row | None = None
    disclosure_id = item_id
    if kind == "quarantine":
        quarantined = cur.execute(_QUARANTINED, {"id": item_id}).fetchone()
        if quarantined is None:
            return None
        disclosure_id = quarantined["disclosure_id"]
    try:
        with cur.connection.transaction():
            if lock:
                cur.execute(_LOCK_DISCLOSURE, {"disclosure_id": disclosure_id})
            standing = cur.execute(_STANDING, {"disclosure_id": disclosure_id}).fetchone()
            record = read_record(cur, disclosure_id)
    except psycopg.DataError:  # the table's ids are of a type that cannot be this text
        return None
    if standing is None or record is None:
        return None
    if quarantined is not None and lock:  # it may have been decided while we waited for the lock
        quarantined = cur.execute(_QUARANTINED, {"id": item_id}).fetchone()
    issues = cur.execute(_ISSUES, {"disclosure_id": disclosure_id}).fetchall()
    history = _history(cur, kind, item_id, disclosure_id)
    verdict, in_force = standing["verdict"], standing["in_force"]
    if quarantined is not None:
        waits = in_force and verdict == "reject" and quarantined["status"] == "pending"
        state = quarantined["status"]
        audit = quarantined["audit_trail_id"]
    else:
        waits = in_force and verdict == "flag" and any(issue["status"] == "open" for issue in issues)
        state = "open" if waits else history[-1].decision if history else verdict
        audit = next((issue["audit_trail_id"] for issue in issues if issue["audit_trail_id"]), None)
    decidable = waits or (in_force and verdict in ("flag", "reject") and bool(history))
    if not decidable:
        state = f"about a record that is {verdict if in_force else 'no longer in force'}"
    shown = [{name: value for name, value in issue.items() if name != "audit_trail_id"} for issue in issues]
    return Item(
        kind=kind,
        item_id=item_id,
        state=state,
        waits=waits,
        decidable=decidable,
        content={
            "record": asdict(record),
            "reason": quarantined["reason"] if quarantined else None,
            "issues": shown,
        },
        content_sha256=standing["content_sha256"],
        audit_trail_id=audit,
        disclosure_id=disclosure_id,
        verdict=verdict,
        history=history,
    )
