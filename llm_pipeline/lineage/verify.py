"""One disclosure verified: its chain, then its row against the chain. Pure.

What speaks against a disclosure itself makes it broken. What speaks against its filing's entry or its partition's root
concerns every disclosure there: nobody can say which of them it is, so they are unattested.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from llm_pipeline.disclosures.provenance import ProvenanceStep
from llm_pipeline.lineage.breaks import GAPS, HASHES, TIMES, VERSIONS, Break
from llm_pipeline.lineage.chain import chain_breaks
from llm_pipeline.lineage.row import StoredRow, row_breaks

Status = Literal["verified", "unattested", "broken", "no_provenance"]


def disclosure_breaks(
    row: StoredRow | None, steps: Sequence[ProvenanceStep], *, now: datetime | None = None
) -> Iterator[Break]:
    """Everything wrong with one of our disclosures, the first broken link first."""
    yield from chain_breaks(steps, now=now)
    if row is None:
        where = f"disclosure {steps[0].disclosure_id}" if steps else "the disclosure"
        yield Break("row_missing", where, "the row that its chain ends in", "no row")
    else:
        yield from row_breaks(row, steps)


def first_disclosure_break(
    row: StoredRow | None, steps: Sequence[ProvenanceStep], *, now: datetime | None = None
) -> Break | None:
    """The first broken link of a disclosure; None where all of it holds."""
    return next(disclosure_breaks(row, steps, now=now), None)


@dataclass(frozen=True)
class Verification:
    """All that code found about one disclosure.

    Attributes:
        own: what speaks against the disclosure itself, in the order of its chain.
        shared: what speaks against its filing's entry or its partition's Merkle root.
        steps: in its chain.
        ours: whether it was ingested here; somebody else's row has no provenance that could be verified.
    """

    disclosure_id: str
    own: tuple[Break, ...]
    shared: tuple[Break, ...]
    steps: int
    ours: bool = True

    @property
    def status(self) -> Status:
        """What the findings come to."""
        if self.own:
            return "broken"
        if not self.ours:
            return "no_provenance"
        return "unattested" if self.shared else "verified"

    @property
    def first_break(self) -> Break | None:
        """The first broken link."""
        return next(iter((*self.own, *self.shared)), None)

    @property
    def integrity(self) -> dict[str, Any]:
        """The findings as booleans; all false where there is no chain that could hold."""
        codes = {one.code for one in self.own}
        there = self.steps > 0
        rows = [one for one in self.own if one.step_no is None and one.code not in GAPS]
        return {
            "hash_chain_valid": there and not codes & HASHES,
            "temporal_ordering_valid": there and not codes & TIMES,
            "all_transforms_approved": there and not codes & VERSIONS,
            "gaps_detected": bool(codes & GAPS) or not there,
            "row_matches_chain": there and not rows and "load_contradicts_steps" not in codes,
            "ledger_matches": self.ours and not any(one.where.startswith("filing") for one in self.shared),
            "merkle_root_holds": self.ours and not any(one.where.startswith("partition") for one in self.shared),
        }
