"""Disclosures that want a report and have no current one: in quarantine, or behind an active signal. SQL.

A report is current while the chain ends as it did when it was written. A row that was edited behind the pipeline's
back does not lengthen its chain: that is for `lineage verify`, which looks at everything.
"""

from __future__ import annotations

from typing import Any, LiteralString

from psycopg import Connection, Cursor

KEY = "lineage_audit"
BEHIND_SIGNAL, IN_QUARANTINE = 10, 5
"""Priorities in the queue: a signal may be published, a quarantined record is not."""
MANY = 500
"""New jobs from which the queue is analysed: with stale statistics a claim takes 65 times as long."""

_DUE: LiteralString = """
    WITH wanted AS (
        SELECT original_record_id AS disclosure_id, %(in_quarantine)s AS priority FROM data_quality_quarantine
        WHERE table_name = 'trading_disclosures' AND status = 'pending'
        UNION ALL
        SELECT t.trade ->> 'record_id', %(behind_signal)s FROM llm_anomaly_signals s
        CROSS JOIN LATERAL jsonb_array_elements(s.trades_involved) AS t (trade) WHERE s.status = 'active'
    ), each AS (
        SELECT w.disclosure_id, max(w.priority) AS priority, COALESCE(max(p.chain_hash), '') AS chain_head
        FROM (SELECT DISTINCT * FROM wanted) w
        LEFT JOIN LATERAL (SELECT chain_hash FROM disclosure_provenance
                           WHERE disclosure_id = w.disclosure_id ORDER BY step_no DESC LIMIT 1) p ON true
        GROUP BY w.disclosure_id
    )
    SELECT e.* FROM each e
    WHERE EXISTS (SELECT FROM trading_disclosures d WHERE d.id::text = e.disclosure_id)
      AND NOT EXISTS (SELECT FROM lineage_reports r
                      WHERE r.disclosure_id = e.disclosure_id AND r.chain_head = e.chain_head)"""

_ENQUEUE: LiteralString = f"""
INSERT INTO llm_jobs (interrogation_key, input_json, priority, idempotency_key)
SELECT %(key)s, jsonb_build_object('disclosure_id', disclosure_id), priority,
       %(key)s || ':' || disclosure_id || ':' || chain_head
FROM ({_DUE}) AS due
WHERE NOT EXISTS (SELECT FROM llm_jobs j
                  WHERE j.idempotency_key = %(key)s || ':' || due.disclosure_id || ':' || due.chain_head)
ORDER BY priority DESC, disclosure_id LIMIT %(most)s
ON CONFLICT (idempotency_key) DO NOTHING"""  # noqa: S608

_VALUES = {"in_quarantine": IN_QUARANTINE, "behind_signal": BEHIND_SIGNAL, "key": KEY}


def due_disclosures(conn: Connection[Any], most: int) -> list[str]:
    """Ids of at most so many, those behind signals first."""
    rows = conn.execute(
        f"SELECT disclosure_id FROM ({_DUE}) AS due ORDER BY priority DESC, disclosure_id LIMIT %(most)s",  # noqa: S608
        {**_VALUES, "most": most},
    )
    return [row[0] for row in rows]


def enqueue_due(cur: Cursor[Any], most: int) -> int:
    """Queue a report for at most so many of them, each once for the same chain; returns how many are new."""
    cur.execute(_ENQUEUE, {**_VALUES, "most": most})
    new = cur.rowcount
    if new >= MANY:
        cur.execute("ANALYZE llm_jobs")
    return new
