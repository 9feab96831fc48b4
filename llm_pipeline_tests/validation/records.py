"""Invented records in the sources' form; every test changes one thing of a sound one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from llm_pipeline.validation.context import FactContext, context_of
from llm_pipeline.validation.facts import compute_facts
from llm_pipeline.validation.issue import RecordFacts
from llm_pipeline.validation.record import ValidationRecord

NOW = datetime(2024, 6, 3, 12, 0, tzinfo=UTC)
UUID = "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"
EFD = f"https://efdsearch.senate.gov/search/view/ptr/{UUID}/"
CLERK = "https://disclosures-clerk.house.gov/public_disc/ptr-pdfs/2023/20045678.pdf"

SOUND: dict[str, Any] = {
    "record_id": "r1",
    "filer_name": "Ada Q Example",
    "filer_chamber": "Senate",
    "transaction_date": "2023-03-14",
    "filing_date": "2023-04-03",
    "ticker": "MSFT",
    "asset_description": "Microsoft Corporation",
    "asset_type": "Stock",
    "transaction_type": "Purchase",
    "amount_range": "$1,001 - $15,000",
    "source_url": EFD,
    "extraction_method": "html_table",
    "extraction_ts": "2023-04-04T08:00:00Z",
}
"""Traded on a Tuesday, filed after 20 days."""


def record(**changes: Any) -> ValidationRecord:
    """The sound record with some fields changed."""
    return ValidationRecord(**{**SOUND, **changes})


def facts_of(*records: ValidationRecord, context: FactContext | None = None) -> list[RecordFacts]:
    """Facts in the order of the records, in a context learned from them."""
    return list(compute_facts(records, context or context_of(records, NOW)).values())


def issues_of(*records: ValidationRecord, context: FactContext | None = None) -> list[set[tuple[str, str]]]:
    """For each record the pairs (issue type, field)."""
    return [{(i.issue_type, i.field) for i in f.issues} for f in facts_of(*records, context=context)]


def only(**changes: Any) -> RecordFacts:
    """The facts of one changed record."""
    return facts_of(record(**changes))[0]
