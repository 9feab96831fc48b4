"""What is known of Congress, its calendar, companies and prices, in one bundle with fast questions; pure.

Where nothing is known the answer is empty or None, never a guess.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

from llm_pipeline.reference.codes import committee_code
from llm_pipeline.reference.company_sectors import CompanySectors
from llm_pipeline.reference.filers import FilerIndex
from llm_pipeline.reference.listings import Listings
from llm_pipeline.reference.records import (
    GICS_SECTORS,
    CalendarEvent,
    Committee,
    CommitteeSpell,
    EarlierTickerSector,
    Legislator,
    PriceSeries,
    TickerChange,
    TickerSector,
)
from llm_pipeline.reference.title_sectors import sectors_of_committee


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

    # Companies

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
