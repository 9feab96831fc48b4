"""What an answer of entity_facts is worth, against the texts that were shown. Pure.

Refused as a whole: an answer about somebody else, or with a citation of a text that was not shown or of words that do
not stand in it. A model that makes up one source is not believed about the others.
Refused one by one: a fact without a citation, one whose quoted words never name the entity (it may be about anybody),
and one whose sentence has a figure, date, id or ticker that no cited text has. An answer of which nothing is left is
refused as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from llm_pipeline.anomalies.text_claims import Shown, unsupported
from llm_pipeline.interrogations.entity_facts.contract import EntityFactsAnswer, Fact
from llm_pipeline.interrogations.entity_facts.question import Entity
from llm_pipeline.interrogations.queued import Grounded, UngroundedClaim


@dataclass(frozen=True)
class Asked:
    """The entity, and the texts as they were shown, by id."""

    entity: Entity
    texts: Mapping[str, str]


def ground(asked: Asked, answer: EntityFactsAnswer) -> Grounded:
    """The facts that stand, or None with the reasons."""
    if _plain(answer.entity_name) != _plain(asked.entity.name):
        said = {"entity_name": answer.entity_name}
        return Grounded(None, [UngroundedClaim(said, "other_entity", f"asked about {asked.entity.name}")])
    invented = [claim for fact in answer.facts for claim in _invented_sources(asked, fact)]
    if invented:
        return Grounded(None, invented)
    kept: list[Fact] = []
    claims: list[UngroundedClaim] = []
    for fact in answer.facts:
        doubts = list(_doubts(asked, fact))
        claims += doubts
        if not doubts and fact not in kept:
            kept.append(fact)
    return Grounded(None if claims and not kept else tuple(kept), claims)


def _invented_sources(asked: Asked, fact: Fact) -> Iterator[UngroundedClaim]:
    for one in fact.citations:
        text = asked.texts.get(one.evidence_id)
        if text is None:
            yield _claim(fact, "unknown_evidence", f"no text {one.evidence_id!r} was shown")
        elif not _plain(one.quote) or _plain(one.quote) not in _plain(text):
            yield _claim(
                fact, "quote_not_in_evidence", f"these words do not stand in {one.evidence_id!r}: {one.quote!r}"
            )


def _doubts(asked: Asked, fact: Fact) -> Iterator[UngroundedClaim]:
    if not fact.citations:
        yield _claim(fact, "no_citation", "a fact names the texts it stands in")
        return
    if not fact.statement.strip():
        yield _claim(fact, "no_statement", "a fact says something")
    if not any(names(asked.entity, one.quote) for one in fact.citations):
        yield _claim(fact, "entity_not_in_quote", f"the quoted words do not name {asked.entity.name}")
    cited = {one.evidence_id: asked.texts[one.evidence_id] for one in fact.citations}
    shown = Shown.of({"entity": asked.entity.model_dump(), "texts": cited})
    for code, words in unsupported(fact.statement, shown):
        yield _claim(fact, code, f"{words!r} stands in no cited text")


def names(entity: Entity, text: str) -> bool:
    """Whether a text names the entity, by its name or one of its aliases, as whole words."""
    plain = _plain(text)
    return any(
        re.search(rf"(?<!\w){re.escape(_plain(name))}(?!\w)", plain) is not None
        for name in (entity.name, *entity.aliases)
    )


def _plain(text: str) -> str:
    """Without differences of white space and of capitals."""
    return " ".join(text.split()).casefold()


def _claim(fact: Fact, code: str, detail: str) -> UngroundedClaim:
    said: dict[str, Any] = fact.model_dump(mode="json")
    return UngroundedClaim(said, code, detail)
