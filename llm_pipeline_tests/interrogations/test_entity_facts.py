"""What an answer of entity_facts is worth; evidence from the database; and noise of a genuine Ollama."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from llm_pipeline.interrogations.entity_facts import INTERROGATION, bind
from llm_pipeline.interrogations.entity_facts.contract import EntityFactsAnswer
from llm_pipeline.interrogations.entity_facts.gathering import gather
from llm_pipeline.interrogations.entity_facts.grounding import Asked, ground, names
from llm_pipeline.interrogations.entity_facts.question import Entity, EntityFactsInput
from llm_pipeline.interrogations.queued import Evidence, EvidenceMissingError
from llm_pipeline.llm.schema import json_schema
from llm_pipeline.llm.unsafe_schema import unsafe_features
from llm_pipeline.offline_model.answers import EvidenceError, entity_facts

NOW = datetime(2026, 3, 4, tzinfo=UTC)
ENTITY = Entity(kind="filer", name="Ada Quill", aliases=("Sen. Quill",))
TEXTS = {
    "a": "Ada Quill bought 300 shares of ACME on 2024-01-02.\nBob Hart sold 4 bonds.",
    "b": "The report of   Sen. Quill was late by 12 days.",
    "c": "Bob Hart owns a farm.",
}
ASKED = Asked(ENTITY, TEXTS)


def fact(statement: str, *citations: tuple[str, str], confidence: int = 8) -> dict[str, Any]:
    cited = [{"evidence_id": where, "quote": quote} for where, quote in citations]
    return {"citations": cited, "statement": statement, "confidence": confidence}


def answer(*facts: dict[str, Any], entity_name: str = "Ada Quill") -> EntityFactsAnswer:
    return EntityFactsAnswer.model_validate({"entity_name": entity_name, "facts": facts})


GOOD = fact("She bought 300 shares of ACME.", ("a", "Ada Quill bought 300 shares of ACME"))


def codes(found: Any) -> set[str]:
    return {claim.reason_code for claim in found.claims}


def test_a_fact_with_its_words_stands() -> None:
    late = fact("A report came 12 days late.", ("b", "report of Sen. Quill was late by 12 days"))
    found = ground(ASKED, answer(GOOD, late))
    assert len(found.result) == 2
    assert found.claims == []


def test_nothing_found_is_an_answer() -> None:
    found = ground(ASKED, answer())
    assert (found.result, found.claims) == ((), [])


@pytest.mark.parametrize(
    ("given_answer", "code"),
    [
        (answer(GOOD, entity_name="Bob Hart"), "other_entity"),
        (answer(GOOD, fact("x", ("zz", "Ada Quill"))), "unknown_evidence"),
        (answer(GOOD, fact("x", ("a", "Ada Quill bought 301 shares"))), "quote_not_in_evidence"),
        (answer(GOOD, fact("x", ("b", "Ada Quill bought 300 shares of ACME"))), "quote_not_in_evidence"),
        (answer(GOOD, fact("x", ("a", "   "))), "quote_not_in_evidence"),
    ],
)
def test_one_invented_source_or_another_entity_refuses_the_whole_answer(
    given_answer: EntityFactsAnswer, code: str
) -> None:
    found = ground(ASKED, given_answer)
    assert found.result is None
    assert codes(found) == {code}


@pytest.mark.parametrize(
    ("doubtful", "code"),
    [
        (fact("She has a farm."), "no_citation"),
        (fact(" ", ("a", "Ada Quill bought")), "no_statement"),
        (fact("She owns a farm.", ("c", "Bob Hart owns a farm")), "entity_not_in_quote"),
        (fact("She sold bonds.", ("a", "sold 4 bonds")), "entity_not_in_quote"),
        (fact("She bought 400 shares.", ("a", "Ada Quill bought 300 shares")), "text_number"),
        (fact("She bought on 2024-01-03.", ("a", "Ada Quill bought 300 shares")), "text_date"),
        (fact("She bought MSFT.", ("a", "Ada Quill bought 300 shares")), "text_ticker"),
        (fact("Late by 12 days.", ("a", "Ada Quill bought 300 shares")), "text_number"),
    ],
)
def test_a_doubtful_fact_is_refused_and_the_others_stand(doubtful: dict[str, Any], code: str) -> None:
    found = ground(ASKED, answer(GOOD, doubtful))
    assert [one.statement for one in found.result] == [GOOD["statement"]]
    assert codes(found) == {code}
    alone = ground(ASKED, answer(doubtful))
    assert alone.result is None


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "c", "nowhere"]),
            st.one_of(st.sampled_from([*TEXTS.values(), "Ada Quill", "Sen. Quill was late"]), st.text(max_size=20)),
            st.text(max_size=30),
        ),
        max_size=4,
    ),
    st.sampled_from(["Ada Quill", "ada  quill", "Bob Hart", ""]),
)
def test_whatever_a_model_says_only_shown_words_about_the_entity_are_kept(
    said: list[tuple[str, str, str]], entity_name: str
) -> None:
    found = ground(ASKED, answer(*(fact(what, (where, words[:400])) for where, words, what in said),
                                 entity_name=entity_name))  # fmt: skip
    for one in found.result or ():
        assert any(names(ENTITY, citation.quote) for citation in one.citations)
        for citation in one.citations:
            shown = " ".join(TEXTS[citation.evidence_id].split()).casefold()
            assert " ".join(citation.quote.split()).casefold() in shown
    if found.result is None:
        assert found.claims


@pytest.mark.parametrize(
    ("text", "expected"),
    [("ADA  QUILL said", True), ("Sen. Quill", True), ("Adam Quill", False), ("Ada Quillon", False), ("Quill", False)],
)
def test_the_entity_is_named_by_whole_words(text: str, expected: bool) -> None:
    assert names(ENTITY, text) is expected


def test_the_schema_admits_only_the_entity_and_the_texts_that_are_shown() -> None:
    schema = bind(json_schema(EntityFactsAnswer), Evidence({}, ASKED))
    assert schema["properties"]["entity_name"]["enum"] == ["Ada Quill"]
    assert schema["$defs"]["Citation"]["properties"]["evidence_id"]["enum"] == ["a", "b", "c"]
    assert unsafe_features(schema) == []
    assert list(schema["$defs"]["Fact"]["properties"]) == ["citations", "statement", "confidence"]


def test_an_input_must_have_something_to_read() -> None:
    with pytest.raises(ValidationError, match="something to read"):
        EntityFactsInput(entity=ENTITY)
    twice = [{"evidence_id": "a", "text": "x"}, {"evidence_id": "a", "text": "y"}]
    with pytest.raises(ValidationError, match="same evidence_id"):
        EntityFactsInput.model_validate({"entity": ENTITY.model_dump(), "texts": twice})


def test_stored_disclosures_are_evidence_in_words_of_their_rows(db: psycopg.Connection[Any]) -> None:
    filer, disclosure = uuid4(), str(uuid4())
    db.execute("INSERT INTO politicians (id, full_name, role) VALUES (%s, 'Ada Quill', 'Senator')", [filer])
    db.execute(
        """INSERT INTO trading_disclosures (id, politician_id, transaction_date, disclosure_date, transaction_type,
               asset_name, asset_ticker, amount_range_min, amount_range_max)
           VALUES (%s, %s, '2024-01-02', '2024-02-01', 'Purchase', 'Acme Corp', 'ACME', 1001, 15000)""",
        [disclosure, filer],
    )
    asked = EntityFactsInput(entity=ENTITY, disclosure_ids=(disclosure,))
    evidence = gather(db, asked, NOW)
    (shown,) = evidence.variables["evidence_json"]
    assert shown["text"] == (
        "Ada Quill reported a transaction of type Purchase in Acme Corp (ACME) on 2024-01-02, "
        "for between 1,001 and 15,000 dollars, disclosed on 2024-02-01."
    )
    rules = entity_facts.answer({"entity": ENTITY.model_dump(), "evidence": [shown]})
    found = ground(evidence.facts, EntityFactsAnswer.model_validate(rules))
    assert len(found.result) == 1
    db.execute("UPDATE trading_disclosures SET deleted_at = now()")
    with pytest.raises(EvidenceMissingError, match=disclosure):
        gather(db, asked, NOW)


@given(st.lists(st.text(max_size=60), max_size=5))
def test_the_rules_of_the_offline_model_are_borne_out_by_what_they_copy(texts: list[str]) -> None:
    shown = [{"evidence_id": f"t{n}", "text": f"{text} Ada Quill {text}. Bob."} for n, text in enumerate(texts)]
    asked = Asked(ENTITY, {one["evidence_id"]: one["text"] for one in shown})
    said = EntityFactsAnswer.model_validate(entity_facts.answer({"entity": ENTITY.model_dump(), "evidence": shown}))
    found = ground(asked, said)
    # Copied sentences quote what is shown and name the entity; odd figures inside may still be refused.
    assert codes(found) <= {"text_number", "text_ticker", "text_date", "text_id"}


def test_the_rules_say_what_evidence_they_lack() -> None:
    with pytest.raises(EvidenceError, match="entity"):
        entity_facts.answer({"evidence": []})
    with pytest.raises(EvidenceError, match="evidence"):
        entity_facts.answer({"entity": {"name": "x"}, "evidence": [1]})


def test_faults_of_the_rules_are_caught_by_grounding() -> None:
    shown = {"entity": ENTITY.model_dump(), "evidence": [{"evidence_id": k, "text": v} for k, v in TEXTS.items()]}
    honest = entity_facts.answer(shown)
    assert ground(ASKED, EntityFactsAnswer.model_validate(honest)).result
    for change in (entity_facts.contradict, entity_facts.invent, entity_facts.obey):
        changed = EntityFactsAnswer.model_validate(json.loads(json.dumps(change(shown, honest))))
        assert ground(ASKED, changed).result is None


def test_the_folder_is_the_interrogation() -> None:
    assert INTERROGATION.key == "entity_facts"
