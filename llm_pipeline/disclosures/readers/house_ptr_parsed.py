"""House periodic transaction reports as parsed from the Clerk's PDFs: JSON lines, one filing per line.

The source has no document number (a filing is its year file and index), no filing date and no asset
description, and its cells carry what OCR made of the form's footers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any, BinaryIO

from llm_pipeline.disclosures.dates import parse_date
from llm_pipeline.disclosures.filing import (
    Filer,
    Filing,
    FilingError,
    FilingRow,
    broken_filing,
    cell_text,
    raw_json,
    safe_document_id,
)
from llm_pipeline.disclosures.readers.json_reports import json_values
from llm_pipeline.disclosures.readers.reader import Reader
from llm_pipeline.disclosures.text import plain_text
from llm_pipeline.hashing import sha256_hex

SOURCE = "house_ptr"

DATE_NOTE = "disclosure date is the latest notification date; the source has no filing date"


def _row(ordinal: int, raw: dict[str, Any]) -> FilingRow:
    return FilingRow(
        ordinal=ordinal,
        raw=raw,
        transaction_date=cell_text(raw, "transaction_date"),
        ticker=cell_text(raw, "ticker"),
        transaction_type=cell_text(raw, "transaction_type"),
        amount=cell_text(raw, "amount"),
    )


def _filing(position: str, report: dict[str, Any], document_id: str) -> Filing:
    filer, trades = report.get("filer_information"), report.get("trades")
    if not isinstance(filer, dict):
        raise FilingError("`filer_information` is not an object")
    if not isinstance(trades, list):
        raise FilingError("`trades` is not a list")
    for index, trade in enumerate(trades):
        if not isinstance(trade, dict):
            raise FilingError(f"`trades[{index}]` is not an object")
    # OCR makes years such as 2220; a filing of year N is out at the latest in the first days of N + 1.
    latest_year = int(report["year_file"]) + 1 if str(report["year_file"]).isdecimal() else date.max.year
    notified = [(parse_date(plain_text(cell_text(t, "notification_date"))), t) for t in trades]
    dated = [(day, t) for day, t in notified if day is not None and day.year <= latest_year]
    latest, latest_trade = max(dated, key=lambda pair: pair[0]) if dated else (None, trades[0] if trades else {})
    district = plain_text(cell_text(filer, "state_district"))
    return Filing(
        source=SOURCE,
        source_document_id=document_id,
        position=position,
        content_sha256=sha256_hex(raw_json(report)),
        extraction_method="pdf_text",
        filer=Filer(
            full_name=cell_text(filer, "name") or "",
            chamber="House",
            state=district[:2].upper() or None,
            district=district[2:] or None,
        ),
        disclosure_date=latest,
        disclosure_date_text=cell_text(latest_trade, "notification_date"),
        notes=(DATE_NOTE,),
        rows=tuple(_row(ordinal, trade) for ordinal, trade in enumerate(trades, start=1)),
    )


def read(name: str, stream: BinaryIO) -> Iterator[Filing]:
    """One Filing per line; see `Reader.read`."""
    for position, text, value, error in json_values(name, stream):
        if error is not None:
            yield broken_filing(SOURCE, position, text, error)
            continue
        content = text or raw_json(value)
        if not isinstance(value, dict) or "year_file" not in value or "index" not in value:
            yield broken_filing(SOURCE, position, content, f"{position} has no year_file and index")
            continue
        document_id = safe_document_id(f"{value['year_file']}-{value['index']}")
        try:
            yield _filing(position, value, document_id)
        except FilingError as problem:
            yield broken_filing(SOURCE, position, content, f"{position}: {problem}", document_id)


READER = Reader(SOURCE, ("*.jsonl", "*.ndjson", "*.json", "*.jsonl.gz", "*.ndjson.gz", "*.json.gz"), read)
