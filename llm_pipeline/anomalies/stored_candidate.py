"""A candidate as JSON and back, without losing a digit: numbers travel as text. Pure."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid5

from pydantic import TypeAdapter

from llm_pipeline.anomalies.detection.candidates import Candidate
from llm_pipeline.hashing import hash_of

NAMESPACE = UUID("3d3f9f0e-5f7d-5a55-8f63-6f4d0c9f2b1e")
_CANDIDATE = TypeAdapter(Candidate)


def candidate_json(candidate: Candidate) -> dict[str, Any]:
    """As JSON values; `candidate_from_json` gives an equal candidate back."""
    value: dict[str, Any] = _CANDIDATE.dump_python(candidate, mode="json")
    return value


def candidate_from_json(value: Any) -> Candidate:
    """A candidate from what `candidate_json` made.

    Raises:
        pydantic.ValidationError: it is not such a value.
    """
    return _CANDIDATE.validate_python(value)


def evidence_sha256(candidate: Candidate) -> str:
    """SHA-256 of a candidate with its evidence: other evidence is another question to a model."""
    return hash_of(candidate_json(candidate) | {"last_seen": None})


def signal_id_of(candidate_id: str) -> str:
    """The id of the signal about a candidate: an episode has one signal, however often it is seen."""
    return f"sig-{candidate_id.removeprefix('cand-')}"


def row_id(kind: str, *names: str) -> str:
    """A UUID for a row from what it is about."""
    return str(uuid5(NAMESPACE, "|".join((kind, *names))))
