"""What a reader hands over: filings with their rows as text, nothing interpreted yet."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from llm_pipeline.disclosures.text import plain_text
from llm_pipeline.hashing import sha256_hex


@dataclass(frozen=True)
class Filer:
    """The person as the source writes them; empty text where the source is silent. `state` is a USPS code."""

    first_name: str = ""
    last_name: str = ""
    full_name: str = ""
    chamber: str | None = None
    state: str | None = None
    district: str | None = None
    bioguide: str | None = None


@dataclass(frozen=True)
class FilingRow:
    """One transaction: its place in the filing (from 1), the source's own record, its cells as text or
    None."""

    ordinal: int
    raw: dict[str, Any]
    transaction_date: str | None = None
    ticker: str | None = None
    asset_name: str | None = None
    asset_type: str | None = None
    transaction_type: str | None = None
    amount: str | None = None
    owner: str | None = None


@dataclass(frozen=True)
class Filing:
    """One report. `error` says why it could not be read (and `rows` is then empty); `position` is where it
    stood.

    `disclosure_date` is None where `disclosure_date_text` is not a day. `amends` names documents this one
    replaces."""

    source: str
    source_document_id: str
    position: str
    content_sha256: str
    extraction_method: str = "file"
    filer: Filer = field(default_factory=Filer)
    disclosure_date: date | None = None
    disclosure_date_text: str | None = None
    url: str | None = None
    title: str | None = None
    amends: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    rows: tuple[FilingRow, ...] = ()
    error: str | None = None


def safe_document_id(text: str) -> str:
    """A document id that a database index can hold: at most 200 characters, the rest of a longer one as a
    hash."""
    clean = plain_text(text)
    return clean if len(clean) <= 200 else f"{clean[:120]}~{sha256_hex(clean)}"


def cell_text(raw: Mapping[str, Any], key: str) -> str | None:
    """A source cell as text: text as it is, other JSON values as their JSON, None where absent."""
    value = raw.get(key)
    return value if value is None or isinstance(value, str) else json.dumps(value)


def raw_json(value: Any) -> str:
    """The exact JSON text that raw content is hashed over: sorted keys, ASCII only, so any hostile text has
    one."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


class FilingError(ValueError):
    """One filing cannot be read; the message says what is wrong, the caller knows where."""


def broken_filing(source: str, position: str, content: str, error: str, document_id: str | None = None) -> Filing:
    """The stand-in for a filing that cannot be read, so that the ledger names it."""
    return Filing(
        source=source,
        source_document_id=safe_document_id(document_id or position),
        position=position,
        content_sha256=sha256_hex(content.encode("utf-8", "surrogatepass")),
        error=error,
    )
