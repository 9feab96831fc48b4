"""The SQL of disclosures and their provenance: reading what is stored, writing what changed, in sets.

trading_disclosures may be somebody else's table with other column types: values go in through
jsonb_populate_recordset, which casts them to the table's own types, and come out cast to text or date.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from psycopg import Cursor

from llm_pipeline.db.bulk import as_jsonb_rows, clean_json, json_text
from llm_pipeline.disclosures.filing import raw_json
from llm_pipeline.disclosures.provenance import GENESIS, ProvenanceStep
from llm_pipeline.disclosures.record import COLUMNS, DisclosureRecord


@dataclass(frozen=True)
class StoredRow:
    """A stored row of a filing: its id as text, its place, what superseded it, the day it belongs to."""

    id: str
    source_document_id: str
    row_ordinal: int
    superseded_by: str | None
    disclosure_date: date | None


@dataclass(frozen=True)
class ChainEnd:
    """Where a disclosure's chain stands: last step, its hashes, and the fingerprint of its last load."""

    step_no: int = 0
    chain_hash: str = GENESIS
    output_hash: str = GENESIS
    fingerprint: str | None = None


def continuing(end: ChainEnd | None) -> dict[str, Any]:
    """The arguments with which `extend_chain` goes on from an end; none begins a chain."""
    return {"last_step_no": end.step_no, "previous_hash": end.chain_hash} if end else {}


def stored_rows(cur: Cursor[Any], source: str, document_ids: Sequence[str]) -> list[StoredRow]:
    """All rows of named filings, superseded ones included."""
    cur.execute(
        """SELECT id::text, source_document_id, row_ordinal, superseded_by, disclosure_date::date
           FROM trading_disclosures
           WHERE source = %s AND source_document_id = ANY(%s) ORDER BY source_document_id, row_ordinal""",
        (source, list(document_ids)),
    )
    return [StoredRow(*row) for row in cur]


def chain_ends(cur: Cursor[Any], disclosure_ids: Sequence[str]) -> dict[str, ChainEnd]:
    """The ends of the chains of those disclosures that have one."""
    cur.execute(
        """SELECT disclosure_id, max(step_no), (array_agg(chain_hash ORDER BY step_no DESC))[1],
                  (array_agg(output_hash ORDER BY step_no DESC))[1],
                  (array_agg(output_hash ORDER BY step_no DESC) FILTER (WHERE step = 'load'))[1]
           FROM disclosure_provenance WHERE disclosure_id = ANY(%s) GROUP BY disclosure_id""",
        (list(disclosure_ids),),
    )
    return {row[0]: ChainEnd(*row[1:]) for row in cur}


def _raw_data(record: DisclosureRecord) -> dict[str, Any]:
    cleaned = clean_json(record.raw)
    raw: dict[str, Any] = {"source_row": cleaned, "as_filed": record.as_filed, "notes": list(record.notes)}
    # jsonb writes numbers its own way (1e5 comes back as 100000), so only text survives it letter by letter.
    if cleaned != record.raw or not all(value is None or isinstance(value, str) for value in record.raw.values()):
        raw["source_row_json"] = raw_json(record.raw)
    return raw


_WRITTEN = ("id", *COLUMNS, "raw_data", "extraction_ts", "created_at", "updated_at", "llm_validation_status")
_UPDATED = (*COLUMNS, "raw_data", "extraction_ts", "updated_at", "llm_validation_status")

# A changed row takes a new place in the ingest sequence, so that the sensor sees it again.
_WRITE = f"""
INSERT INTO trading_disclosures ({", ".join(_WRITTEN)})
SELECT {", ".join(_WRITTEN)} FROM jsonb_populate_recordset(NULL::trading_disclosures, %s)
ON CONFLICT (source, source_document_id, row_ordinal) WHERE source IS NOT NULL DO UPDATE SET
    {", ".join(f"{column} = EXCLUDED.{column}" for column in _UPDATED)},
    llm_validated_at = NULL, superseded_by = NULL, ingest_seq = DEFAULT, ingest_xid = DEFAULT
"""  # noqa: S608  column names of our own


