"""The SQL of verification: which disclosures there are, their rows, ledger entries, roots. Reads only, in sets.

trading_disclosures may be somebody else's table with other column types: values come out cast to text or date. The
caller holds one snapshot, so that a load under way does not look like a break.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any, LiteralString

from psycopg import Connection, Cursor
from psycopg.pq import TransactionStatus

from llm_pipeline.disclosures.provenance import ProvenanceStep
from llm_pipeline.disclosures.record import COLUMNS
from llm_pipeline.lineage.account import Entry, Root, RowInFiling, is_withdrawn
from llm_pipeline.lineage.detail import read_detail
from llm_pipeline.lineage.row import StoredRow, plain

_CASTS = {"politician_id": "text", "transaction_date": "date", "disclosure_date": "date"}
_OWN_ID = """SELECT (jsonb_populate_record(NULL::trading_disclosures, jsonb_build_object('id', wanted))).id
    FROM unnest(%(ids)s::text[]) AS wanted"""
"""The ids in the type of the table's own id column, so that its index is used."""

_READ_ROWS = f"""
SELECT id::text, raw_data, superseded_by, extraction_ts,
       {", ".join(f"{name}::{_CASTS[name]}" if name in _CASTS else name for name in COLUMNS)}
FROM trading_disclosures WHERE id IN ({_OWN_ID})
"""  # noqa: S608  column names of our own

# A time outside Python's years, infinity among them, can only be a forgery; it must be found, not stop the reading.
_READ_CHAINS = """
SELECT disclosure_id, step_no, step, step_version, input_hash, output_hash, coalesce(previous_hash, ''), chain_hash,
       detail::text, CASE WHEN ts BETWEEN '0001-01-02' AND '9999-12-30' THEN ts ELSE '0001-01-02' END
FROM disclosure_provenance WHERE disclosure_id = ANY(%s) ORDER BY disclosure_id, step_no
"""

_CHAIN: LiteralString = "EXISTS (SELECT FROM disclosure_provenance p WHERE p.disclosure_id = d.id::text)"
_IN_SCOPE: LiteralString = """(%(sources)s::text[] IS NULL OR source = ANY(%(sources)s))
      AND (%(start)s::date IS NULL OR disclosure_date >= %(start)s)
      AND (%(end)s::date IS NULL OR disclosure_date < %(end)s)"""

_OURS: LiteralString = f"""
SELECT d.id::text, d.source, d.disclosure_date::date FROM trading_disclosures d
WHERE d.source IS NOT NULL AND {_IN_SCOPE} ORDER BY d.source, 3, d.id"""  # noqa: S608

_DISOWNED: LiteralString = f"""
SELECT d.id::text FROM trading_disclosures d WHERE d.source IS NULL AND {_CHAIN} ORDER BY 1"""  # noqa: S608

_FOREIGN: LiteralString = f"""
SELECT count(*) FROM trading_disclosures d WHERE d.source IS NULL AND NOT {_CHAIN}"""  # noqa: S608

_ORPHANS: LiteralString = """
SELECT DISTINCT p.disclosure_id FROM disclosure_provenance p
WHERE p.step_no = 1 AND NOT EXISTS (SELECT FROM trading_disclosures d WHERE d.id::text = p.disclosure_id)
ORDER BY 1"""

_ENTRY: LiteralString = "source, source_document_id, partition_date, state, row_count, content_sha256, ts"
_ENTRIES: LiteralString = f"""
SELECT {_ENTRY} FROM ingest_ledger
WHERE (%(sources)s::text[] IS NULL OR source = ANY(%(sources)s))
  AND (%(start)s::date IS NULL OR partition_date >= %(start)s)
  AND (%(end)s::date IS NULL OR partition_date < %(end)s)"""  # noqa: S608

_ROOTS: LiteralString = """
SELECT source, partition_date, disclosure_count, merkle_root, created_at FROM provenance_roots
WHERE (%(sources)s::text[] IS NULL OR source = ANY(%(sources)s))
  AND (%(start)s::date IS NULL OR partition_date >= %(start)s)
  AND (%(end)s::date IS NULL OR partition_date < %(end)s)
ORDER BY seq"""


