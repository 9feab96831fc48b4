"""A chunk of disclosures read and verified, and what the account of filings and partitions needs of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from psycopg import Connection

from llm_pipeline.disclosures.provenance import NORMALISATIONS, ProvenanceStep
from llm_pipeline.lineage.account import RowInFiling, Stand, is_withdrawn
from llm_pipeline.lineage.breaks import Break
from llm_pipeline.lineage.row import StoredRow
from llm_pipeline.lineage.store import read_chains, read_rows
from llm_pipeline.lineage.verify import first_disclosure_break

STEPS_OF_A_LOAD = len(NORMALISATIONS) + 3
ROWS = 2_000
"""Disclosures read at once: about 16,000 steps, 30 MB."""


@dataclass
class Verified:
    """The outcome of a chunk: first breaks and last chain hashes by id, the rows as filings see them, and how chains
    stood that grew after their first load."""

    breaks: dict[str, Break] = field(default_factory=dict)
    heads: dict[str, str] = field(default_factory=dict)
    rows: list[RowInFiling] = field(default_factory=list)
    grown: dict[str, tuple[Stand, ...]] = field(default_factory=dict)


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
            if steps[-1].step_no > STEPS_OF_A_LOAD:
                found.grown[identifier] = tuple(stands_of(steps))
        if row is not None:
            found.rows.append(in_filing(row, steps))
    return found


def stands_of(steps: Sequence[ProvenanceStep]) -> Iterator[Stand]:
    """How a chain stood after each load and each supersession, as its own steps tell."""
    source: str | None = None
    day: date | None = None
    for step in steps:
        detail = step.detail if isinstance(step.detail, dict) else {}
        if step.step == "extract":
            source = detail.get("source")
        elif step.step == "normalise_dates":
            day = _day(detail.get("out"))
        elif step.step in ("load", "supersede"):
            yield Stand(step.ts, source, day, step.chain_hash)


def _day(out: Any) -> date | None:
    try:
        return date.fromisoformat(out["disclosure_date"])
    except (KeyError, TypeError, ValueError):  # a forged detail; its chain is broken and says so
        return None


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
