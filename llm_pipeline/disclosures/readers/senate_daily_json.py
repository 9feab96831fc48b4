"""Senate reports as the daily report JSON files carry them (one object per report, cells as eFD's inner
HTML).

Accepted: a file that is a JSON array of reports, or JSON lines whose lines are reports or wrappers
{report_uid, link_kind, removed_upstream_2020_12, report_title, raw}. The export spells its date
`date_recieved`."""

from __future__ import annotations

import re
from collections.abc import Iterator
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

SOURCE = "senate_efd"

_REPORT_LINK = re.compile(r"/view/(ptr|paper|annual)/([0-9A-Fa-f-]{36})")


def _is_scan(transaction: dict[str, Any]) -> bool:
    """Whether an entry only says that the report is a scanned PDF; the export writes one instead of rows."""
    return bool(transaction.get("scanned_pdf")) or transaction.get("asset_type") == "PDF Disclosed Filing"


def _row(ordinal: int, raw: dict[str, Any]) -> FilingRow:
    return FilingRow(
        ordinal=ordinal,
        raw=raw,
        transaction_date=cell_text(raw, "transaction_date"),
        ticker=cell_text(raw, "ticker"),
        asset_name=cell_text(raw, "asset_description"),
        asset_type=cell_text(raw, "asset_type"),
        transaction_type=cell_text(raw, "type"),
        amount=cell_text(raw, "amount"),
        owner=cell_text(raw, "owner"),
    )


def _document_id(wrapper: dict[str, Any], report: dict[str, Any]) -> str | None:
    found = _REPORT_LINK.search(cell_text(report, "ptr_link") or "")
    identifier = cell_text(wrapper, "report_uid") or (found.group(2) if found else cell_text(report, "ptr_link"))
    return safe_document_id(identifier).lower() if identifier else None


def _transactions(report: dict[str, Any]) -> list[dict[str, Any]]:
    transactions = report.get("transactions")
    if not isinstance(transactions, list):
        raise FilingError("`transactions` is not a list")
    for index, transaction in enumerate(transactions):
        if not isinstance(transaction, dict):
            raise FilingError(f"`transactions[{index}]` is not an object")
    return transactions


def _filing(position: str, wrapper: dict[str, Any], report: dict[str, Any], document_id: str) -> Filing:
    transactions = _transactions(report)
    rows = [t for t in transactions if not _is_scan(t)]
    url = cell_text(report, "ptr_link")
    link = _REPORT_LINK.search(url or "")
    paper = wrapper.get("link_kind") == "paper" or len(rows) < len(transactions) or (link and link.group(1) == "paper")
    notes = ["paper filing: a scan without rows"] if paper and not rows else []
    if wrapper.get("removed_upstream_2020_12"):
        notes.append("the source removed this report in December 2020; kept here")
    received = cell_text(report, "date_recieved") or cell_text(report, "date_received")
    title = cell_text(wrapper, "report_title") or cell_text(report, "report_title") or cell_text(report, "title")
    amends = wrapper.get("amends") or report.get("amends") or []
    return Filing(
        source=SOURCE,
        source_document_id=document_id,
        position=position,
        content_sha256=sha256_hex(raw_json(report)),
        filer=Filer(
            first_name=cell_text(report, "first_name") or "",
            last_name=cell_text(report, "last_name") or "",
            chamber="Senate",
            bioguide=cell_text(report, "bioguide"),
        ),
        disclosure_date=parse_date(plain_text(received)),
        disclosure_date_text=received,
        url=plain_text(url) or None,
        title=plain_text(title) or None,
        amends=tuple(safe_document_id(str(a)).lower() for a in (amends if isinstance(amends, list) else [amends])),
        notes=tuple(notes),
        rows=tuple(_row(ordinal, raw) for ordinal, raw in enumerate(rows, start=1)),
    )


def read(name: str, stream: BinaryIO) -> Iterator[Filing]:
    """One Filing per report of a file; see `Reader.read`."""
    for position, text, value, error in json_values(name, stream):
        if error is not None:
            yield broken_filing(SOURCE, position, text, error)
            continue
        content = text or raw_json(value)
        if not isinstance(value, dict):
            yield broken_filing(SOURCE, position, content, f"{position} is not an object")
            continue
        wrapped = value.get("raw")
        report = wrapped if isinstance(wrapped, dict) else value
        document_id = _document_id(value, report)
        if document_id is None:
            yield broken_filing(SOURCE, position, content, f"{position} has neither report_uid nor ptr_link")
            continue
        try:
            yield _filing(position, value, report, document_id)
        except FilingError as problem:
            yield broken_filing(SOURCE, position, content, f"{position}: {problem}", document_id)


READER = Reader(SOURCE, ("*.json", "*.jsonl", "*.ndjson", "*.json.gz", "*.jsonl.gz", "*.ndjson.gz"), read)