@dataclass(frozen=True)
class Scope:
    """What to verify: all sources or named ones, all days or those of [start, end)."""

    sources: tuple[str, ...] | None = None
    start: date | None = None
    end: date | None = None

    @property
    def whole(self) -> bool:
        """Whether nothing is left out."""
        return self == Scope()

    def values(self) -> dict[str, Any]:
        """As parameters of a statement."""
        return {"sources": list(self.sources) if self.sources else None, "start": self.start, "end": self.end}


def ours(conn: Connection[Any], scope: Scope) -> list[tuple[str, str, date | None]]:
    """(id, source, day) of the ingested disclosures in scope, partition by partition."""
    return conn.execute(_OURS, scope.values()).fetchall()


def disowned(conn: Connection[Any]) -> list[str]:
    """Ids of rows that have a chain, and no source any more."""
    return [row[0] for row in conn.execute(_DISOWNED)]


def foreign(conn: Connection[Any]) -> int:
    """How many rows somebody else wrote: without source and without chain."""
    row = conn.execute(_FOREIGN).fetchone()
    return int(row[0]) if row else 0


def orphans(conn: Connection[Any]) -> list[str]:
    """Ids of chains whose row is gone."""
    return [row[0] for row in conn.execute(_ORPHANS)]


def read_rows(cur: Cursor[Any], disclosure_ids: Sequence[str]) -> dict[str, StoredRow]:
    """The stored rows by id."""
    cur.execute(_READ_ROWS, {"ids": list(disclosure_ids)}, binary=True)
    found = {}
    for identifier, raw, superseded_by, extraction_ts, *values in cur:
        columns = dict(zip(COLUMNS, map(plain, values), strict=True))
        found[identifier] = StoredRow(identifier, columns, raw, superseded_by, extraction_ts)
    return found


def read_chains(cur: Cursor[Any], disclosure_ids: Sequence[str]) -> dict[str, list[ProvenanceStep]]:
    """The steps of those disclosures by id, in order."""
    cur.execute(_READ_CHAINS, (list(disclosure_ids),), binary=True)
    chains: dict[str, list[ProvenanceStep]] = {}
    for *values, detail, ts in cur:
        step = ProvenanceStep._make((*values, read_detail(detail), ts))
        chains.setdefault(step.disclosure_id, []).append(step)
    return chains


def entries(conn: Connection[Any], scope: Scope) -> list[Entry]:
    """Ledger entries of the days in scope."""
    return [Entry(*row) for row in conn.execute(_ENTRIES, scope.values())]


def roots(conn: Connection[Any], scope: Scope) -> dict[tuple[str, date], list[Root]]:
    """The Merkle roots of the partitions in scope, oldest first; the last is in force."""
    found: dict[tuple[str, date], list[Root]] = {}
    for source, day, *root in conn.execute(_ROOTS, scope.values()):
        found.setdefault((source, day), []).append(Root(*root))
    return found


def filings_of(cur: Cursor[Any], disclosure_ids: Sequence[str]) -> list[tuple[Entry | None, list[RowInFiling]]]:
    """The filings that these disclosures belong to: ledger entry and all rows, without where they were loaded from."""
    cur.execute(
        f"""WITH named AS (SELECT DISTINCT source, source_document_id FROM trading_disclosures
                           WHERE id IN ({_OWN_ID}) AND source IS NOT NULL)
            SELECT d.id::text, d.source, d.source_document_id, d.row_ordinal, d.disclosure_date::date, d.superseded_by,
                   l.partition_date, l.state, l.row_count, l.content_sha256, l.ts
            FROM named n JOIN trading_disclosures d USING (source, source_document_id)
            LEFT JOIN ingest_ledger l USING (source, source_document_id)
            ORDER BY 2, 3, 4""",  # noqa: S608
        {"ids": list(disclosure_ids)},
    )
    found: dict[tuple[str, str], tuple[Entry | None, list[RowInFiling]]] = {}
    for identifier, source, document, ordinal, day, superseded_by, partition, *rest in cur:
        entry = Entry(source, document, partition, *rest) if partition else None
        _, rows = found.setdefault((source, document), (entry, []))
        rows.append(RowInFiling(identifier, source, document, ordinal, day, is_withdrawn(superseded_by), None, None))
    return list(found.values())


@contextmanager
def one_snapshot(conn: Connection[Any]) -> Iterator[None]:
    """A read-only transaction with one snapshot; inside a transaction of the caller, that one."""
    outermost = conn.info.transaction_status == TransactionStatus.IDLE
    with conn.transaction():
        if outermost:
            conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield
