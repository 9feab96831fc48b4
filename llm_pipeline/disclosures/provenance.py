"""The provenance chain of a disclosure and the Merkle tree of a partition: pure, recomputable by anyone.

A step's `chain_hash` is SHA-256 over the previous chain hash followed by the canonical JSON of the step, so
a changed, missing or moved step breaks every later hash. Steps also hand values on by hash: parse takes
what extract gave, every normalisation takes what parse gave, load takes what the normalisations gave."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from llm_pipeline.hashing import canonical_json

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

_text = json.encoder.encode_basestring


class ProvenanceStep(NamedTuple):
    """One step as stored; `ts` is aware UTC, hashes are lower-case hexadecimal SHA-256.

    A tuple, because a verification makes eight of them a disclosure: a frozen dataclass takes six times as long.
    """

    disclosure_id: str
    step_no: int
    step: str
    step_version: str
    input_hash: str
    output_hash: str
    previous_hash: str
    chain_hash: str
    detail: Mapping[str, Any]
    ts: datetime


@dataclass(frozen=True)
class StepDraft:
    """A step before it has a place in a chain."""

    step: str
    input_hash: str
    output_hash: str
    detail: Mapping[str, Any] = field(default_factory=dict)


@lru_cache(maxsize=256)
def _utc(ts: datetime) -> str:
    return ts.astimezone(UTC).isoformat(timespec="microseconds")


def chain_hash(previous_hash: str, step: ProvenanceStep, detail_json: bytes | None = None) -> str:
    """SHA-256 of the previous chain hash followed by the canonical JSON of everything else the step says.

    The JSON is put together here, field by field in sorted order: a quarter of the time of sorting it anew.

    Args:
        detail_json: the canonical JSON of the step's detail, where it is at hand.
    """
    detail = canonical_json(step.detail) if detail_json is None else detail_json
    rest = (
        f',"disclosure_id":{_text(step.disclosure_id)},"input_hash":{_text(step.input_hash)}'
        f',"output_hash":{_text(step.output_hash)},"step":{_text(step.step)},"step_no":{step.step_no}'
        f',"step_version":{_text(step.step_version)},"ts":"{_utc(step.ts)}"}}'
    )
    return hashlib.sha256(b"".join((previous_hash.encode(), b'{"detail":', detail, rest.encode()))).hexdigest()


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
        steps.append(open_step._replace(chain_hash=previous_hash))
    return steps
