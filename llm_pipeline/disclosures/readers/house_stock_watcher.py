"""House transactions as the House Stock Watcher CSV export carries them: one line per transaction.

Lines of the same Clerk document (`ptr_link`) make one filing; its rows are numbered in file order.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from llm_pipeline.disclosures.dates import parse_date
from llm_pipeline.disclosures.filing import (
    Filer,
    Filing,
    FilingRow,
    broken_filing,
    cell_text,
    raw_json,
    safe_document_id,
)
from llm_pipeline.disclosures.readers.reader import Reader
from llm_pipeline.disclosures.text import plain_text
from llm_pipeline.hashing import sha256_hex

SOURCE = "house_stock_watcher"

_DOCUMENT = re.compile(r"/(\d+)\.pdf$", re.IGNORECASE)
_REQUIRED = ("disclosure_date", "transaction_date", "type", "amount", "representative", "ptr_link")

# csv refuses fields above 128 KiB by default and stops the whole file there; the size limit of a document
# (location.MAX_BYTES) already bounds them.
csv.field_size_limit(1 << 30)


def _row(ordinal: int, raw: dict[str, Any]) -> FilingRow:
    return FilingRow(
        ordinal=ordinal,
        raw=raw,
        transaction_date=cell_text(raw, "transaction_date"),
        ticker=cell_text(raw, "ticker"),
        asset_name=cell_text(raw, "asset_description"),
        transaction_type=cell_text(raw, "type"),
        amount=cell_text(raw, "amount"),
        owner=cell_text(raw, "owner"),
    )


def _filing(position: str, document_id: str, rows: list[dict[str, Any]]) -> Filing:
    notes = []
    for column in ("disclosure_date", "representative", "district"):
        values = sorted({row.get(column) or "" for row in rows})
        if len(values) > 1:
            notes.append(f"the export gives this document several values of {column}; the first line's is used")
    head = rows[0]
    district = plain_text(cell_text(head, "district"))
    return Filing(
        source=SOURCE,
        source_document_id=document_id,
        position=position,
        content_sha256=sha256_hex(raw_json(rows)),
        filer=Filer(
            full_name=cell_text(head, "representative") or "",
            chamber="House",
            state=district[:2].upper() or None,
            district=district[2:] or None,
        ),
        disclosure_date=parse_date(plain_text(cell_text(head, "disclosure_date"))),
        disclosure_date_text=cell_text(head, "disclosure_date"),
        url=plain_text(cell_text(head, "ptr_link")) or None,
        notes=tuple(notes),
        rows=tuple(_row(ordinal, raw) for ordinal, raw in enumerate(rows, start=1)),
    )


def read(name: str, stream: BinaryIO) -> Iterator[Filing]:
    """One Filing per Clerk document of an export; see `Reader.read`.

    Raises:
        ValueError: the file has no header or lacks a column.
    """
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
    lines = csv.DictReader(text)
    missing = [column for column in _REQUIRED if column not in (lines.fieldnames or ())]
    if missing:
        raise ValueError(f"the header lacks {', '.join(missing)}")
    documents: dict[str, tuple[str, list[dict[str, Any]]]] = {}
    try:
        for line in lines:
            position = f"{name}#{lines.line_num}"
            if None in line or None in line.values():
                problem = f"line {lines.line_num} of {name} has not as many fields as the header"
                known = {str(k): v for k, v in line.items()}
                yield broken_filing(SOURCE, position, raw_json(known), problem)
                continue
            found = _DOCUMENT.search(line["ptr_link"].strip())
            if not line["ptr_link"].strip():
                problem = f"line {lines.line_num} of {name} has no ptr_link"
                yield broken_filing(SOURCE, position, raw_json(line), problem)
                continue
            document_id = found.group(1) if found else safe_document_id(line["ptr_link"])
            documents.setdefault(document_id, (position, []))[1].append(line)
    except csv.Error as error:
        raise ValueError(f"line {lines.line_num}: {error}") from error
    for document_id, (position, rows) in documents.items():
        yield _filing(position, document_id, rows)


READER = Reader(SOURCE, ("*.csv", "*.csv.gz"), read)
