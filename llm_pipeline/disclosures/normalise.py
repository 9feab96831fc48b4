"""From a row as filed to a typed record: one pure function per step, each with its own place in the
provenance chain.

Belongs here: reading values, never repairing them. A value that is not what its column needs stays NULL in
the typed column and keeps its text in `as_filed`, so that validation can tell impossible from missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from llm_pipeline.disclosures.amounts import RANGES, SPOUSE_OR_CHILD_OVER_1M, AmountRange, parse_amount
from llm_pipeline.disclosures.dates import parse_date
from llm_pipeline.disclosures.filing import Filing, FilingRow
from llm_pipeline.disclosures.identity import Person
from llm_pipeline.disclosures.text import field_text
from llm_pipeline.disclosures.tickers import read_ticker
from llm_pipeline.disclosures.vocabulary import asset_type_of, owner_of, transaction_type_of

# House Stock Watcher's own shorthand for the two open bands of the form (28 and 1 rows of its export).
EXPORT_AMOUNTS: dict[tuple[str, str], AmountRange] = {
    ("house_stock_watcher", "$1,000,000 +"): SPOUSE_OR_CHILD_OVER_1M,
    ("house_stock_watcher", "$50,000,000 +"): RANGES[10],
}


@dataclass(frozen=True)
class Normalised:
    """The result of one normalisation: typed fields (JSON values), the texts they were read from, remarks."""

    step: str
    fields: dict[str, Any]
    as_filed: dict[str, str | None]
    notes: tuple[str, ...] = ()


def normalise_names(person: Person, politician_id: str) -> Normalised:
    """Who filed: the politician's id and the tidy name."""
    fields = {"politician_id": politician_id, "filer": person.full_name, "bioguide_id": person.bioguide}
    return Normalised("normalise_names", fields, {}, person.notes)


def normalise_ticker(row: FilingRow) -> Normalised:
    """The primary symbol; further symbols of the cell and anything that is no symbol go to the notes."""
    cell = read_ticker(row.ticker)
    filed = None if cell.primary is None and not cell.others else field_text(row.ticker)
    return Normalised("normalise_ticker", {"asset_ticker": cell.primary}, {"ticker": filed}, cell.notes)


def normalise_amount(source: str, row: FilingRow) -> Normalised:
    """The band's bounds in whole dollars; NULL where the text is not a standard range."""
    text = field_text(row.amount)
    band = parse_amount(text) or EXPORT_AMOUNTS.get((source, text or ""))
    fields = {
        "amount_range_min": band.low if band else None,
        "amount_range_max": band.high if band else None,
    }
    notes = () if band or text is None else (f"amount {text!r} is not a standard range",)
    return Normalised("normalise_amount", fields, {"amount_range": text}, notes)


def normalise_dates(filing: Filing, row: FilingRow) -> Normalised:
    """Transaction and disclosure date as ISO text; NULL where the text is not a day (month 13, year 0021)."""
    text = field_text(row.transaction_date)
    traded = parse_date(text)
    fields = {
        "transaction_date": traded.isoformat() if traded else None,
        "disclosure_date": filing.disclosure_date.isoformat() if filing.disclosure_date else None,
    }
    filed = {"transaction_date": text, "disclosure_date": field_text(filing.disclosure_date_text)}
    notes = () if traded or text is None else (f"transaction date {text!r} is not a date",)
    return Normalised("normalise_dates", fields, filed, notes)


def normalise_terms(row: FilingRow) -> Normalised:
    """Transaction type, owner, asset type and asset name; a word outside the vocabulary is kept as filed."""
    side, owner, kind = field_text(row.transaction_type), field_text(row.owner), field_text(row.asset_type)
    fields = {
        "transaction_type": transaction_type_of(side) or side,
        "owner": owner_of(owner) or owner,
        "asset_type": asset_type_of(kind) or kind,
        "asset_name": field_text(row.asset_name),
    }
    filed = {"transaction_type": side, "owner": owner, "asset_type": kind}
    return Normalised("normalise_terms", fields, filed)


def normalise_row(filing: Filing, row: FilingRow, person: Person, politician_id: str) -> tuple[Normalised, ...]:
    """All normalisations of one row, in the order they are chained."""
    return (
        normalise_names(person, politician_id),
        normalise_ticker(row),
        normalise_amount(filing.source, row),
        normalise_dates(filing, row),
        normalise_terms(row),
    )
