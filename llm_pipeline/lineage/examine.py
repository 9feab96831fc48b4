"""Named disclosures looked at in full: every break, and the stored things that it was judged by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from psycopg import Connection, DataError

from llm_pipeline.disclosures.provenance import ProvenanceStep
from llm_pipeline.disclosures.store import heads_by_day
from llm_pipeline.lineage import store
from llm_pipeline.lineage.account import Entry, Root, filing_breaks, partition_breaks
from llm_pipeline.lineage.breaks import Break
from llm_pipeline.lineage.chunk import in_filing
from llm_pipeline.lineage.row import StoredRow
from llm_pipeline.lineage.store import Scope
from llm_pipeline.lineage.verify import Verification, disclosure_breaks


class UnknownDisclosureError(ValueError):
    """There is neither a row nor a chain of that id."""


@dataclass(frozen=True)
class Examination:
    """One disclosure: what code found, and its row, chain, ledger entry and Merkle root in force."""

    verification: Verification
    row: StoredRow | None
    steps: tuple[ProvenanceStep, ...]
    entry: Entry | None
    root: Root | None


def examine(conn: Connection[Any], disclosure_ids: Sequence[str], *, now: datetime) -> dict[str, Examination]:
    """Examine disclosures by id, each once.

    Raises:
        UnknownDisclosureError: one of them is not there; the message names it.
    """
    ids = list(dict.fromkeys(disclosure_ids))
    with store.one_snapshot(conn), conn.cursor() as cur:
        try:
            rows = store.read_rows(cur, ids)
        except DataError as error:
            raise UnknownDisclosureError(f"{', '.join(ids)}: {error.diag.message_primary}") from error
        chains = store.read_chains(cur, ids)
        for identifier in ids:
            if identifier not in rows and identifier not in chains:
                raise UnknownDisclosureError(f"there is no disclosure {identifier}: neither a row nor a chain")
        entries, filings = _filings(conn, rows, chains)
        roots, partitions = _partitions(conn, rows)
    found = {}
    for identifier in ids:
        row, steps = rows.get(identifier), tuple(chains.get(identifier, ()))
        ours = bool(steps) or (row is not None and row.columns["source"] is not None)
        own = tuple(disclosure_breaks(row, steps, now=now)) if ours else ()
        key = _partition(row)
        shared = (*filings.get(identifier, ()), *(partitions.get(key, ()) if key else ()))
        verification = Verification(identifier, own, shared, len(steps), ours)
        root = roots.get(key) if key else None
        found[identifier] = Examination(verification, row, steps, entries.get(identifier), root)
    return found


def _partition(row: StoredRow | None) -> tuple[str, date] | None:
    if row is None or row.columns["source"] is None or row.columns["disclosure_date"] is None:
        return None
    return row.columns["source"], date.fromisoformat(row.columns["disclosure_date"])


def _filings(
    conn: Connection[Any], rows: dict[str, StoredRow], chains: dict[str, list[ProvenanceStep]]
) -> tuple[dict[str, Entry | None], dict[str, list[Break]]]:
    """Ledger entry and breaks of each disclosure's filing."""
    entries: dict[str, Entry | None] = {}
    breaks: dict[str, list[Break]] = {}
    with conn.cursor() as cur:
        for entry, filed in store.filings_of(cur, list(rows)):
            complete = [
                in_filing(rows[one.disclosure_id], chains.get(one.disclosure_id, ()))
                if one.disclosure_id in rows
                else one
                for one in filed
            ]
            found = list(filing_breaks(entry, complete))
            for one in filed:
                entries[one.disclosure_id], breaks[one.disclosure_id] = entry, found
    return entries, breaks


def _partitions(
    conn: Connection[Any], rows: dict[str, StoredRow]
) -> tuple[dict[tuple[str, date], Root], dict[tuple[str, date], list[Break]]]:
    """Root in force and breaks of each partition that holds one of the rows."""
    days: dict[str, set[date]] = defaultdict(set)
    for key in filter(None, map(_partition, rows.values())):
        days[key[0]].add(key[1])
    roots: dict[tuple[str, date], Root] = {}
    breaks: dict[tuple[str, date], list[Break]] = {}
    for source, of_source in days.items():
        known = store.roots(conn, Scope((source,), min(of_source), None))
        with conn.cursor() as cur:
            heads = heads_by_day(cur, source, sorted(of_source))
        for day in of_source:
            taken = known.get((source, day))
            if taken:
                roots[source, day] = taken[-1]
            breaks[source, day] = list(partition_breaks(source, day, heads[day], taken[-1] if taken else None))
    return roots, breaks
