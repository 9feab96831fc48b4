"""The provenance chain of a disclosure and the Merkle tree of a partition: pure, recomputable by anyone.

A step's `chain_hash` is SHA-256 over the previous chain hash followed by the canonical JSON of the step, so
a changed, missing or moved step breaks every later hash. Steps also hand values on by hash: parse takes
what extract gave, every normalisation takes what parse gave, load takes what the normalisations gave."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from llm_pipeline.hashing import canonical_json, hash_of, sha256_hex

GENESIS = "0" * 64
"""Previous hash of a disclosure's first step."""

NORMALISATIONS = (
    "normalise_names",
    "normalise_ticker",
    "normalise_amount",
    "normalise_dates",
    "normalise_terms",
)

STEP_VERSIONS: dict[str, str] = {
    "extract": "1",
    "parse": "1",
    **dict.fromkeys(NORMALISATIONS, "1"),
    "load": "1",
    "supersede": "1",
}
"""The version that is written now. Raise it when a step starts to give other results."""

APPROVED_VERSIONS: dict[str, frozenset[str]] = {step: frozenset({"1"}) for step in STEP_VERSIONS}
"""Every version that ever wrote a chain and still counts as trustworthy."""

_MAY_END_A_CHAIN = frozenset({"load", "supersede"})


@dataclass(frozen=True)
class ProvenanceStep:
    """One step as stored; `ts` is aware UTC, hashes are lower-case hexadecimal SHA-256."""

    disclosure_id: str
    step_no: int
    step: str
    step_version: str
    input_hash: str
    output_hash: str
    previous_hash: str
    chain_hash: str
    ts: datetime
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class StepDraft:
    """A step before it has a place in a chain."""

    step: str
    input_hash: str
    output_hash: str
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Break:
    """The first thing wrong with a chain: at which step number, and what."""

    disclosure_id: str
    step_no: int
    reason: str


def chain_hash(previous_hash: str, step: ProvenanceStep) -> str:
    """SHA-256 of the previous chain hash followed by the canonical JSON of everything else the step says."""
    body = {
        "disclosure_id": step.disclosure_id,
        "step_no": step.step_no,
        "step": step.step,
        "step_version": step.step_version,
        "input_hash": step.input_hash,
        "output_hash": step.output_hash,
        "detail": step.detail,
        "ts": step.ts.astimezone(UTC).isoformat(timespec="microseconds"),
    }
    return sha256_hex(previous_hash.encode() + canonical_json(body))


def extend_chain(
    disclosure_id: str,
    drafts: Iterable[StepDraft],
    *,
    ts: datetime,
    last_step_no: int = 0,
    previous_hash: str = GENESIS,
) -> list[ProvenanceStep]:
    """The drafts as steps that continue a chain (or begin one), numbered from `last_step_no + 1`."""
    steps: list[ProvenanceStep] = []
    for number, draft in enumerate(drafts, start=last_step_no + 1):
        open_step = ProvenanceStep(
            disclosure_id=disclosure_id,
            step_no=number,
            step=draft.step,
            step_version=STEP_VERSIONS[draft.step],
            input_hash=draft.input_hash,
            output_hash=draft.output_hash,
            previous_hash=previous_hash,
            chain_hash="",
            ts=ts,
            detail=draft.detail,
        )
        previous_hash = chain_hash(previous_hash, open_step)
        steps.append(ProvenanceStep(**{**vars(open_step), "chain_hash": previous_hash}))
    return steps


def _handover_error(step: ProvenanceStep, outputs: Mapping[str, str]) -> str | None:
    if step.step == "parse" and step.input_hash != outputs.get("extract"):
        return "parse did not take what extract gave"
    if step.step in NORMALISATIONS and step.input_hash != outputs.get("parse"):
        return f"{step.step} did not take what parse gave"
    if step.step == "load" and step.input_hash != hash_of([outputs.get(name) for name in NORMALISATIONS]):
        return "load did not take what the normalisations gave"
    if step.step in NORMALISATIONS and hash_of(step.detail.get("out")) != step.output_hash:
        return f"the detail of {step.step} is not what its output hash was taken over"
    return None


def first_break(
    steps: Sequence[ProvenanceStep],
    *,
    head: str | None = None,
    approved: Mapping[str, frozenset[str]] = APPROVED_VERSIONS,
) -> Break | None:
    """The first broken link of one disclosure's chain in the order given, or None where it holds.

    `head` is the chain hash the chain must end with, as a Merkle leaf of a partition root attests it:
    without it, the loss of a whole last load cannot be seen from the chain alone."""
    if not steps:
        return Break("", 0, "there is no step at all")
    owner, previous = steps[0].disclosure_id, GENESIS
    outputs: dict[str, str] = {}
    for expected_no, step in enumerate(steps, start=1):
        reason = None
        if step.disclosure_id != owner:
            reason = f"belongs to disclosure {step.disclosure_id}"
        elif step.step_no != expected_no:
            reason = f"step {expected_no} is missing or out of order"
        elif step.previous_hash != previous:
            reason = "previous_hash is not the chain hash of the step before"
        elif chain_hash(previous, step) != step.chain_hash:
            reason = "chain_hash is not the hash of this step"
        elif step.step_version not in approved.get(step.step, frozenset()):
            reason = f"version {step.step_version} of step {step.step} is not approved"
        else:
            reason = _handover_error(step, outputs)
        if reason:
            return Break(owner, step.step_no, reason)
        if step.step == "extract":
            outputs = {}
        outputs[step.step] = step.output_hash
        previous = step.chain_hash
    if steps[-1].step not in _MAY_END_A_CHAIN:
        return Break(owner, steps[-1].step_no, f"the chain ends after {steps[-1].step}, before its load")
    if head is not None and previous != head:
        return Break(owner, steps[-1].step_no, "the chain does not end with the attested hash")
    return None
