"""Which calls misbehave, and how: a frozen plan, and the seeded decision per call.

Belongs here: kinds, conditions, and the choice. What each kind does to an answer is in `misbehaviour.py`;
what it does to the connection is in `chat_answer.py`.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

TRANSPORT_KINDS: Mapping[str, str] = {
    "slow": "answers `seconds` later",
    "stall": "sends nothing more for `seconds` (streaming: after the first piece), then hangs up",
    "http_500": "500 as when the runner died",
    "http_500_option": "500 that is the caller's fault: an option of the wrong type",
    "http_502": "502 with an HTML body, as a proxy gives",
    "http_503": "503, the queue is full",
    "cut": "the connection closes in the middle of the answer",
    "error_line": "200, and an error instead of the (rest of the) answer",
    "done_false": "200 and part of the answer with done:false; a stream just ends",
    "length": "200 and half of the answer with done_reason length",
}
CONTENT_KINDS: Mapping[str, str] = {
    "fenced": "the JSON inside a Markdown code fence",
    "thinking": "a <think> block before the JSON",
    "thinking_only": "the JSON in message.thinking, the content empty",
    "refusal": "a polite refusal instead of JSON",
    "empty": "no text at all",
    "invalid_json": "JSON that stops in the middle although done_reason is stop",
    "invalid_schema": "JSON that does not fit the contract",
    "half": "half of the items are missing",
    "doubled_ids": "the first item comes twice",
    "foreign_ids": "one id that nobody asked about replaces an asked one",
    "one_based_ids": "positions 1, 2, 3 instead of ids",
    "contradicting": "denies the computed facts: passes the rejected, accuses the clean",
    "invented": "asserts facts that nobody computed",
    "obeys_injection": "does what an instruction inside the data says, where there is one",
}
KINDS: tuple[str, ...] = (*TRANSPORT_KINDS, *CONTENT_KINDS)


@dataclass(frozen=True)
class Fault:
    """One way to misbehave and when. All conditions given must hold.

    Attributes:
        kind: one of `KINDS`.
        probability: share of the calls that match, decided by a hash of seed, prompt and repetition, so that
        the
            same prompts misbehave in the same way whatever the order in which they arrive.
        first_calls: only the first n calls that match the other conditions ("fails first, then works").
        every_nth: only the nth, 2nth, ... of the calls that match.
        first_per_record: only while a matching record of the call was asked about fewer than n times
            under this plan.
        record_id: regular expression that must be found in the id of one of the records. Faults of content
        then
            touch matching records only, where they are about records.
        text: the same for a record's JSON text; both given: one record must satisfy both.
        interrogation: only this interrogation.
        seconds: of `slow` and `stall`.
    """

    kind: str
    probability: float = 1.0
    first_calls: int | None = None
    every_nth: int | None = None
    first_per_record: int | None = None
    record_id: str | None = None
    text: str | None = None
    interrogation: str | None = None
    seconds: float = 3600.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown fault kind {self.kind!r}; known: {', '.join(KINDS)}")
        if not 0 <= self.probability <= 1:
            raise ValueError(f"probability of fault {self.kind} must be within 0 and 1, not {self.probability}")
        for name in ("first_calls", "every_nth", "first_per_record"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or value < 1):
                raise ValueError(f"{name} of fault {self.kind} must be a whole number from 1, not {value!r}")
        for pattern in (self.record_id, self.text):
            if pattern is not None:
                re.compile(pattern)

    def touches(self, record_id: str, text: str) -> bool:
        """Whether a record satisfies this fault's conditions on records."""
        return (self.record_id is None or re.search(self.record_id, record_id) is not None) and (
            self.text is None or re.search(self.text, text) is not None
        )


@dataclass(frozen=True)
class FaultPlan:
    """Faults in the order in which they are considered, and the seed of their probabilities."""

    faults: tuple[Fault, ...] = ()
    seed: int = 0

    def as_json(self) -> dict[str, Any]:
        """The plan as `plan_from_json` reads it."""
        return {"seed": self.seed, "faults": [asdict(fault) for fault in self.faults]}


NO_FAULTS = FaultPlan()


@dataclass(frozen=True)
class Firing:
    """A fault that happens to a call, and the ids of the records it touches."""

    fault: Fault
    record_ids: frozenset[str]


def plan_from_json(value: Any) -> FaultPlan:
    """A plan from `{"seed": int, "faults": [{"kind": ..., ...}]}` or from the list of faults alone.

    Raises:
        ValueError: it is not such an object; the message names the field.
    """
    if isinstance(value, list):
        value = {"faults": value}
    if not isinstance(value, dict) or not isinstance(value.get("faults", []), list):
        raise ValueError('a fault plan is {"seed": int, "faults": [{"kind": ...}, ...]}')
    known = {field.name for field in fields(Fault)}
    for fault in value.get("faults", []):
        if not isinstance(fault, dict) or "kind" not in fault or not fault.keys() <= known:
            raise ValueError(f"a fault has `kind` and any of {sorted(known)}, not {fault!r}")
    try:
        return FaultPlan(tuple(Fault(**f) for f in value.get("faults", [])), int(value.get("seed", 0)))
    except (TypeError, re.error) as error:
        raise ValueError(f"fault plan not understood: {error}") from error


class FaultDice:
    """A plan at work: counts what it has seen and says what happens to a call."""

    def __init__(self, plan: FaultPlan) -> None:
        self.plan = plan
        self._matched: Counter[int] = Counter()
        self._prompts: Counter[bytes] = Counter()
        self._asked: Counter[str] = Counter()
        self.fired: Counter[str] = Counter()

    def _lucky(self, index: int, prompt: bytes, repetition: int) -> bool:
        chance = self.plan.faults[index].probability
        if chance >= 1:
            return True
        seed = f"{self.plan.seed}|{index}|{repetition}|".encode() + prompt
        return int.from_bytes(hashlib.sha256(seed).digest()[:8]) < chance * 2**64

    def throw(self, interrogation: str, prompt: str, records: Mapping[str, str]) -> Collection[Firing]:
        """What happens to this call.

        Args:
            interrogation: the key asked.
            prompt: the whole evidence text.
            records: record id to its JSON text.
        """
        if not self.plan.faults:
            return ()
        digest = hashlib.sha256(prompt.encode("utf-8", "surrogatepass")).digest()
        repetition = self._prompts[digest]
        self._prompts[digest] += 1
        firings = []
        for index, fault in enumerate(self.plan.faults):
            if fault.interrogation not in (None, interrogation):
                continue
            touched = frozenset(rid for rid, text in records.items() if fault.touches(rid, text))
            if fault.first_per_record is not None:
                limit = fault.first_per_record
                touched = frozenset(rid for rid in touched if self._asked[rid] < limit)
            if not touched and (fault.record_id or fault.text or fault.first_per_record):
                continue
            self._matched[index] += 1
            nth = self._matched[index]
            if fault.first_calls is not None and nth > fault.first_calls:
                continue
            if fault.every_nth is not None and nth % fault.every_nth:
                continue
            if self._lucky(index, digest, repetition):
                self.fired[fault.kind] += 1
                firings.append(Firing(fault, touched))
        self._asked.update(records.keys())
        return firings
