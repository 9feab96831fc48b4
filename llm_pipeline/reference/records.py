"""The shapes of reference data; pure. Readers make them, stores keep them, detectors read them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

EventKind = Literal["hearing", "floor_vote"]

GICS_SECTORS: tuple[str, ...] = (
    "Communication Services",
    "Consumer Discretionary",
    "Consumer Staples",
    "Energy",
    "Financials",
    "Health Care",
    "Industrials",
    "Information Technology",
    "Materials",
    "Real Estate",
    "Utilities",
)
"""The eleven sectors of the Global Industry Classification Standard (MSCI and S&P, in force since 2018-09-28)."""


@dataclass(frozen=True)
class Term:
    """One term in office: chamber, state, party and the days it covered (`end` included, as published)."""

    chamber: Literal["Senate", "House"]
    start: date
    end: date
    state: str
    district: str | None
    party: str | None


@dataclass(frozen=True)
class Legislator:
    """A member of Congress by bioguide id, with names as published."""

    bioguide: str
    first_name: str
    last_name: str
    full_name: str
    other_names: tuple[str, ...]
    terms: tuple[Term, ...]


@dataclass(frozen=True)
class CommitteeSpell:
    """A seat on a committee for the days [start, end); `end` None means still held."""

    bioguide: str
    committee_code: str
    start: date
    end: date | None
    title: str | None = None

    def covers(self, day: date) -> bool:
        """Whether the seat was held on that day."""
        return self.start <= day and (self.end is None or day < self.end)


@dataclass(frozen=True)
class CalendarEvent:
    """A hearing or a floor vote with a stable id. A floor vote has no committee.

    sectors: GICS sectors it concerns, from the source or derived from its title; empty = none known.
    source: where it can be looked up (URL or published id).
    """

    event_id: str
    kind: EventKind
    day: date
    title: str
    committee_code: str | None
    bill: str | None
    sectors: tuple[str, ...]
    source: str


@dataclass(frozen=True)
class TickerSector:
    """The GICS sector of a ticker and how surely it is known (`gics_sp500`, `approx_nasdaq`, ...)."""

    ticker: str
    name: str | None
    sector: str | None
    quality: str | None


@dataclass(frozen=True)
class TickerChange:
    """A ticker that became another on a day."""

    old: str
    new: str
    day: date
