"""The SQL of a decision on a disclosure: its status, its issues, its quarantine, what was built on it.

Belongs here: set-based writes in the caller's transaction, which holds the disclosure's row. Tables that may have been
there before us keep their own column types.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, LiteralString

from psycopg import Cursor

from llm_pipeline.anomalies.store import KNOWN_ON
from llm_pipeline.db.bulk import json_text
from llm_pipeline.review.item import Decision, Item
from llm_pipeline.review.items import DISCLOSURE, ISSUES_OF
from llm_pipeline.review.meaning import CONFIRMED, DISMISSED, Meaning
from llm_pipeline.validation import statements
from llm_pipeline.validation.stored_rows import QUARANTINE, TABLE, TableShapes

CORRECTIONS = "data_quality_corrections"

Row = dict[str, Any]

# The time of the verdict moves with the status alone: detection looks again at whatever was validated since it last
# looked.
_STATUS: LiteralString = f"""
    UPDATE trading_disclosures d SET llm_validation_status = %(status)s, llm_validated_at = %(now)s
    WHERE d.id = {DISCLOSURE} AND d.llm_validation_status <> %(status)s
    RETURNING {KNOWN_ON} AS known_on"""  # noqa: S608

_ISSUES: LiteralString = f"""
    UPDATE data_quality_issues i
    SET status = CASE WHEN i.kind = 'finding' THEN %(findings)s ELSE %(defects)s END
    WHERE {ISSUES_OF} AND i.status IN ('open', '{DISMISSED}', '{CONFIRMED}')"""  # noqa: S608

_QUARANTINE: LiteralString = """
    UPDATE data_quality_quarantine q
    SET (status, reviewed_by, reviewed_at, review_notes) =
        (SELECT r.status, r.reviewed_by, r.reviewed_at, r.review_notes
         FROM jsonb_populate_record(q, %(quarantine)s::jsonb) AS r)
    WHERE q.table_name = 'trading_disclosures'
      AND q.original_record_id = (
          SELECT n.original_record_id FROM jsonb_populate_record(NULL::data_quality_quarantine,
              jsonb_build_object('original_record_id', %(disclosure_id)s::text)) AS n)
      AND q.status IN ('pending', 'approved', 'rejected')"""

_INTO_QUARANTINE: LiteralString = f"""
    INSERT INTO data_quality_quarantine (table_name, original_record_id, quarantine_reason, issue_ids, original_data,
        suggested_corrections, status, reviewed_by, reviewed_at, review_notes, audit_trail_id)
    SELECT r.table_name, r.original_record_id, r.quarantine_reason, r.issue_ids, r.original_data,
        r.suggested_corrections, r.status, r.reviewed_by, r.reviewed_at, r.review_notes, r.audit_trail_id
    FROM trading_disclosures d
    CROSS JOIN LATERAL jsonb_populate_record(NULL::data_quality_quarantine,
        %(quarantine)s::jsonb || jsonb_build_object('original_data', to_jsonb(d))) AS r
    WHERE d.id = {DISCLOSURE}"""  # noqa: S608

_CORRECTION: LiteralString = """
    INSERT INTO data_quality_corrections (table_name, record_id, field_name, correction_type, old_value, new_value,
        corrected_by, approved_by, approved_at, can_rollback, rolled_back)
    SELECT r.table_name, r.record_id, r.field_name, r.correction_type, r.old_value, r.new_value, r.corrected_by,
        r.approved_by, r.approved_at, r.can_rollback, r.rolled_back
    FROM jsonb_populate_record(NULL::data_quality_corrections, %(correction)s) AS r"""

# Signals that stand on a rejected record are withdrawn at once; the next run of those days judges again what is left of
# the pattern.
_WITHDRAW: LiteralString = """
    UPDATE llm_anomaly_signals s SET status = 'withdrawn'
    WHERE s.status = 'active'
      AND (s.candidate_id IN (
              SELECT candidate_id FROM anomaly_candidates WHERE trade_ids @> ARRAY[%(disclosure_id)s::text])
           OR s.trades_involved @> jsonb_build_array(jsonb_build_object('record_id', %(disclosure_id)s::text)))
    RETURNING s.signal_id"""

_BUILT_ON: LiteralString = """
    SELECT as_of_date FROM trade_evaluations WHERE disclosure_id = %(disclosure_id)s
    UNION
    SELECT as_of_date FROM anomaly_sightings
    WHERE candidate @> jsonb_build_object('trade_ids', jsonb_build_array(%(disclosure_id)s::text))
    ORDER BY 1"""


@dataclass(frozen=True)
class Effect:
    """What a decision changed, and the as-of days that are to be evaluated again because of it."""

    status_changed: bool
    days: tuple[date, ...] = ()
    withdrawn: tuple[str, ...] = field(default=())


def apply_to_disclosure(
    cur: Cursor[Row], item: Item, decision: Decision, meaning: Meaning, by: str, why: str, now: datetime
) -> Effect:
    """Make the disclosure what was decided.

    Raises:
        psycopg.Error: the database refused; the caller's transaction is lost.
    """
    shapes = TableShapes.of(cur.execute(statements.COLUMNS).fetchall())
    reviewed = _fitting(
        shapes,
        QUARANTINE,
        {"status": decision, "reviewed_by": by, "reviewed_at": now, "review_notes": why},
        "reviewed_by",
    )
    values = {
        "disclosure_id": item.disclosure_id,
        "status": meaning.status,
        "now": now,
        "defects": meaning.defects,
        "findings": meaning.findings,
        "quarantine": json_text(reviewed),
    }
    built_on = [row["as_of_date"] for row in cur.execute(_BUILT_ON, values).fetchall()]
    changed = cur.execute(_STATUS, values).fetchone()
    cur.execute(_ISSUES, values)
    settled = cur.execute(_QUARANTINE, values).rowcount
    if decision == "rejected" and not settled:
        row = reviewed | _fitting(shapes, QUARANTINE, _quarantined(item, by, why))
        cur.execute(_INTO_QUARANTINE, values | {"quarantine": json_text(row)})
    if changed is None:
        return Effect(status_changed=False)
    correction = _fitting(shapes, CORRECTIONS, _correction(item, meaning, by, now), "corrected_by", "approved_by")
    cur.execute(_CORRECTION, {"correction": json_text(correction)})
    if decision == "approved":
        return Effect(status_changed=True, days=(changed["known_on"],))
    withdrawn = tuple(sorted(row["signal_id"] for row in cur.execute(_WITHDRAW, values).fetchall()))
    return Effect(status_changed=True, days=tuple(built_on), withdrawn=withdrawn)


def _fitting(shapes: TableShapes, table: str, row: Row, *people: str) -> Row:
    """The row as the table can hold it: texts cut to its columns, no name where it numbers people."""
    named = {name: value for name, value in row.items() if name not in people or shapes.takes_names(table, name)}
    return shapes.fit(table, [named])[0]


def _quarantined(item: Item, by: str, why: str) -> Row:
    return {
        "table_name": TABLE,
        "original_record_id": item.disclosure_id,
        "quarantine_reason": f"rejected in review by {by}: {why}",
        "issue_ids": [issue["id"] for issue in item.content["issues"]],
        "suggested_corrections": {},
        "audit_trail_id": item.audit_trail_id,
    }


def _correction(item: Item, meaning: Meaning, by: str, now: datetime) -> Row:
    return {
        "table_name": TABLE,
        "record_id": item.disclosure_id,
        "field_name": "llm_validation_status",
        "correction_type": "review",
        "old_value": item.verdict,
        "new_value": meaning.status,
        "corrected_by": by,
        "approved_by": by,
        "approved_at": now,
        "can_rollback": True,
        "rolled_back": False,
    }
