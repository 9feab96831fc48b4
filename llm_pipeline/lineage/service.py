"""Verification of everything, of a window, or of named disclosures: the use cases that commands and checks call."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import repeat
from multiprocessing import get_context
from typing import Any

from psycopg import Connection, sql

from llm_pipeline.db.connection import connect
from llm_pipeline.lineage import store
from llm_pipeline.lineage.account import (
    Entry,
    Root,
    RowInFiling,
    Stand,
    earlier_root_breaks,
    filing_breaks,
    partition_breaks,
)
from llm_pipeline.lineage.breaks import Break
from llm_pipeline.lineage.chunk import ROWS, Verified, verify_chunk
from llm_pipeline.lineage.examine import Examination, examine
from llm_pipeline.lineage.store import Scope

Progress = Callable[[int, int], None]
"""Called with (disclosures verified so far, all of them)."""


WORTH_HELP = 4
"""Chunks from which starting processes pays."""


@dataclass(frozen=True)
class Helpers:
    """Processes that verify chunks: how many, and the database's address."""

    processes: int
    url: str


@dataclass
class VerificationReport:
    """What a verification found.

    Attributes:
        breaks: the first broken link of each broken disclosure, by its id.
        shared: what does not hold of filings and partitions.
        unattested: disclosures that hold themselves, in a filing or partition that does not.
        no_provenance: rows that somebody else wrote; nothing could be verified, nothing is broken.
    """

    disclosures: int = 0
    partitions: int = 0
    breaks: dict[str, Break] = field(default_factory=dict)
    shared: list[Break] = field(default_factory=list)
    unattested: int = 0
    no_provenance: int = 0

    @property
    def verified(self) -> int:
        """Disclosures of which everything holds."""
        return self.disclosures - len(self.breaks) - self.unattested

    @property
    def holds(self) -> bool:
        """Nothing is broken."""
        return not self.breaks and not self.shared

    @property
    def line(self) -> str:
        """The numbers in one line."""
        return (
            f"{self.disclosures} disclosures: {self.verified} verified, {len(self.breaks)} broken, "
            f"{self.unattested} unattested; {len(self.shared)} filings or partitions do not add up; "
            f"{self.no_provenance} rows without provenance"
        )

    def as_json(self) -> dict[str, Any]:
        """Numbers, and every break."""
        return {
            "disclosures": self.disclosures,
            "partitions": self.partitions,
            "verified": self.verified,
            "broken": len(self.breaks),
            "unattested": self.unattested,
            "no_provenance": self.no_provenance,
            "first_breaks": {identifier: vars(one) for identifier, one in self.breaks.items()},
            "shared_breaks": [vars(one) for one in self.shared],
        }


def verify_scope(
    conn: Connection[Any],
    scope: Scope,
    *,
    now: datetime,
    helpers: Helpers | None = None,
    progress: Progress | None = None,
) -> VerificationReport:
    """Verify every disclosure in scope; of the whole table also rows and chains that belong to none.

    Args:
        conn: outside a transaction, or inside one whose snapshot then counts (and which helpers cannot see into).
        helpers: processes that share the work of a large scope; without them this process does all of it.
    """
    with store.one_snapshot(conn):
        listed = store.ours(conn, scope)
        extra = [*store.disowned(conn), *store.orphans(conn)] if scope.whole else []
        ids = [*(one[0] for one in listed), *extra]
        found = Verified()
        for done in _verified(conn, ids, now, helpers):
            found.breaks |= done.breaks
            found.heads |= done.heads
            found.rows += done.rows
            found.grown |= done.grown
            if progress is not None:
                progress(len(found.rows), len(ids))
        report = VerificationReport(disclosures=len(ids), breaks=found.breaks)
        days = {identifier: (source, day) for identifier, source, day in listed if day is not None}
        concerned = _filings(report, store.entries(conn, scope), found.rows)
        roots = store.roots(conn, scope)
        concerned |= _partitions(report, roots, days, found.heads)
        if scope.whole and not report.shared:
            report.shared += _earlier_roots(roots, found)
        report.unattested = len(concerned - report.breaks.keys())
        report.no_provenance = store.foreign(conn) if scope.whole else 0
    return report


