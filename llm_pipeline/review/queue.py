"""What waits for a person: the SQL that lists and counts it, by kind.

Only what is in force waits. A record that was amended, deleted or validated anew since needs no decision any more, and
neither does a signal that was withdrawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

from psycopg import Connection

from llm_pipeline.review.item import KINDS, Kind, Waiting
from llm_pipeline.validation.statements import OPEN

OURS: LiteralString = "i.source IN ('rules', 'llm_validation')"
"""Issues `i` that the gate raised."""

_TRADE: LiteralString = """concat_ws(' ', p.full_name || ':', d.transaction_type,
    COALESCE(d.asset_ticker, d.asset_name), d.transaction_date::date::text)"""

# Of several rows about one record (it was rejected for other reasons before) the newest stands for all.
_QUARANTINE: LiteralString = f"""
    SELECT DISTINCT ON (d.id) q.id::text AS item_id, q.created_at AS since,
           {_TRADE} || ' - ' || COALESCE(q.quarantine_reason, 'no reason given') AS what, 0 AS rank
    FROM data_quality_quarantine q
    JOIN trading_disclosures d ON d.id::text = q.original_record_id::text
    LEFT JOIN politicians p ON p.id = d.politician_id
    WHERE q.table_name = 'trading_disclosures' AND q.status = 'pending' AND d.llm_validation_status = 'reject'
      AND {OPEN}
    ORDER BY d.id, q.created_at DESC, q.id"""  # noqa: S608

# Doubts about the data come before what is right and noteworthy.
_FLAGGED: LiteralString = f"""
    SELECT d.id::text AS item_id, d.llm_validated_at AS since,
           {_TRADE} || ' - ' || string_agg(DISTINCT i.issue_type || ' (' || i.kind || ')', ', ') AS what,
           bool_and(i.kind = 'finding')::int AS rank
    FROM trading_disclosures d
    JOIN data_quality_issues i ON i.table_name = 'trading_disclosures' AND i.record_id::text = d.id::text AND {OURS}
        AND i.status = 'open'
    LEFT JOIN politicians p ON p.id = d.politician_id
    WHERE d.llm_validation_status = 'flag' AND {OPEN}
    GROUP BY d.id, p.full_name"""  # noqa: S608

_SIGNAL: LiteralString = """
    SELECT signal_id AS item_id, created_at AS since,
           filer || ': ' || classification || ', ' || severity || ', confidence ' || confidence || ', as of '
               || COALESCE(as_of_date::text, 'unknown') AS what,
           10 - confidence AS rank
    FROM llm_anomaly_signals
    WHERE review_status = 'pending' AND status = 'active'"""

# A proposal may be superseded by a later one about the same period.
_RECOMMENDATION: LiteralString = """
    SELECT feedback_id AS item_id, created_at AS since,
           CASE WHEN jsonb_typeof(prompt_recommendations) = 'array' THEN jsonb_array_length(prompt_recommendations)
                ELSE 0 END || ' changes of prompts, '
               || CASE WHEN jsonb_typeof(threshold_adjustments) = 'array' THEN jsonb_array_length(threshold_adjustments)
                       ELSE 0 END || ' of thresholds, ' || COALESCE(analysis_period_start::text, '?') || ' to '
               || COALESCE(analysis_period_end::text, '?') AS what,
           0 AS rank
    FROM llm_prompt_recommendations r
    WHERE status = 'pending' AND to_jsonb(r) ->> 'superseded_by' IS NULL"""

_WAITING: dict[Kind, LiteralString] = {
    "quarantine": _QUARANTINE,
    "flagged": _FLAGGED,
    "signal": _SIGNAL,
    "recommendation": _RECOMMENDATION,
}


@dataclass(frozen=True)
class WaitingCount:
    """How many of a kind wait, and since when the oldest does."""

    kind: Kind
    count: int
    oldest: datetime | None


def list_waiting(conn: Connection[Any], kinds: Sequence[Kind] = KINDS, *, limit: int | None = None) -> list[Waiting]:
    """What waits, kind by kind: what doubts the data or is most certain first, then the oldest.

    Args:
        limit: most of each kind; None lists all.
    """
    found = []
    for kind in kinds:
        query = f"SELECT item_id, since, what FROM ({_WAITING[kind]}) AS w ORDER BY rank, since, item_id"  # noqa: S608
        rows = conn.execute(query + " LIMIT %(limit)s", {"limit": limit}).fetchall()
        found += [Waiting(kind, *row) for row in rows]
    return found


def count_waiting(conn: Connection[Any]) -> list[WaitingCount]:
    """One count for every kind."""
    counts = []
    for kind in KINDS:
        row = conn.execute(f"SELECT count(*), min(since) FROM ({_WAITING[kind]}) AS w", {}).fetchone()  # noqa: S608
        assert row is not None  # an aggregate always has a row
        counts.append(WaitingCount(kind, row[0], row[1]))
    return counts
