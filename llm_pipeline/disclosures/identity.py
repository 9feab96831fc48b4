"""Deterministic ids, and which upstream identifiers are known to be wrong."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID, uuid5

from llm_pipeline.disclosures.filing import Filer
from llm_pipeline.disclosures.names import name_key, split_full_name, tidy_name

NAMESPACE = UUID("6a1f7d5e-3c0b-5b7e-9a52-0d6f0c1b7a11")
"""Fixed for ever: every id derives from it, so the same filing has the same ids in every installation."""


@dataclass(frozen=True)
class BioguideCorrection:
    """An identifier the Senate export gives to a filer although it is another person's, or nobody's."""

    wrong: str
    right: str
    last_name: str


# The Senate daily reports carry these for 87 reports (72, 13 and 2). Guarded by the last name, so that a
# report which really belongs to the owner of the "wrong" identifier would keep it. Checked against the
# Biographical Directory of the United States Congress.
BIOGUIDE_CORRECTIONS: dict[str, BioguideCorrection] = {
    c.wrong: c
    for c in (
        BioguideCorrection("R000120", "R000122", "reed"),
        BioguideCorrection("M000357", "M000355", "mcconnell"),
        BioguideCorrection("U000002", "U000039", "udall"),
    )
}


@dataclass(frozen=True)
class Person:
    """A filer after normalisation: the politician's natural key, tidy names, and what was corrected."""

    key: str
    first_name: str
    last_name: str
    full_name: str
    chamber: str | None
    state: str | None
    district: str | None
    bioguide: str | None
    name_key: str
    notes: tuple[str, ...] = ()

    @property
    def politician_id(self) -> str:
        """The id this project gives the person where the table of politicians does not know them yet."""
        return str(uuid5(NAMESPACE, f"politician|{self.key}"))


def disclosure_id(source: str, source_document_id: str, row_ordinal: int) -> str:
    """The id of one row of one filing."""
    return str(uuid5(NAMESPACE, f"{source}|{source_document_id}|{row_ordinal}"))


def identify(filer: Filer) -> Person:
    """The person behind a filer: by (corrected) bioguide, else by chamber, name and state.

    The district is left out of the key: members keep being the same person when districts are redrawn.
    """
    if filer.last_name:
        first, last, full = tidy_name(filer.first_name, filer.last_name)
    else:
        first, last, suffix = split_full_name(filer.full_name)
        first, last, full = tidy_name(first, f"{last}, {suffix}" if suffix else last)
    key = name_key(f"{first} {last}")
    bioguide = (filer.bioguide or "").strip().upper() or None
    notes: tuple[str, ...] = ()
    correction = BIOGUIDE_CORRECTIONS.get(bioguide or "")
    if correction is not None and key.endswith(correction.last_name):
        notes = (f"bioguide {correction.wrong} given by the source corrected to {correction.right}",)
        bioguide = correction.right
    state = (filer.state or "").strip().upper() or None
    natural = f"bioguide|{bioguide}" if bioguide else f"{(filer.chamber or '').lower()}|{key}|{state or ''}"
    return Person(natural, first, last, full, filer.chamber, state, filer.district, bioguide, key, notes)
