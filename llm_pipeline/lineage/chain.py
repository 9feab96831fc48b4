"""The chain of one disclosure against itself: every link, hash, time, version and handover. Pure.

A chain is a series of loads, each extract, parse, the normalisations and load, at one time; after a load the row may
be superseded, any number of times. What a hash covers and how steps hand on is said in `disclosures.provenance`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import pairwise

from llm_pipeline.disclosures.provenance import (
    APPROVED_VERSIONS,
    GENESIS,
    NORMALISATIONS,
    ProvenanceStep,
    chain_hash,
)
from llm_pipeline.hashing import hash_of, sha256_hex
from llm_pipeline.lineage.breaks import Break, shown
from llm_pipeline.lineage.detail import ReadDetail, checked_detail

_LOAD = ("extract", "parse", *NORMALISATIONS, "load")
_AFTER: dict[str | None, tuple[str, ...]] = {
    **{step: (following,) for step, following in pairwise(_LOAD)},
    "load": ("extract", "supersede"),
    "supersede": ("extract", "supersede"),
}
_FIRST = ("extract",)
_NORMALISES = frozenset(NORMALISATIONS)
_BEGINS_A_TIME = frozenset({"extract", "supersede"})
_MAY_END_A_CHAIN = frozenset({"load", "supersede"})


def first_break(
    steps: Sequence[ProvenanceStep],
    *,
    now: datetime | None = None,
    approved: Mapping[str, frozenset[str]] = APPROVED_VERSIONS,
) -> Break | None:
    """The first broken link of a chain, or None where it holds; see `chain_breaks`."""
    return next(chain_breaks(steps, now=now, approved=approved), None)


def chain_breaks(
    steps: Sequence[ProvenanceStep],
    *,
    now: datetime | None = None,
    approved: Mapping[str, frozenset[str]] = APPROVED_VERSIONS,
) -> Iterator[Break]:
    """Everything wrong with a chain, in its order; each step is judged against what is stored before it.

    That a whole last load was cut off cannot be seen from a chain alone: the row and the Merkle root tell.

    Args:
        steps: of one disclosure, by step number.
        now: no step may be later.
        approved: versions that may have written a step.
    """
    if not steps:
        yield Break("chain_missing", "the chain", "at least one load", "no step")
        return
    before: ProvenanceStep | None = None
    outputs: dict[str, str] = {}
    for step in steps:
        name = step.step
        if step.step_no != (number := before.step_no + 1 if before else 1):
            yield _broken("step_missing", step, f"step {number}", f"step {step.step_no}")
        if name not in (following := _AFTER.get(before.step if before else None, _FIRST)):
            yield _broken("step_out_of_order", step, " or ".join(following), shown(name))
        if before is not None and step.ts != before.ts:
            yield from _times(step, before)
        if now is not None and step.ts > now:
            yield _broken("time_in_future", step, f"not after {now.isoformat()}", step.ts.isoformat())
        previous = before.chain_hash if before else GENESIS
        detail = checked_detail(step.detail)
        if detail is None:
            yield _broken("hash_mismatch", step, "a detail with a canonical form", shown(step.detail))
        elif step.previous_hash != previous:
            yield _broken("link_broken", step, f"previous_hash {previous}", shown(step.previous_hash))
        elif (computed := chain_hash(previous, step, detail.canonical)) != step.chain_hash:
            yield _hash_mismatch(step, detail, computed, steps, approved)
        if step.step_version not in approved.get(name, ()):
            known = ", ".join(sorted(approved.get(name, ()))) or "none"
            yield _broken("version_not_approved", step, f"a version of {known}", shown(step.step_version))
        if name == "extract":
            outputs = {}
        elif detail is not None:
            given, output = _handover(step, before, outputs, detail)
            if step.input_hash != given:
                yield _broken("handover_broken", step, f"input_hash {given}", shown(step.input_hash))
            if step.output_hash != output:
                yield _broken("output_mismatch", step, f"output_hash {output}", shown(step.output_hash))
        outputs[name] = step.output_hash
        before = step
    if steps[-1].step not in _MAY_END_A_CHAIN:
        wanted = " or ".join(_AFTER.get(steps[-1].step, ("load",)))
        yield Break("chain_incomplete", _name(steps[-1]), f"{wanted} after it", "the end", steps[-1].step_no)


def _name(step: ProvenanceStep) -> str:
    return f"step {step.step_no} {shown(step.step)}"


def _broken(code: str, step: ProvenanceStep, expected: str, found: str) -> Break:
    return Break(code, _name(step), expected, found, step.step_no)  # type: ignore[arg-type]  # codes of this module


def _times(step: ProvenanceStep, before: ProvenanceStep) -> Iterator[Break]:
    if step.ts < before.ts:
        yield _broken("time_reversed", step, f"not before {before.ts.isoformat()}", step.ts.isoformat())
    elif step.step not in _BEGINS_A_TIME:
        yield _broken("time_not_of_load", step, f"{before.ts.isoformat()} as the load began", step.ts.isoformat())


def _hash_mismatch(
    step: ProvenanceStep,
    detail: ReadDetail,
    computed: str,
    steps: Sequence[ProvenanceStep],
    approved: Mapping[str, frozenset[str]],
) -> Break:
    """The break of a step whose hash is another: with the field's name where its true value can be told.

    A time is tried among those of the chain's other steps, a version among the approved ones.
    """
    previous, canonical = step.previous_hash, detail.canonical
    for ts in dict.fromkeys(other.ts for other in steps):
        if chain_hash(previous, step._replace(ts=ts), canonical) == step.chain_hash:
            return _broken("time_edited", step, ts.isoformat(), step.ts.isoformat())
    for version in sorted(approved.get(step.step, ())):
        if chain_hash(previous, step._replace(step_version=version), canonical) == step.chain_hash:
            return _broken("version_edited", step, f"version {version}", f"version {shown(step.step_version)}")
    return _broken("hash_mismatch", step, f"chain_hash {computed}", shown(step.chain_hash))


def _handover(
    step: ProvenanceStep, before: ProvenanceStep | None, outputs: Mapping[str, str], detail: ReadDetail
) -> tuple[str, str]:
    """The input and the output hash that a step must have; its own where nothing says so."""
    if step.step in _NORMALISES:
        return outputs.get("parse", ""), detail.out_sha256
    if step.step == "parse":
        return outputs.get("extract", ""), step.output_hash
    if step.step == "load":
        return hash_of([outputs.get(name) for name in NORMALISATIONS]), step.output_hash
    if step.step == "supersede":
        return before.output_hash if before else "", sha256_hex(detail.canonical)
    return step.input_hash, step.output_hash
