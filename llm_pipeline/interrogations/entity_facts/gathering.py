"""The evidence of entity_facts: given texts, and sentences made of stored disclosures; bounded and redacted."""

from __future__ import annotations

from datetime import datetime
from typing import Any, LiteralString

import psycopg
from pydantic import BaseModel

from llm_pipeline.interrogations.entity_facts.grounding import Asked
from llm_pipeline.interrogations.entity_facts.question import EntityFactsInput
from llm_pipeline.interrogations.queued import Evidence, EvidenceMissingError
from llm_pipeline.jobs.evidence import EvidenceText, bounded_texts
from llm_pipeline.jobs.redaction_key import redaction_key

_DISCLOSURES: LiteralString = """
SELECT d.id::text, p.full_name, d.transaction_type, d.asset_name, d.asset_ticker, d.transaction_date::date,
       d.disclosure_date::date, d.amount_range_min::numeric, d.amount_range_max::numeric
FROM trading_disclosures d LEFT JOIN politicians p ON p.id = d.politician_id
WHERE d.id::text = ANY (%s) AND d.deleted_at IS NULL
"""


def gather(conn: psycopg.Connection[Any], given: BaseModel, now: datetime) -> Evidence:
    """What may be shown about the entity.

    Raises:
        EvidenceMissingError: a disclosure that the input names is not stored.
    """
    assert isinstance(given, EntityFactsInput)
    texts = [EvidenceText(one.evidence_id, one.text) for one in given.texts]
    texts += _stored(conn, given.disclosure_ids)
    shown = bounded_texts(texts, redaction_key(conn))
    if not any(one.text.strip() for one in shown.texts):
        raise EvidenceMissingError("every text is empty")
    return Evidence(
        variables={
            "entity_json": given.entity.model_dump(mode="json"),
            "evidence_json": [{"evidence_id": one.evidence_id, "text": one.text} for one in shown.texts],
        },
        facts=Asked(given.entity, {one.evidence_id: one.text for one in shown.texts}),
        notes=shown.notes,
    )


def _stored(conn: psycopg.Connection[Any], ids: tuple[str, ...]) -> list[EvidenceText]:
    if not ids:
        return []
    found = {row[0]: row for row in conn.execute(_DISCLOSURES, [list(ids)]).fetchall()}
    missing = [one for one in ids if one not in found]
    if missing:
        raise EvidenceMissingError(f"no disclosure is stored with the id {', '.join(missing[:5])}")
    return [EvidenceText(one, _sentence(*found[one][1:])) for one in dict.fromkeys(ids)]


def _sentence(filer: Any, side: Any, asset: Any, ticker: Any, traded: Any, disclosed: Any, low: Any, high: Any) -> str:
    """A stored disclosure in words, each taken from its row."""
    amount = "an amount that is not stated" if low is None else f"{low:,.0f} dollars or more"
    if low is not None and high is not None:
        amount = f"between {low:,.0f} and {high:,.0f} dollars"
    paper = f"{asset or 'an asset without a name'}{f' ({ticker})' if ticker else ''}"
    return (
        f"{filer or 'A filer without a name'} reported a transaction of type {side or 'unknown'} in {paper} "
        f"on {traded or 'an unknown day'}, for {amount}, disclosed on {disclosed or 'an unknown day'}."
    )
