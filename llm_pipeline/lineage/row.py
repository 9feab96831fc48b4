"""The stored row of a disclosure against its chain. Pure.

The output hash of a load covers every column that the filing gives, the texts as filed, the notes and the source's own
record. What others write afterwards is not covered, and may change: the verdict of validation, times of change,
processing notes, soft deletion, and columns that are not ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from llm_pipeline.disclosures.filing import raw_json
from llm_pipeline.disclosures.provenance import ProvenanceStep
from llm_pipeline.disclosures.record import COLUMNS, fingerprint_of
from llm_pipeline.hashing import sha256_hex
from llm_pipeline.lineage.breaks import Break, shown

_KEPT = frozenset({"source_row", "as_filed", "notes"})
_COMPARED = frozenset(COLUMNS) - {"processing_notes"}
_FROM_EXTRACT = {
    "source": "source",
    "source_document_id": "document",
    "row_ordinal": "row",
    "extraction_method": "method",
}
"""Columns that no normalisation gives, and what they are called in the detail of extract."""


class StoredRow(NamedTuple):
    """A row of trading_disclosures as stored; `columns` are those of `record.COLUMNS`, as plain JSON values."""

    disclosure_id: str
    columns: Mapping[str, Any]
    raw: Any
    superseded_by: str | None
    extraction_ts: datetime | None


def plain(value: Any) -> Any:
    """A column's value as it was when its hash was taken."""
    if isinstance(value, Decimal):
        whole = value.is_finite() and value == value.to_integral_value()
        return int(value) if whole else str(value)
    return value.isoformat() if isinstance(value, date) else value


def row_breaks(row: StoredRow, steps: Sequence[ProvenanceStep]) -> Iterator[Break]:
    """What a row does not have from its chain. Nothing without a load: the chain's own breaks say so."""
    last = next((n for n in range(len(steps) - 1, -1, -1) if steps[n].step == "load"), None)
    if last is None:
        return
    load = steps[last]
    read = _read(steps[: last + 1])
    other = sorted(name for name in _COMPARED & read.keys() if read[name] != row.columns[name])
    if (found := fingerprint(row)) is None:
        yield Break("raw_data_lost", "raw_data of the row", "source_row, as_filed and notes", shown(row.raw))
    elif found != load.output_hash:
        yield _edited(row, read, other, load, found)
    elif other:
        said = ", ".join(f"{name} {shown(read[name])}" for name in other)
        stands = ", ".join(f"{name} {shown(row.columns[name])}" for name in other)
        yield Break("load_contradicts_steps", f"step {load.step_no} load", said, stands, load.step_no)
    replaced = [step.detail.get("superseded_by") for step in steps[last + 1 :] if isinstance(step.detail, dict)]
    by = replaced[-1] if replaced else None
    if row.superseded_by != by:
        yield Break("supersession_edited", "superseded_by of the row", shown(by), shown(row.superseded_by))
    if row.extraction_ts != load.ts:
        at = row.extraction_ts.isoformat() if row.extraction_ts else "none"
        yield Break("extraction_time_edited", "extraction_ts of the row", load.ts.isoformat(), at)


def _edited(row: StoredRow, read: Mapping[str, Any], other: Sequence[str], load: ProvenanceStep, found: str) -> Break:
    if other:
        said = ", ".join(f"{name} {shown(read[name])}" for name in other)
        stands = ", ".join(f"{name} {shown(row.columns[name])}" for name in other)
        return Break("row_edited", f"the row, column {', '.join(other)}", said, stands)
    where = "the row, source_url or what it keeps of the source"
    return Break("row_edited", where, f"fingerprint {load.output_hash}", f"fingerprint {found}")


def _read(steps: Sequence[ProvenanceStep]) -> dict[str, Any]:
    """What the steps of the last load read, by column; of steps whose detail is no object nothing."""
    read: dict[str, Any] = {}
    for step in steps:
        if not isinstance(step.detail, dict):
            continue
        if step.step == "extract":
            read = {column: step.detail[name] for column, name in _FROM_EXTRACT.items() if name in step.detail}
        elif isinstance(out := step.detail.get("out"), dict):
            read |= out
    return read


def fingerprint(row: StoredRow) -> str | None:
    """The hash of the row as it stands; None when it lost a part of what it was taken over."""
    raw = row.raw
    if not isinstance(raw, dict) or not raw.keys() >= _KEPT or not isinstance(raw["notes"], list):
        return None
    source_row = raw.get("source_row_json") or raw_json(raw["source_row"])
    if not isinstance(source_row, str):
        return None
    try:
        return fingerprint_of(row.columns, raw["as_filed"], raw["notes"], sha256_hex(source_row))
    except TypeError:  # a float, which no reader stores
        return None
