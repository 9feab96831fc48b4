"""Evidence bundles: texts cut to a bound and redacted, and the bytes that a bundle is stored and named by. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from llm_pipeline.db.bulk import clean_text, json_text
from llm_pipeline.interrogations.queued import Evidence
from llm_pipeline.jobs.redaction import redacted

MOST_BUNDLE_BYTES = 1_000_000


class EvidenceTooLargeError(ValueError):
    """A builder gathered more than a bundle may hold; trying again does not help."""


@dataclass(frozen=True)
class EvidenceText:
    """One text to draw on, named by an id."""

    evidence_id: str
    text: str


@dataclass(frozen=True)
class Bounds:
    """How much of the texts is shown: so many of them, so many UTF-8 bytes of each, so many in all."""

    items: int = 20
    item_bytes: int = 4_000
    total_bytes: int = 16_000


BOUNDS = Bounds()


@dataclass(frozen=True)
class BoundedTexts:
    """What may be shown, and what was done to it: counts, hashes and spans, never what was taken out."""

    texts: tuple[EvidenceText, ...]
    notes: dict[str, Any]


def bounded_texts(texts: Iterable[EvidenceText], key: bytes, bounds: Bounds = BOUNDS) -> BoundedTexts:
    """The first texts that fit, in their order, redacted; a long one is cut at a character, the rest left out.

    Args:
        key: of the hashes that stand for what was redacted.
    """
    shown: list[EvidenceText] = []
    redactions: list[dict[str, Any]] = []
    cut: dict[str, int] = {}
    left_out: list[str] = []
    room = bounds.total_bytes
    for one in texts:
        if len(shown) == bounds.items or room <= 0:
            left_out.append(one.evidence_id)
            continue
        # Redacted before it is cut, so that no half of a number is left at the edge.
        text, found = redacted(clean_text(one.text), key)
        encoded = text.encode()
        most = min(bounds.item_bytes, room)
        if len(encoded) > most:
            cut[one.evidence_id] = len(encoded)
            encoded = encoded[:most]
            text = encoded.decode(errors="ignore")
        room -= len(encoded)
        shown.append(EvidenceText(one.evidence_id, text))
        redactions += [{"evidence_id": one.evidence_id, **asdict(each)} for each in found]
    notes = {"bounds": asdict(bounds), "cut_from_bytes": cut, "left_out": left_out, "redactions": redactions}
    return BoundedTexts(tuple(shown), notes)


def bundle_bytes(interrogation_key: str, evidence: Evidence) -> bytes:
    """A bundle as it is stored: the same evidence gives the same bytes.

    Raises:
        EvidenceTooLargeError: more than `MOST_BUNDLE_BYTES`.
        TypeError, ValueError: the evidence is no JSON.
    """
    value = {"interrogation": interrogation_key, "notes": evidence.notes, "variables": evidence.variables}
    content = json.dumps(
        json.loads(json_text(value)), sort_keys=True, ensure_ascii=False, separators=(",", ":")
    ).encode()
    if len(content) > MOST_BUNDLE_BYTES:
        raise EvidenceTooLargeError(f"the evidence has {len(content):,} bytes, a bundle holds {MOST_BUNDLE_BYTES:,}")
    return content