def verify_ids(conn: Connection[Any], disclosure_ids: Sequence[str], *, now: datetime) -> VerificationReport:
    """Verify named disclosures, with the filings and partitions they belong to.

    Raises:
        UnknownDisclosureError: one of them is not there.
    """
    found = examine(conn, disclosure_ids, now=now)
    report = VerificationReport(
        disclosures=len(found), partitions=len({key for key in map(_place, found.values()) if key})
    )
    for identifier, one in found.items():
        report.breaks |= {identifier: one.verification.own[0]} if one.verification.own else {}
        report.shared += [broken for broken in one.verification.shared if broken not in report.shared]
        report.unattested += one.verification.status == "unattested"
        report.no_provenance += one.verification.status == "no_provenance"
    report.disclosures -= report.no_provenance
    return report


def _place(one: Examination) -> tuple[Any, Any] | None:
    return (
        (one.row.columns["source"], one.row.columns["disclosure_date"])
        if one.row and one.row.columns["source"]
        else None
    )


def _verified(conn: Connection[Any], ids: Sequence[str], now: datetime, helpers: Helpers | None) -> Iterator[Verified]:
    chunks = [ids[first : first + ROWS] for first in range(0, len(ids), ROWS)]
    if helpers is None or len(chunks) < WORTH_HELP:
        for chunk in chunks:
            yield verify_chunk(conn, chunk, now)
        return
    row = conn.execute("SELECT pg_export_snapshot()").fetchone()
    assert row is not None  # a function always gives a row
    # Spawned, not forked: a fork would share the connection's socket.
    with ProcessPoolExecutor(helpers.processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_verify_apart, repeat(helpers.url), repeat(row[0]), chunks, repeat(now))


def _verify_apart(url: str, snapshot: str, disclosure_ids: Sequence[str], now: datetime) -> Verified:
    """A chunk in a process of its own, seeing what the process that exported the snapshot sees."""
    with connect(url) as conn:
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        conn.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(snapshot))
        return verify_chunk(conn, disclosure_ids, now)


def _filings(report: VerificationReport, entries: Iterable[Entry], rows: Sequence[RowInFiling]) -> set[str]:
    """Note what the filings' accounts do not agree on; returns the disclosures concerned."""
    by_filing: dict[tuple[str, str], list[RowInFiling]] = defaultdict(list)
    for row in rows:
        if row.source is not None:
            by_filing[row.source, row.source_document_id].append(row)
    known = {(entry.source, entry.source_document_id): entry for entry in entries}
    concerned = set()
    for key in sorted(known.keys() | by_filing.keys()):
        filed = by_filing.get(key, [])
        if broken := list(filing_breaks(known.get(key), filed)):
            report.shared += broken
            concerned |= {row.disclosure_id for row in filed}
    return concerned


def _partitions(
    report: VerificationReport,
    roots: Mapping[tuple[str, date], Sequence[Root]],
    days: dict[str, tuple[str, date]],
    heads: dict[str, str],
) -> set[str]:
    """Note which partitions' chains do not give their root; returns the disclosures concerned."""
    by_partition: dict[tuple[str, date], dict[str, str]] = defaultdict(dict)
    for identifier, key in days.items():
        if identifier in heads:
            by_partition[key][identifier] = heads[identifier]
    keys = sorted(roots.keys() | set(days.values()))
    report.partitions = len(keys)
    unheld = set()
    for key in keys:
        of_day = roots.get(key)
        if broken := list(partition_breaks(*key, by_partition.get(key, {}), of_day[-1] if of_day else None)):
            report.shared += broken
            unheld.add(key)
    return {identifier for identifier, key in days.items() if key in unheld}


def _earlier_roots(roots: Mapping[tuple[str, date], Sequence[Root]], found: Verified) -> Iterator[Break]:
    """Breaks of roots that are no longer in force; told only where those in force hold, for they would all differ."""
    several = {key: taken for key, taken in roots.items() if len(taken) > 1}
    stands: dict[tuple[str, date], dict[str, Sequence[Stand]]] = {key: {} for key in several}
    for row in found.rows:
        of_chain = found.grown.get(row.disclosure_id)
        if of_chain is None and row.loaded_at is not None:
            head = found.heads[row.disclosure_id]
            of_chain = (Stand(row.loaded_at, row.source, row.day, head),)
        for one in of_chain or ():
            if one.source is not None and one.day is not None and (one.source, one.day) in stands:
                stands[one.source, one.day][row.disclosure_id] = of_chain or ()
    for key, taken in several.items():
        yield from earlier_root_breaks(*key, taken, stands[key])
