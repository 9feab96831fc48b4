"""One module per interrogation: pure rules from the evidence in the prompt to an answer that fits its
contract.

A module `answers/<key>.py` has
- `ITEMS`: the answer's list and the name of the id in each of its elements, e.g. `("records", "record_id")`,
- `ASKED`: the evidence's list of what is asked about, whose elements have the same id,
- `answer(evidence) -> dict`: the honest answer,
- `contradict(evidence, answer)`, `invent(evidence, answer)`, `obey(evidence, answer)`: the same answer turned
into
  one that denies the computed facts, asserts facts nobody computed, or does what the data told it to do.

A module may also have `STEPS`, the names of steps that its prompt may ask for. Then it is called as
`answer(evidence, steps)` with those of them that the prompt at hand lists as numbered lines (`2. semantic: ...`), and
leaves out the work of the others: a prompt that no longer asks for a step gets an answer without it. A prompt that
lists none of them is read as asking for all. This is all that these rules take from a prompt's wording.

Rules never read a clock, a file or a random number: the same evidence gives the same bytes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

Json = dict[str, Any]


class Rules(Protocol):
    """What a module in this package offers; see the package's docstring."""

    ITEMS: tuple[str, str]
    ASKED: str

    def answer(self, evidence: Json) -> Json: ...
    def contradict(self, evidence: Json, answer: Json) -> Json: ...
    def invent(self, evidence: Json, answer: Json) -> Json: ...
    def obey(self, evidence: Json, answer: Json) -> Json: ...


class EvidenceError(ValueError):
    """The evidence lacks what the rules need; the message names it."""


@cache
def known_interrogations() -> tuple[str, ...]:
    """The keys that have rules, sorted."""
    return tuple(sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py")))


def rules_for(interrogation: str) -> Rules:
    """The rules of an interrogation.

    Raises:
        LookupError: there are none; the message lists the known ones.
    """
    if interrogation not in known_interrogations():
        known = ", ".join(known_interrogations())
        raise LookupError(f"offline-rules has no rules for interrogation '{interrogation}' (it has: {known})")
    return cast(Rules, import_module(f"{__name__}.{interrogation}"))


def honest_answer(rules: Rules, evidence: Json, system: str) -> Json:
    """The rules' answer to the evidence, as far as the system message asks for it.

    Raises:
        EvidenceError: the evidence lacks what the rules need.
    """
    steps: Collection[str] | None = getattr(rules, "STEPS", None)
    if steps is None:
        return rules.answer(evidence)
    return cast(Any, rules).answer(evidence, asked_steps(system, steps))


def asked_steps(system: str, known: Collection[str]) -> frozenset[str]:
    """Which of the known steps a prompt lists as numbered lines, all of them where it lists none."""
    listed = {word.lower() for word in _NUMBERED.findall(system)} & set(known)
    return frozenset(listed or known)


_NUMBERED = re.compile(r"^\d+\. *(\w+)", re.MULTILINE)


@cache
def rules_digest() -> str:
    """SHA-256 over the rules' source: other rules are another model, so caches keyed by digest do not mix
    them."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
