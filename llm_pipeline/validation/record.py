"""The record as validation sees it: every field as text, exactly as filed or typed.

Belongs here: the record's shape, what counts as a missing value, reading a record from JSON. Does not
belong here: what a missing or strange value means (the fact modules).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

MODEL_FIELDS: tuple[str, ...] = (
    "record_id",
    "filer_name",
    "filer_chamber",
    "transaction_date",
    "filing_date",
    "ticker",
    "asset_description",
    "asset_type",
    "transaction_type",
    "amount_range",
    "owner",
    "source_url",
    "extraction_method",
    "extraction_ts",
)
"""The fields that a model sees and may name in a flag, in prompt order."""

_PLACEHOLDERS = frozenset({"", "-", "--", "---", "n/a", "na", "none", "null", "nan", "nil", "(null)", "\u2014"})
# NA, NAN and NIL could be tickers; there only dashes and spellings that no exchange uses mean "none".
_TICKER_PLACEHOLDERS = frozenset({"", "-", "--", "---", "n/a", "none", "null", "(null)", "\u2014"})


def is_missing(text: str | None, field: str = "") -> bool:
    """Whether a value says nothing: absent, empty, blank, or a placeholder such as "--" or "N/A"."""
    if text is None:
        return True
    return text.strip().lower() in (_TICKER_PLACEHOLDERS if field == "ticker" else _PLACEHOLDERS)


@dataclass(frozen=True)
class ValidationRecord:
    """One disclosure as text. Dates are what was filed ("2019-06-31" stays so); the last four never
    reach a model.
    """

    record_id: str
    filer_name: str | None = None
    filer_chamber: str | None = None
    transaction_date: str | None = None
    filing_date: str | None = None
    ticker: str | None = None
    asset_description: str | None = None
    asset_type: str | None = None
    transaction_type: str | None = None
    amount_range: str | None = None
    owner: str | None = None
    source_url: str | None = None
    extraction_method: str | None = None
    extraction_ts: str | None = None
    source: str | None = None
    source_document_id: str | None = None
    row_ordinal: int | None = None
    ingest_seq: int | None = None
    """Order of arrival; where two records have it, it decides which of two equal ones came first."""

    def value(self, field: str) -> str | None:
        """The stripped text of a model-facing field, None where the value is missing."""
        text = getattr(self, field)
        if text is None:
            return None
        assert isinstance(text, str)
        return None if is_missing(text, field) else text.strip()

    def as_model_sees_it(self) -> dict[str, str | None]:
        """The model-facing fields in prompt order; a stock without ticker shows "--"."""
        shown: dict[str, str | None] = {field: getattr(self, field) for field in MODEL_FIELDS}
        if is_missing(self.ticker, "ticker"):
            shown["ticker"] = "--"
        return shown


_TEXT_FIELDS = frozenset(f.name for f in fields(ValidationRecord)) - {"row_ordinal", "ingest_seq"}
_NUMBER_FIELDS = ("row_ordinal", "ingest_seq")


def _as_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    return json.dumps(value, sort_keys=True, default=str)


def _as_number(value: Any) -> int | None:
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, str) and value.strip().isdecimal() else None


def record_from_json(data: Mapping[str, Any], *, fallback_id: str = "") -> ValidationRecord:
    """A record from one JSON object. Unknown keys are ignored; a value of another type becomes its text.

    Raises:
        ValueError: neither the object nor `fallback_id` names the record.
    """
    texts = {name: _as_text(data.get(name)) for name in _TEXT_FIELDS}
    record_id = (texts.pop("record_id") or "").strip() or fallback_id
    if not record_id:
        raise ValueError("the record has no record_id and no fallback id was given")
    numbers = {name: _as_number(data.get(name)) for name in _NUMBER_FIELDS}
    return ValidationRecord(record_id=record_id, **texts, **numbers)  # type: ignore[arg-type]