def write_disclosures(cur: Cursor[Any], records: Iterable[tuple[str, DisclosureRecord]], now: datetime) -> None:
    """Insert new rows and rewrite changed ones under the ids given; both become pending."""
    rows = [
        {
            "id": identifier,
            **record.columns,
            "raw_data": _raw_data(record),
            "extraction_ts": now,
            "created_at": now,
            "updated_at": now,
            "llm_validation_status": "pending",
        }
        for identifier, record in records
    ]
    if rows:
        cur.execute(_WRITE, (as_jsonb_rows(rows),))


def write_steps(cur: Cursor[Any], steps: Iterable[ProvenanceStep]) -> None:
    """Append steps to the provenance table.

    Steps hold hashes and cleaned text only, so the values go in as they are: `copy_into` would look through each of
    them again, a sixth of the time of a load.
    """
    with cur.copy(f"COPY disclosure_provenance ({', '.join(ProvenanceStep._fields)}) FROM STDIN") as copy:
        for step in steps:
            *values, detail, ts = step
            copy.write_row((*values, json_text(detail), ts))


def mark_superseded(cur: Cursor[Any], marks: Sequence[tuple[str, str, str]], now: datetime) -> None:
    """Set (row id, superseded_by, reason): the reason is added to the row's processing notes."""
    rows = [
        {"id": identifier, "superseded_by": by, "processing_notes": reason, "updated_at": now}
        for identifier, by, reason in marks
    ]
    cur.execute(
        """UPDATE trading_disclosures d
           SET superseded_by = n.superseded_by, updated_at = n.updated_at,
               processing_notes = concat_ws('; ', d.processing_notes, n.processing_notes)
           FROM jsonb_populate_recordset(NULL::trading_disclosures, %s) n WHERE d.id = n.id""",
        (as_jsonb_rows(rows),),
    )


def heads_by_day(
    cur: Cursor[Any], source: str, days: Sequence[date], as_of: datetime | None = None
) -> dict[date, dict[str, str]]:
    """{day: {disclosure id: last chain hash}} of a source's disclosures, as the chains stood at `as_of`."""
    cur.execute(
        """SELECT d.disclosure_date::date, d.id::text, p.chain_hash
           FROM trading_disclosures d
           CROSS JOIN LATERAL (
               SELECT chain_hash FROM disclosure_provenance
               WHERE disclosure_id = d.id::text AND (%(as_of)s::timestamptz IS NULL OR ts <= %(as_of)s)
               ORDER BY step_no DESC LIMIT 1) p
           WHERE d.source = %(source)s AND d.disclosure_date::date = ANY(%(days)s)""",
        {"source": source, "days": list(days), "as_of": as_of},
    )
    heads: dict[date, dict[str, str]] = {day: {} for day in days}
    for day, identifier, head in cur:
        heads[day][identifier] = head
    return heads


def write_roots(
    cur: Cursor[Any], source: str, roots: dict[date, tuple[int, str]], run_id: str | None, now: datetime
) -> set[date]:
    """Append (count, root) per day where it is not the root already in force; returns the days written."""
    cur.execute(
        """INSERT INTO provenance_roots
               (source, partition_date, disclosure_count, merkle_root, dagster_run_id, created_at)
           SELECT %(source)s, n.day, n.count, n.root, %(run_id)s, %(now)s
           FROM unnest(%(days)s::date[], %(counts)s::int[], %(roots)s::text[]) AS n (day, count, root)
           LEFT JOIN LATERAL (
               SELECT merkle_root FROM provenance_roots
               WHERE source = %(source)s AND partition_date = n.day ORDER BY seq DESC LIMIT 1) last ON true
           WHERE last.merkle_root IS DISTINCT FROM n.root COLLATE "C" ORDER BY n.day
           RETURNING partition_date""",
        {
            "source": source,
            "days": list(roots),
            "counts": [count for count, _ in roots.values()],
            "roots": [root for _, root in roots.values()],
            "run_id": run_id,
            "now": now,
        },
    )
    return {row[0] for row in cur}
