"""What can be wrong with provenance: one code for each kind of break. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

ChainCode = Literal[
    "chain_missing",
    "chain_incomplete",
    "step_missing",
    "step_out_of_order",
    "time_reversed",
    "time_not_of_load",
    "time_in_future",
    "time_edited",
    "version_edited",
    "link_broken",
    "hash_mismatch",
    "version_not_approved",
    "handover_broken",
    "output_mismatch",
]
RowCode = Literal[
    "row_missing",
    "raw_data_lost",
    "row_edited",
    "load_contradicts_steps",
    "supersession_edited",
    "extraction_time_edited",
]
FilingCode = Literal["ledger_missing", "row_deleted", "ledger_count", "ledger_state", "ledger_day", "ledger_content"]
PartitionCode = Literal["root_missing", "root_count", "root_mismatch", "earlier_root_mismatch"]
Code = ChainCode | RowCode | FilingCode | PartitionCode

GAPS = frozenset({"chain_missing", "chain_incomplete", "step_missing", "step_out_of_order"})
TIMES = frozenset({"time_reversed", "time_not_of_load", "time_in_future", "time_edited"})
VERSIONS = frozenset({"version_not_approved", "version_edited"})
HASHES = frozenset(get_args(ChainCode)) - GAPS - TIMES - VERSIONS | {"time_edited", "version_edited"}
"""Codes by what they speak against: completeness, order in time, approval, the hashes themselves."""

LONGEST = 120
"""Characters of a stored value that a message repeats; hostile ones are longer."""


@dataclass(frozen=True)
class Break:
    """One thing that does not hold: which, where, what must be there and what is.

    Attributes:
        where: the place in words: a step, the row's columns, a filing, a partition.
        step_no: of the step, where it is one.
    """

    code: Code
    where: str
    expected: str
    found: str
    step_no: int | None = None

    def __str__(self) -> str:
        return f"{self.code} at {self.where}: expected {self.expected}, found {self.found}"


def shown(value: Any) -> str:
    """A stored value for a message, in one line and cut."""
    text = value if isinstance(value, str) else repr(value)
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
