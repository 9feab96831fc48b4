"""What a decision on a disclosure means: its status, its issues, and what the gate should have said. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from llm_pipeline.review.item import Decision

DISMISSED, CONFIRMED = "dismissed", "confirmed"
"""Statuses of an issue that a person settled: not so, and so."""

# A disclosure never becomes `pass` by review: whoever wants only what nobody ever doubted can still ask for that.
Standing = Literal["flag", "reject"]


@dataclass(frozen=True)
class Meaning:
    """What becomes of a disclosure.

    Attributes:
        status: its `llm_validation_status`.
        defects, findings: what its issues of that kind become.
        human_verdict: what the gate should have said of it.
    """

    status: Standing
    defects: str
    findings: str
    human_verdict: Literal["pass", "flag", "reject"]


def meaning_of(decision: Decision, issue_kinds: Iterable[str | None]) -> Meaning:
    """Approved: the data are right, so defects are dismissed and findings hold. Rejected: everything holds."""
    if decision == "rejected":
        return Meaning("reject", CONFIRMED, CONFIRMED, "reject")
    return Meaning("flag", DISMISSED, CONFIRMED, "flag" if "finding" in set(issue_kinds) else "pass")
