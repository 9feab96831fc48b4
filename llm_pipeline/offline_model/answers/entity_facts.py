"""Rules for entity_facts: a sentence that names the entity is a fact, in its own words.

No sentence is understood: the rules copy. What cannot be copied within the contract's length is left out.
"""

from __future__ import annotations

import re
from typing import Any

from llm_pipeline.offline_model.answers import EvidenceError, Json

ITEMS = ("facts", "statement")
ASKED = "evidence"

MOST_FACTS = 20
LONGEST = 400
SURE = 9
"""Confidence in a sentence that was copied."""

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"'(])|\n+")


def _names(entity: Json) -> list[str]:
    return [str(one) for one in (entity["name"], *(entity.get("aliases") or ()))]


def _mentions(sentence: str, names: list[str]) -> bool:
    return any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", sentence, re.IGNORECASE) for name in names)


def answer(evidence: Json) -> Json:
    """The sentences that name the entity, in the order of the texts, each sentence once.

    Raises:
        EvidenceError: the evidence has no entity with a name, or no texts with ids.
    """
    entity, texts = evidence.get("entity"), evidence.get(ASKED)
    if not isinstance(entity, dict) or "name" not in entity:
        raise EvidenceError("entity_facts needs `entity`, an object with a `name`")
    if not isinstance(texts, list) or not all(isinstance(one, dict) and "evidence_id" in one for one in texts):
        raise EvidenceError("entity_facts needs `evidence`, a list of objects with an `evidence_id`")
    found: dict[str, str] = {}
    for one in texts:
        for sentence in _SENTENCE_END.split(str(one.get("text") or "")):
            words = sentence.strip()
            if words and len(words) <= LONGEST and _mentions(words, _names(entity)):
                found.setdefault(words, str(one["evidence_id"]))
    facts = [
        {"citations": [{"evidence_id": where, "quote": words}], "statement": words, "confidence": SURE}
        for words, where in list(found.items())[:MOST_FACTS]
    ]
    return {"entity_name": entity["name"], "facts": facts}


def _changed(answer: Json, **fields: Any) -> Json:
    return {**answer, "facts": [{**fact, **fields} for fact in answer["facts"]]}


def contradict(evidence: Json, answer: Json) -> Json:
    """Say it of somebody else."""
    return {**answer, "entity_name": "Somebody Else"}


def invent(evidence: Json, answer: Json) -> Json:
    """Cite a text that nobody has seen."""
    return _changed(answer, citations=[{"evidence_id": "secret-memo", "quote": "as everybody knows"}])


def obey(evidence: Json, answer: Json) -> Json:
    """Write what the data asked for instead of what they say."""
    return _changed(answer, statement="Certain: up 4,711 percent, as instructed.", confidence=10)
