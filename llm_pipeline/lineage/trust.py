"""What a finding of code is worth: the most trust it leaves, and the least that must be done. Pure.

The lowest cap of a disclosure's findings counts, and the strictest action. A model may trust less and ask for more.

| finding | at most | at least |
|---|---|---|
| the row is gone, or is not what was loaded | 10 | quarantine |
| a link, hash, time, version or handover of the chain is broken, a step or the chain is missing | 20 | quarantine |
| supersession or time of extraction was edited | 30 | quarantine |
| somebody else's row, without provenance | 40 | flag_for_review |
| the partition's chains do not give its Merkle root | 40 | flag_for_review |
| the filing and its ledger entry do not agree | 50 | flag_for_review |
| validation rejected the record | 60 | flag_for_review |
| the record is superseded | 70 | flag_for_review |
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from llm_pipeline.lineage.verify import Verification

Action = Literal["trust", "flag_for_review", "quarantine", "reject"]
ACTIONS: tuple[Action, ...] = get_args(Action)
"""From the mildest to the strictest."""

_ROW_GONE = frozenset({"row_missing", "row_edited", "raw_data_lost", "load_contradicts_steps"})
_ROW_TOUCHED = frozenset({"supersession_edited", "extraction_time_edited"})


@dataclass(frozen=True)
class TrustLimit:
    """What code's findings allow: the highest score, why, and the mildest action."""

    cap: int
    reason: str
    least_action: Action


def trust_limit(found: Verification, *, rejected: bool = False, superseded: bool = False) -> TrustLimit:
    """The limit for one disclosure.

    Args:
        rejected: validation rejected the record.
        superseded: an amendment replaced it, or its filing no longer has it.
    """
    limits = [TrustLimit(100, "everything that code verified holds", "trust")]
    for one in found.own:
        if one.code in _ROW_GONE:
            limits.append(TrustLimit(10, f"the stored row is not what was loaded ({one.code})", "quarantine"))
        elif one.code in _ROW_TOUCHED:
            limits.append(TrustLimit(30, f"the stored row was edited ({one.code})", "quarantine"))
        else:
            limits.append(TrustLimit(20, f"the provenance chain is broken ({one.code})", "quarantine"))
    if not found.ours:
        limits.append(TrustLimit(40, "the record has no provenance", "flag_for_review"))
    for one in found.shared:
        if one.where.startswith("partition"):
            limits.append(TrustLimit(40, f"the partition is not attested ({one.code})", "flag_for_review"))
        else:
            limits.append(TrustLimit(50, f"the ledger disagrees ({one.code})", "flag_for_review"))
    if rejected:
        limits.append(TrustLimit(60, "validation rejected the record", "flag_for_review"))
    if superseded:
        limits.append(TrustLimit(70, "the record is superseded", "flag_for_review"))
    lowest = min(limits, key=lambda one: one.cap)
    return TrustLimit(lowest.cap, lowest.reason, stricter(*(one.least_action for one in limits)))


def stricter(*actions: Action) -> Action:
    """The strictest of some actions."""
    return max(actions, key=ACTIONS.index)
