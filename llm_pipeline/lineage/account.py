"""Filings against the ledger, and partitions against their Merkle roots. Pure.

What a chain and a row cannot tell of themselves, because both are gone or both were made anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple

from llm_pipeline.disclosures.identity import disclosure_id
from llm_pipeline.disclosures.ledger import WITHDRAWN
from llm_pipeline.disclosures.merkle import merkle_root
from llm_pipeline.lineage.breaks import Break, shown


class Entry(NamedTuple):
    """A filing on the ledger."""

    source: str
    source_document_id: str
    partition_date: date
    state: str
    row_count: int
    content_sha256: str | None
    ts: datetime


class RowInFiling(NamedTuple):
    """What the account of a filing needs of a stored row; `content_sha256` is that of the filing it was loaded from."""

    disclosure_id: str
    source: str
    source_document_id: str
    row_ordinal: int
    day: date | None
    withdrawn: bool
    loaded_at: datetime | None
    content_sha256: str | None


class Root(NamedTuple):
    """The attestation of a partition: how many chains, their Merkle root, when it was taken."""

    disclosure_count: int
    merkle_root: str
    created_at: datetime


def is_withdrawn(superseded_by: str | None) -> bool:
    """Whether the filing no longer contains the row."""
    return superseded_by == WITHDRAWN


def filing_breaks(entry: Entry | None, rows: Sequence[RowInFiling]) -> Iterator[Break]:
    """What a filing's entry and its stored rows do not agree on. `rows` are all of them, withdrawn ones too."""
    if entry is None:
        first = rows[0]
        where = f"filing {first.source} {shown(first.source_document_id)}"
        yield Break("ledger_missing", where, "an entry on the ledger", "none")
        return
    where = f"filing {entry.source} {shown(entry.source_document_id)}"
    stored = {row.row_ordinal for row in rows}
    for ordinal in range(1, entry.row_count + 1):
        if ordinal not in stored:
            lost = disclosure_id(entry.source, entry.source_document_id, ordinal)
            yield Break("row_deleted", f"{where}, row {ordinal}", f"disclosure {lost}", "no row")
    in_force = sum(not row.withdrawn for row in rows)
    # All rows of a filing are withdrawn when its amendment has none; the ledger then keeps their number.
    if entry.row_count not in ((in_force, len(rows)) if entry.state == "superseded" else (in_force,)):
        yield Break("ledger_count", where, f"{entry.row_count} rows as the ledger says", f"{in_force} rows")
    if entry.state == "empty" and in_force:
        yield Break("ledger_state", where, "parsed, for it has rows", "empty")
    if entry.state == "failed":
        return  # what is stored comes from an earlier reading; day and content are those of the one that failed
    if other := sorted({str(row.day) for row in rows if row.day != entry.partition_date}):
        yield Break("ledger_day", where, f"rows of {entry.partition_date} as the ledger says", ", ".join(other))
    # A filing that was read again without a changed row has a newer content than its chains.
    contents = {row.content_sha256 for row in rows if row.loaded_at == entry.ts} - {None, entry.content_sha256}
    if contents:
        told = ", ".join(sorted(str(one) for one in contents))
        yield Break("ledger_content", where, f"content {told} as its rows were read from", shown(entry.content_sha256))


def partition_breaks(source: str, day: date, heads: Mapping[str, str], root: Root | None) -> Iterator[Break]:
    """Whether the last chain hashes of a partition's disclosures give its Merkle root in force."""
    where = f"partition {source} {day}"
    if root is None:
        if heads:
            yield Break("root_missing", where, f"a Merkle root over {len(heads)} chains", "none")
        return
    if root.disclosure_count != len(heads):
        yield Break("root_count", where, f"{root.disclosure_count} chains as attested", f"{len(heads)} chains")
    if (computed := merkle_root(heads)) != root.merkle_root:
        yield Break("root_mismatch", where, f"root {shown(root.merkle_root)} as attested", f"root {computed}")


class Stand(NamedTuple):
    """How a chain stood from a time on: in which partition its disclosure was, and its last hash."""

    since: datetime
    source: str | None
    day: date | None
    chain_hash: str


def earlier_root_breaks(
    source: str, day: date, roots: Sequence[Root], stands: Mapping[str, Sequence[Stand]]
) -> Iterator[Break]:
    """Whether the chains, as they stood when each root before the one in force was taken, give that root.

    A chain that was made anew, with a new root appended for it, no longer gives the older ones.

    Args:
        roots: of the partition, oldest first.
        stands: of every chain that ever was in the partition, by disclosure, in order of time.
    """
    for root in roots[:-1]:
        heads = {}
        for identifier, of_chain in stands.items():
            then = [one for one in of_chain if one.since <= root.created_at]
            if then and (then[-1].source, then[-1].day) == (source, day):
                heads[identifier] = then[-1].chain_hash
        if root.disclosure_count != len(heads) or merkle_root(heads) != root.merkle_root:
            where = f"partition {source} {day}, root of {root.created_at.isoformat()}"
            expected = f"root {shown(root.merkle_root)} over {root.disclosure_count} chains"
            yield Break("earlier_root_mismatch", where, expected, f"root {merkle_root(heads)} over {len(heads)}")
            return
