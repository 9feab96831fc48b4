"""The shapes of reference data; pure. Readers make them, stores keep them, detectors read them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal

Chamber = Literal["Senate", "House"]
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

    chamber: Chamber
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
class Committee:
    """A committee, or a subcommittee of `parent`; jurisdiction as its chamber's rules word it, where published."""

    code: str
    chamber: Literal["Senate", "House", "Joint"]
    name: str
    parent: str | None
    jurisdiction: str | None


@dataclass(frozen=True)
class CalendarEvent:
    """A hearing or a floor vote with a stable id. A floor vote has no committee.

    sectors: GICS sectors it concerns, from the source or derived from its title; empty = none known.
    source: where it can be looked up (URL or published id).
    known_from: day from which the public could know of it; None: the day itself, as no earlier notice is on record.
    """

    event_id: str
    kind: EventKind
    day: date
    title: str
    committee_code: str | None
    bill: str | None
    sectors: tuple[str, ...]
    source: str
    known_from: date | None = None


@dataclass(frozen=True)
class TickerSector:
    """The GICS sector of a ticker and how surely it is known (`gics_sp500`, `approx_nasdaq`, ...)."""

    ticker: str
    name: str | None
    sector: str | None
    quality: str | None


@dataclass(frozen=True)
class EarlierTickerSector:
    """The GICS sector that a ticker's company had on days up to `until`, that day included, by a list of that day."""

    ticker: str
    until: date
    sector: str
    name: str | None = None


@dataclass(frozen=True)
class TickerChange:
    """A ticker that became another on a day, or ended on it.

    new: empty where nothing followed. ended: the company was bought or went private, so `new` is another company's.
    reused: from `day` on, or later, `old` names another company.
    """

    old: str
    new: str
    day: date
    ended: bool = False
    reused: bool = False
    note: str | None = None


LONGEST_PRICE_GAP = timedelta(days=7)
"""The exchange has not been closed for longer since 2001; a later price is that of a paper that was suspended."""


@dataclass(frozen=True)
class Price:
    """The adjusted close of a ticker on a trading day, in US dollars."""

    ticker: str
    day: date
    close: Decimal


@dataclass(frozen=True)
class PriceSeries:
    """All adjusted closes of one ticker, by day, oldest first; both tuples have the same length."""

    ticker: str
    days: tuple[date, ...]
    closes: tuple[Decimal, ...]

    def on_or_after(self, day: date) -> Price | None:
        """The first close at or after a day."""
        at = bisect_left(self.days, day)
        return Price(self.ticker, self.days[at], self.closes[at]) if at < len(self.days) else None

    def on_or_before(self, day: date) -> Price | None:
        """The last close at or before a day."""
        at = bisect_right(self.days, day) - 1
        return Price(self.ticker, self.days[at], self.closes[at]) if at >= 0 else None

    def between(self, first: date, last: date) -> tuple[Decimal, ...]:
        """The closes of [first, last], oldest first."""
        return self.closes[bisect_left(self.days, first) : bisect_right(self.days, last)]
