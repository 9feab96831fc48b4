"""One row of one filing as it will be stored: columns, raw data, the drafts of its provenance steps.

Pure. The fingerprint is a hash over everything that makes the row what it is, and nothing that only says
when it was read; two readings of an unchanged filing have equal fingerprints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llm_pipeline.disclosures.filing import Filing, FilingRow, raw_json
from llm_pipeline.disclosures.identity import Person, disclosure_id
from llm_pipeline.disclosures.normalise import Normalised, normalise_row
from llm_pipeline.disclosures.provenance import StepDraft
from llm_pipeline.hashing import hash_of, sha256_hex

COLUMNS = (
    "politician_id",
    "transaction_date",
    "disclosure_date",
    "transaction_type",
    "asset_name",
    "asset_ticker",
    "asset_type",
    "amount_range_min",
    "amount_range_max",
    "owner",
    "source",
    "source_document_id",
    "row_ordinal",
    "source_url",
    "extraction_method",
    "processing_notes",
)
"""The columns of trading_disclosures that come from the filing itself."""


@dataclass(frozen=True)
class DisclosureRecord:
    """A row ready to be stored. `fingerprint` is the output hash of its load step."""

    id: str
    columns: dict[str, Any]
    as_filed: dict[str, str | None]
    notes: tuple[str, ...]
    raw: dict[str, Any]
    fingerprint: str
    drafts: tuple[StepDraft, ...]


def fingerprint_of(
    columns: Mapping[str, Any], as_filed: Mapping[str, str | None], notes: Sequence[str], raw_sha256: str
) -> str:
    """Hash over what makes a row: its columns as JSON values (dates ISO, ids text), texts, notes, source row.

    `processing_notes` does not count: the notes are its parts, and a later supersession adds to it.
    """
    counted = {name: columns[name] for name in COLUMNS if name != "processing_notes"}
    return hash_of({**counted, "as_filed": as_filed, "notes": list(notes), "raw_sha256": raw_sha256})


def _drafts(
    filing: Filing, row: FilingRow, raw_sha256: str, steps: tuple[Normalised, ...], fingerprint: str
) -> tuple[StepDraft, ...]:
    texts = {
        "transaction_date": row.transaction_date,
        "ticker": row.ticker,
        "asset_name": row.asset_name,
        "asset_type": row.asset_type,
        "transaction_type": row.transaction_type,
        "amount": row.amount,
        "owner": row.owner,
    }
    parsed = hash_of(texts)
    origin = {
        "source": filing.source,
        "document": filing.source_document_id,
        "row": row.ordinal,
        "method": filing.extraction_method,
    }
    normalised = tuple(StepDraft(s.step, parsed, hash_of(s.fields), {"out": s.fields}) for s in steps)
    return (
        StepDraft("extract", filing.content_sha256, raw_sha256, origin),
        StepDraft("parse", raw_sha256, parsed, {"cells": sum(text is not None for text in texts.values())}),
        *normalised,
        StepDraft("load", hash_of([draft.output_hash for draft in normalised]), fingerprint),
    )


def make_record(filing: Filing, row: FilingRow, person: Person, politician_id: str) -> DisclosureRecord:
    """Normalise one row and draft its chain; `politician_id` is the id the table of politicians has for the
    person."""
    steps = normalise_row(filing, row, person, politician_id)
    fields: dict[str, Any] = {}
    as_filed: dict[str, str | None] = {}
    notes = list(filing.notes)
    for step in steps:
        fields |= step.fields
        as_filed |= step.as_filed
        notes += step.notes
    fields |= {
        "source": filing.source,
        "source_document_id": filing.source_document_id,
        "row_ordinal": row.ordinal,
        "source_url": filing.url,
        "extraction_method": filing.extraction_method,
        "processing_notes": "; ".join(notes) or None,
    }
    columns = {name: fields[name] for name in COLUMNS}
    raw_sha256 = sha256_hex(raw_json(row.raw))
    fingerprint = fingerprint_of(columns, as_filed, notes, raw_sha256)
    return DisclosureRecord(
        id=disclosure_id(filing.source, filing.source_document_id, row.ordinal),
        columns=columns,
        as_filed=as_filed,
        notes=tuple(notes),
        raw=row.raw,
        fingerprint=fingerprint,
        drafts=_drafts(filing, row, raw_sha256, steps, fingerprint),
    )
