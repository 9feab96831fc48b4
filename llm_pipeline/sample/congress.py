"""Invented committees, and who of the invented filers sits on which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from llm_pipeline.sample.patterns import PATTERN_FILERS
from llm_pipeline.sample.people import REPRESENTATIVES, SENATORS, Filer

_COMMITTEES = """
SX01|Senate Committee on Energy Supply|Energy;Utilities|Grids and Reserves|energy supply
SX02|Senate Committee on Health Policy|Health Care|Medicines and Devices|medicines and hospitals
SX03|Senate Committee on Markets and Housing|Financials;Real Estate|Retail Banking|banks and lenders
SX04|Senate Committee on Defense Industry|Industrials;Information Technology|Shipyards|procurement and shipyards
SX05|Senate Committee on Trade and Media|Consumer Discretionary;Communication Services|Networks|networks and shops
HX01|House Committee on Energy Supply|Energy;Utilities|Pipelines|pipelines and reserves
HX02|House Committee on Health Policy|Health Care|Public Programs|public health programs
HX03|House Committee on Markets|Financials;Real Estate|Insurance|insurance and mortgages
HX04|House Committee on Food and Materials|Consumer Staples;Materials|Forestry|farms and mines"""


@dataclass(frozen=True)
class SampleCommittee:
    """An invented committee with one subcommittee; `subject` completes the titles of its hearings."""

    code: str
    name: str
    sectors: tuple[str, ...]
    subcommittee: str
    subject: str

    @property
    def chamber(self) -> str:
        """senate or house, as in published files."""
        return "senate" if self.code.startswith("S") else "house"


def _committees() -> tuple[SampleCommittee, ...]:
    lines = (line.split("|") for line in _COMMITTEES.strip().splitlines())
    return tuple(
        SampleCommittee(code, name, tuple(sectors.split(";")), sub, subject)
        for code, name, sectors, sub, subject in lines
    )


COMMITTEES = _committees()
BY_CODE = {committee.code: committee for committee in COMMITTEES}
_FOCUSED_FILER = PATTERN_FILERS[3]  # who trades energy stocks only sits on the energy committee


@dataclass(frozen=True)
class Seat:
    """A seat for [start, end); end None: still held."""

    bioguide: str
    code: str
    title: str
    start: date
    end: date | None


def bioguide_of(filer: Filer) -> str:
    """The filer's invented id. House disclosures carry none, so representatives get one here: X95 and a number."""
    return filer.bioguide or f"X95{REPRESENTATIVES.index(filer) + 1:04d}"


def committees_of(filer: Filer) -> tuple[SampleCommittee, ...]:
    """The two committees a filer sits on at the end of the sample."""
    own = [committee for committee in COMMITTEES if committee.code[0] == filer.chamber[0]]
    if filer == _FOCUSED_FILER:
        return own[0], own[2]
    number = (SENATORS if filer.chamber == "Senate" else REPRESENTATIVES).index(filer)
    return own[number % len(own)], own[(number + 1 + number // len(own) % (len(own) - 1)) % len(own)]


def seats(start: date, end: date) -> list[Seat]:
    """All seats: both committees and the first one's subcommittee from `start` on; every fifth filer came to the second
    committee in the middle of [start, end), from another one."""
    found: list[Seat] = []
    middle = start + (end - start) // 2
    for number, filer in enumerate((*SENATORS, *REPRESENTATIVES)):
        identifier, (first, second) = bioguide_of(filer), committees_of(filer)
        moved = number % 5 == 4 and filer not in PATTERN_FILERS
        if moved:
            other = next(c for c in COMMITTEES if c.code[0] == first.code[0] and c not in (first, second))
            found.append(Seat(identifier, other.code, "", start, middle))
        found.append(Seat(identifier, first.code, "Chairman" if number % 20 < 5 else "", start, None))
        found.append(Seat(identifier, f"{first.code}01", "", start, None))
        found.append(Seat(identifier, second.code, "", middle if moved else start, None))
    return found


def terms_of(filer: Filer, start: date, end: date) -> Sequence[dict[str, object]]:
    """Terms in the published form that cover [start, end): six years in the Senate, two in the House."""
    length = 6 if filer.chamber == "Senate" else 2
    year = start.year - 1 - (start.year % 2 == 0)  # Congresses begin in odd years
    terms: list[dict[str, object]] = []
    while year <= (end + timedelta(days=31)).year:
        term: dict[str, object] = {
            "type": "sen" if filer.chamber == "Senate" else "rep",
            "start": f"{year}-01-03",
            "end": f"{year + length}-01-03",
            "state": filer.state,
            "party": "Independent",
        }
        if filer.district:
            term["district"] = int(filer.district)
        terms.append(term)
        year += length
    return terms
