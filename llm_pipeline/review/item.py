"""What a person decides on, and when a decision is refused. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, get_args

Kind = Literal["quarantine", "flagged", "signal", "recommendation"]
Decision = Literal["approved", "rejected"]

KINDS: tuple[Kind, ...] = get_args(Kind)

SHORTEST_SEEN = 8
"""Least digits of a hash that say what was seen."""


class ReviewError(ValueError):
    """A decision that cannot be taken; the message is one line: what, where, what to do."""


class UnknownItemError(ReviewError):
    """Nothing of this id can be reviewed."""


class NotWaitingError(ReviewError):
    """The item waits for nobody: it was decided, or something else became of it."""


class ChangedSinceSeenError(ReviewError):
    """The item says something else now than when the reviewer read it."""


@dataclass(frozen=True)
class Waiting:
    """One line of the queue.

    Attributes:
        since: since when it waits; None where another program's row does not say.
        what: one line for a person.
    """

    kind: Kind
    item_id: str
    since: datetime | None
    what: str

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "kind": self.kind,
            "id": self.item_id,
            "since": self.since.isoformat() if self.since else None,
            "what": self.what,
        }


@dataclass(frozen=True)
class PastDecision:
    """A decision as it was kept."""

    decision: str
    reviewed_by: str
    reviewed_at: datetime
    why: str
    content_sha256: str
    gate_verdict: str | None = None

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "decision": self.decision,
            "reviewed_by": self.reviewed_by,
            "reviewed_at": self.reviewed_at.isoformat(),
            "why": self.why,
            "content_sha256": self.content_sha256,
        }


@dataclass(frozen=True)
class Item:
    """Something to decide on, as it stands.

    Attributes:
        state: in a word: pending or open while it waits, approved, rejected, or what else became of it.
        waits: nobody has decided yet and somebody should.
        decidable: a decision would mean something, the first one or another.
        content: what a reviewer reads, as JSON values.
        content_sha256: of what it says; another hash is another item under the same id.
        disclosure_id: the disclosure it is about, of the kinds that are about one.
        verdict: the disclosure's `llm_validation_status`.
    """

    kind: Kind
    item_id: str
    state: str
    waits: bool
    decidable: bool
    content: dict[str, Any]
    content_sha256: str
    audit_trail_id: str | None = None
    disclosure_id: str | None = None
    verdict: str | None = None
    history: tuple[PastDecision, ...] = field(default=())

    @property
    def changed_since_decided(self) -> bool:
        """Whether the last decision was about another content."""
        return bool(self.history) and self.history[-1].content_sha256 != self.content_sha256

    def as_json(self) -> dict[str, Any]:
        """For `--json`; `seen` is what `--seen` takes."""
        return {
            "kind": self.kind,
            "id": self.item_id,
            "state": self.state,
            "waits": self.waits,
            "seen": self.content_sha256,
            "disclosure_id": self.disclosure_id,
            "verdict": self.verdict,
            "audit_trail_id": self.audit_trail_id,
            "changed_since_decided": self.changed_since_decided,
            "content": self.content,
            "decisions": [one.as_json() for one in self.history],
        }


def check_decidable(item: Item, *, again: bool, seen: str | None) -> None:
    """Let a decision pass that may be taken now.

    Args:
        again: the reviewer knows that it was decided before.
        seen: the first digits, `SHORTEST_SEEN` or more, of the content's hash as the reviewer read it.

    Raises:
        ChangedSinceSeenError: it says something else now.
        NotWaitingError: it was decided before, or waits for nobody.
    """
    if seen is not None and (len(seen) < SHORTEST_SEEN or not item.content_sha256.startswith(seen.lower())):
        raise ChangedSinceSeenError(
            f"{item.kind} {item.item_id} is not what was seen ({seen}): it is {item.content_sha256[:12]} now; "
            f"read it again with `review show {item.kind} {item.item_id}`"
        )
    if item.waits:
        return
    if not item.decidable:
        raise NotWaitingError(f"{item.kind} {item.item_id} is {item.state}: there is nothing to decide")
    if not again:
        last = f" by {item.history[-1].reviewed_by} at {item.history[-1].reviewed_at:%Y-%m-%d %H:%M}Z: " \
               f"{item.history[-1].why}" if item.history else ""  # fmt: skip
        raise NotWaitingError(f"{item.kind} {item.item_id} is {item.state}{last}; --again decides it once more")
