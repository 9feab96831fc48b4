"""What was known of Congress, its calendar, sectors and prices on a day: one bundle with fast questions; pure.

Windows of days include both ends. Where nothing is known the answer is empty or None, never a guess.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property

from llm_pipeline.reference.codes import committee_code, main_committee
from llm_pipeline.reference.company_sectors import CompanySectors
from llm_pipeline.reference.filers import FilerIndex
from llm_pipeline.reference.listings import Listings
from llm_pipeline.reference.records import (
    GICS_SECTORS,
    CalendarEvent,
    Committee,
    CommitteeSpell,
    EarlierTickerSector,
    EventKind,
    Legislator,
    Price,
    PriceSeries,
    TickerChange,
    TickerSector,
)
from llm_pipeline.reference.title_sectors import sectors_of_committee

LONGEST_PRICE_GAP = timedelta(days=7)
"""The exchange has not been closed for longer since 2001; a later price is that of a paper that was suspended."""


class _Timeline:
    """Events by day, for questions about a window."""

    def __init__(self, events: Iterable[CalendarEvent]) -> None:
        self._events = sorted(events, key=lambda event: (event.day, event.event_id))
        self._days = [event.day for event in self._events]

    def between(self, first: date, last: date, as_of: date, kind: EventKind | None) -> tuple[CalendarEvent, ...]:
        window = self._events[bisect_left(self._days, first) : bisect_right(self._days, last)]
        return tuple(event for event in window if event.known_by(as_of) and kind in (None, event.kind))


_NO_EVENTS = _Timeline(())


@dataclass(frozen=True)
class Reference:
    """Everything known, as records; indexes are made at the first question of a kind and kept.

    committee_sectors: GICS sectors by committee code. ticker_sectors: of today; earlier_ticker_sectors: of dated lists.
    prices: series by ticker.
    """

    legislators: tuple[Legislator, ...] = ()
    committees: tuple[Committee, ...] = ()
    spells: tuple[CommitteeSpell, ...] = ()
    committee_sectors: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    events: tuple[CalendarEvent, ...] = ()
    ticker_sectors: tuple[TickerSector, ...] = ()
    earlier_ticker_sectors: tuple[EarlierTickerSector, ...] = ()
    ticker_changes: tuple[TickerChange, ...] = ()
    prices: Mapping[str, PriceSeries] = field(default_factory=dict)

    # People

    @cached_property
    def _filers(self) -> FilerIndex:
        return FilerIndex(self.legislators)

    @cached_property
    def _seats(self) -> Mapping[str, list[CommitteeSpell]]:
        seats: dict[str, list[CommitteeSpell]] = defaultdict(list)
        for spell in sorted(self.spells, key=lambda spell: (spell.committee_code, spell.start)):
            seats[spell.bioguide].append(spell)
        return seats

    def bioguide_of(
        self,
        name: str,
        *,
        bioguide: str | None = None,
        chamber: str | None = None,
        state: str | None = None,
        day: date | None = None,
    ) -> str | None:
        """The filer's bioguide id: the one on record, or else by name (`FilerIndex.find`); None if not sure.

        Published disclosures have wrong ids (of 1,443 Senate reports 87 name somebody who left office decades ago): an
        id of no known legislator counts only where the name tells nothing.
        """
        recorded = (bioguide or "").strip().upper() or None
        if recorded and self._filers.knows(recorded):
            return recorded
        return self._filers.find(name, chamber=chamber, state=state, day=day) or recorded

    def seats_at(self, bioguide: str, day: date) -> tuple[CommitteeSpell, ...]:
        """The seats a member held on a day, on subcommittees too, by committee code."""
        return tuple(spell for spell in self._seats.get(bioguide, ()) if spell.covers(day))

    def committees_at(self, bioguide: str, day: date) -> tuple[str, ...]:
        """The codes of the committees and subcommittees a member sat on that day, each once, sorted."""
        return tuple(dict.fromkeys(spell.committee_code for spell in self.seats_at(bioguide, day)))

    # Committees and sectors

    @cached_property
    def _committees_by_code(self) -> Mapping[str, Committee]:
        return {committee.code: committee for committee in self.committees}

    def committee(self, code: str) -> Committee | None:
        """A committee's name and jurisdiction."""
        return self._committees_by_code.get(committee_code(code))

    def sectors_of_committee(self, code: str) -> tuple[str, ...]:
        """The sectors of a committee; a subcommittee that is not listed has those of its committee."""
        return sectors_of_committee(code, self.committee_sectors)

    def committee_sectors_at(self, bioguide: str, day: date) -> tuple[str, ...]:
        """The sectors of all committees a member sat on that day, in the order of GICS_SECTORS."""
        named = {sector for code in self.committees_at(bioguide, day) for sector in self.sectors_of_committee(code)}
        return tuple(sector for sector in GICS_SECTORS if sector in named)

    # Calendar

    @cached_property
    def _timeline(self) -> _Timeline:
        return _Timeline(self.events)

    @cached_property
    def _events_by_committee(self) -> Mapping[str, _Timeline]:
        by_code: dict[str, list[CalendarEvent]] = defaultdict(list)
        for event in self.events:
            if event.committee_code:
                for code in {event.committee_code, main_committee(event.committee_code)}:
                    by_code[code].append(event)
        return {code: _Timeline(events) for code, events in by_code.items()}

    @cached_property
    def _events_by_sector(self) -> Mapping[str, _Timeline]:
        by_sector: dict[str, list[CalendarEvent]] = defaultdict(list)
        for event in self.events:
            for sector in event.sectors:
                by_sector[sector].append(event)
        return {sector: _Timeline(events) for sector, events in by_sector.items()}

    @cached_property
    def _events_by_id(self) -> Mapping[str, CalendarEvent]:
        return {event.event_id: event for event in self.events}

    def event(self, event_id: str) -> CalendarEvent | None:
        """The event of an id."""
        return self._events_by_id.get(event_id)

    def events_between(
        self, first: date, last: date, as_of: date, kind: EventKind | None = None
    ) -> tuple[CalendarEvent, ...]:
        """The events of [first, last] that were known by `as_of`, by day and id."""
        return self._timeline.between(first, last, as_of, kind)

    def events_of_committee(self, code: str, first: date, last: date, as_of: date) -> tuple[CalendarEvent, ...]:
        """Those of a committee and its subcommittees; of a subcommittee its own only."""
        return self._events_by_committee.get(committee_code(code), _NO_EVENTS).between(first, last, as_of, None)

    def events_in_sector(
        self, sector: str, first: date, last: date, as_of: date, kind: EventKind | None = None
    ) -> tuple[CalendarEvent, ...]:
        """Those that concern a sector."""
        return self._events_by_sector.get(sector, _NO_EVENTS).between(first, last, as_of, kind)

    # Tickers and prices

    @cached_property
    def _listings(self) -> Listings:
        return Listings(self.ticker_changes)

    @cached_property
    def _sectors(self) -> CompanySectors:
        return CompanySectors(self.ticker_sectors, self.earlier_ticker_sectors, self._listings)

    def listings(self, ticker: str, day: date) -> tuple[str, ...]:
        """The tickers under which tables may have the company that `ticker` named on a day (`Listings.of`)."""
        return self._listings.of(ticker, day)

    def listing_ends(self, ticker: str, after: date, until: date) -> date | None:
        """The first day in (after, until] on which that company was bought or went private (`Listings.ends`)."""
        return self._listings.ends(ticker, after, until)

    def ticker_sector(self, ticker: str, day: date) -> TickerSector | EarlierTickerSector | None:
        """What is known of the sector that the company a ticker named on a day had on that day (`CompanySectors`).

        A list of before holds for all days up to its date, back to the list before it; days between the last list and
        today take today's sector.
        """
        return self._sectors.on(ticker, day)

    def sector_of(self, ticker: str, day: date) -> str | None:
        """Its GICS sector on that day, or None."""
        row = self.ticker_sector(ticker, day)
        return row.sector if row else None

    def sector_depends_on_day(self, ticker: str) -> bool:
        """Whether `sector_of` may answer differently for other days; where not, any day tells all."""
        return self._sectors.depends_on_day(ticker)

    def price_on_or_after(self, ticker: str, day: date, within: timedelta = LONGEST_PRICE_GAP) -> Price | None:
        """The first close of the company that `ticker` named on a day, at or after it and at most `within` later."""
        for name in self.listings(ticker, day):
            price = self.prices[name].on_or_after(day) if name in self.prices else None
            if price and price.day - day <= within:
                return price
        return None

    def price_on_or_before(self, ticker: str, day: date, within: timedelta = LONGEST_PRICE_GAP) -> Price | None:
        """Its last close at or before a day and at most `within` earlier."""
        for name in self.listings(ticker, day):
            price = self.prices[name].on_or_before(day) if name in self.prices else None
            if price and day - price.day <= within:
                return price
        return None
