"""The ledger of filings: one row per filing seen in a source, so that nothing seen is ever unaccounted
for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from psycopg import Connection, Cursor

from llm_pipeline.db.bulk import as_jsonb_rows

State = Literal["parsed", "empty", "failed", "superseded"]

WITHDRAWN = "withdrawn"
"""`superseded_by` of a row that its filing no longer contains: nothing replaces it."""


@dataclass(frozen=True)
class LedgerEntry:
    """One filing: its state, how many rows of it are in the table, and why where it failed."""

    source: str
    source_document_id: str
    partition_date: date
    state: State
    row_count: int
    content_sha256: str | None
    error: str | None = None
    detail: dict[str, Any] | None = None


@dataclass(frozen=True)
class Discrepancy:
    """Something the ledger and the stored rows disagree on."""

    source_document_id: str
    problem: str


_SELECT = """
SELECT source, source_document_id, partition_date, state, row_count, content_sha256, error, detail
FROM ingest_ledger WHERE source = %s
"""


def entries_of(cur: Cursor[Any], source: str, document_ids: Sequence[str]) -> dict[str, LedgerEntry]:
    """The entries of named filings, by document id."""
    cur.execute(f"{_SELECT} AND source_document_id = ANY(%s)", (source, list(document_ids)))
    return {entry.source_document_id: entry for entry in (LedgerEntry(*row) for row in cur)}


def documents_between(cur: Cursor[Any], source: str, start: date, end: date) -> set[str]:
    """Ids of the filings on the ledger for the days [start, end)."""
    cur.execute(
        """SELECT source_document_id FROM ingest_ledger
           WHERE source = %s AND partition_date >= %s AND partition_date < %s""",
        (source, start, end),
    )
    return {row[0] for row in cur}


def failed_positions(cur: Cursor[Any], source: str) -> set[str]:
    """Failed entries that name a place in a file ("NAME#12") because the filing there had no readable id."""
    cur.execute(
        """SELECT source_document_id FROM ingest_ledger
           WHERE source = %s AND state = 'failed' AND strpos(source_document_id, '#') > 0""",
        (source,),
    )
    return {row[0] for row in cur}


def write_entries(cur: Cursor[Any], entries: Iterable[LedgerEntry], now: datetime) -> None:
    """Insert or replace entries; a filing has one."""
    rows = [{**vars(entry), "ts": now} for entry in entries]
    cur.execute(
        """INSERT INTO ingest_ledger
             (source, source_document_id, partition_date, state, row_count, content_sha256, error, detail, ts)
           SELECT source, source_document_id, partition_date, state, row_count, content_sha256, error,
           detail, ts FROM jsonb_populate_recordset(NULL::ingest_ledger, %s) ON CONFLICT (source,
           source_document_id) DO UPDATE SET
             partition_date = EXCLUDED.partition_date, state = EXCLUDED.state, row_count = EXCLUDED.row_count,
             content_sha256 = EXCLUDED.content_sha256, error = EXCLUDED.error, detail = EXCLUDED.detail,
             ts = EXCLUDED.ts""",
        (as_jsonb_rows(rows),),
    )


def close_failures(cur: Cursor[Any], source: str, document_ids: Iterable[str], now: datetime) -> None:
    """Mark failed entries superseded whose place in the file now reads well under the filing's own id."""
    cur.execute(
        """UPDATE ingest_ledger SET state = 'superseded', ts = %s
           WHERE source = %s AND state = 'failed' AND source_document_id = ANY(%s)""",
        (now, source, list(document_ids)),
    )


_RECONCILE = """
WITH stored AS (
    SELECT source_document_id, count(*) FILTER (WHERE superseded_by IS DISTINCT FROM %(withdrawn)s) AS rows,
           min(disclosure_date::date) AS first_day, max(disclosure_date::date) AS last_day
    FROM trading_disclosures
    WHERE source = %(source)s
    GROUP BY source_document_id
), named AS (
    SELECT * FROM ingest_ledger
    WHERE source = %(source)s AND partition_date >= %(start)s AND partition_date < %(end)s
)
SELECT n.source_document_id,
       'the ledger says ' || n.row_count || ' rows, the table holds ' || coalesce(s.rows, 0)
FROM named n LEFT JOIN stored s USING (source_document_id)
WHERE n.row_count <> coalesce(s.rows, 0)
UNION ALL
SELECT n.source_document_id,
       'the ledger says day ' || n.partition_date || ', its rows are of ' || s.first_day
           || ' to ' || s.last_day
FROM named n JOIN stored s USING (source_document_id)
WHERE n.state IN ('parsed', 'superseded') AND s.rows > 0
  AND (s.first_day <> n.partition_date OR s.last_day <> n.partition_date)
UNION ALL
SELECT s.source_document_id, 'rows without an entry in the ledger'
FROM stored s
WHERE s.first_day >= %(start)s AND s.first_day < %(end)s
  AND NOT EXISTS (SELECT FROM ingest_ledger l
                  WHERE l.source = %(source)s AND l.source_document_id = s.source_document_id)
UNION ALL
SELECT d.source_document_id, 'row ' || d.row_ordinal || ' has no provenance'
FROM trading_disclosures d
WHERE d.source = %(source)s AND d.disclosure_date::date >= %(start)s AND d.disclosure_date::date < %(end)s
  AND NOT EXISTS (SELECT FROM disclosure_provenance p WHERE p.disclosure_id = d.id::text AND p.step = 'load')
ORDER BY 1, 2
"""


def reconcile(conn: Connection[Any], source: str, start: date, end: date) -> list[Discrepancy]:
    """Every disagreement between ledger, stored rows and provenance for the days [start, end); empty is
    right.

    Rows in the source = rows stored, or the filing is named on the ledger as failed with its error.
    """
    with conn.cursor() as cur:
        cur.execute(_RECONCILE, {"source": source, "start": start, "end": end, "withdrawn": WITHDRAWN})
        return [Discrepancy(*row) for row in cur]
