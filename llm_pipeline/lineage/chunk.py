"""A chunk of disclosures read and verified, and what the account of filings and partitions needs of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from psycopg import Connection

from llm_pipeline.disclosures.provenance import ProvenanceStep
from llm_pipeline.lineage.account import RowInFiling, is_withdrawn
from llm_pipeline.lineage.breaks import Break
from llm_pipeline.lineage.row import StoredRow
from llm_pipeline.lineage.store import read_chains, read_rows
from llm_pipeline.lineage.verify import first_disclosure_break

ROWS = 2_000
"""Disclosures read at once: about 16,000 steps, 30 MB."""


@dataclass
class Verified:
    """The outcome of a chunk: first breaks by id, the last chain hash by id, and the rows as filings see them."""

    breaks: dict[str, Break] = field(default_factory=dict)
    heads: dict[str, str] = field(default_factory=dict)
    rows: list[RowInFiling] = field(default_factory=list)


def verify_chunk(conn: Connection[Any], disclosure_ids: Sequence[str], now: datetime) -> Verified:
    """Verify these disclosures of ours in the connection's transaction."""
    found = Verified()
    with conn.cursor() as cur:
        rows = read_rows(cur, disclosure_ids)
        chains = read_chains(cur, disclosure_ids)
    for identifier in disclosure_ids:
        row, steps = rows.get(identifier), chains.get(identifier, [])
        broken = first_disclosure_break(row, steps, now=now)
        if broken is not None:
            found.breaks[identifier] = broken
        if steps:
            found.heads[identifier] = steps[-1].chain_hash
        if row is not None:
            found.rows.append(in_filing(row, steps))
    return found


def in_filing(row: StoredRow, steps: Sequence[ProvenanceStep]) -> RowInFiling:
    """The row as the account of its filing sees it."""
    read = next((step for step in reversed(steps) if step.step == "extract"), None)
    columns = row.columns
    day = columns["disclosure_date"]
    return RowInFiling(
        row.disclosure_id,
        columns["source"],
        columns["source_document_id"],
        columns["row_ordinal"],
        date.fromisoformat(day) if day else None,
        is_withdrawn(row.superseded_by),
        read.ts if read else None,
        read.input_hash if read else None,
    )
