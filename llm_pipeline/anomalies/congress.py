"""Who sat where and what was on the calendar, looked up by filer and day. Pure; built from reference records.

A hearing concerns the members of its committee; a floor vote concerns every member of the chamber. An event concerns
its own sectors; a hearing without any concerns the sectors of its committee.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import numpy as np

from llm_pipeline.anomalies.book import day_number
from llm_pipeline.anomalies.history import Ints
from llm_pipeline.reference.records import GICS_SECTORS, CalendarEvent, CommitteeSpell

_NUMBERS = {name: i for i, name in enumerate(GICS_SECTORS)}


def main_committee(code: str) -> str:
    """The committee of a subcommittee: SSBK04 -> SSBK."""
    return code[:4]


@dataclass(frozen=True)
class RelatedEvent:
    """An event that concerns a filer: its day number and the numbers of its sectors."""

    event: CalendarEvent
    day: int
    sectors: frozenset[int]


class Congress:
    """Committee seats, committee sectors and calendar events; every look-up is by what held on a day."""

    def __init__(
        self,
        spells: Iterable[CommitteeSpell],
        events: Iterable[CalendarEvent],
        committee_sectors: Mapping[str, Iterable[str]],
    ) -> None:
        self._spells: dict[str, list[CommitteeSpell]] = defaultdict(list)
        for spell in spells:
            self._spells[spell.bioguide].append(spell)
        self._sectors = {
            code: frozenset(_NUMBERS[name] for name in names if name in _NUMBERS)
            for code, names in committee_sectors.items()
        }
        self._events: list[RelatedEvent] = []
        for event in sorted(events, key=lambda e: (e.day, e.event_id)):
            sectors = frozenset(_NUMBERS[name] for name in event.sectors if name in _NUMBERS)
            if not sectors and event.committee_code:
                sectors = self._sectors.get(main_committee(event.committee_code), frozenset())
            if sectors:
                self._events.append(RelatedEvent(event, day_number(event.day), sectors))
        self.events_of = lru_cache(maxsize=4096)(self._events_of)
        self._columns_of = lru_cache(maxsize=4096)(self._event_columns)

    def committees(self, filer_key: str, day: date) -> tuple[str, ...]:
        """Codes of the main committees that a filer sat on that day, ascending."""
        return tuple(
            sorted({main_committee(s.committee_code) for s in self._spells.get(filer_key, ()) if s.covers(day)})
        )

    def committee_sectors(self, filer_key: str, day: date) -> frozenset[int]:
        """Sector numbers of all committees that a filer sat on that day."""
        return frozenset().union(*(self._sectors.get(code, frozenset()) for code in self.committees(filer_key, day)))

    def events_between(self, filer_key: str, sector: int, first: int, last: int) -> list[int]:
        """Places in `events_of` of the events of a sector on the days [first, last], by day."""
        days, sectors = self._columns_of(filer_key)
        low, high = days.searchsorted((first, last + 1))
        places: list[int] = (low + np.flatnonzero(sectors[low:high] >> sector & 1)).tolist()
        return places

    def _event_columns(self, filer_key: str) -> tuple[Ints, Ints]:
        """(days, sectors as bits) of the events that concern a filer."""
        events = self.events_of(filer_key)
        bits = [sum(1 << sector for sector in related.sectors) for related in events]
        return np.array([related.day for related in events], np.int64), np.array(bits, np.int64)

    def _events_of(self, filer_key: str) -> tuple[RelatedEvent, ...]:
        """All events that concern a filer, by day: floor votes, and hearings of committees held on their day."""
        own = self._spells.get(filer_key, ())
        if not own:
            return ()
        by_committee: dict[str, list[CommitteeSpell]] = defaultdict(list)
        for spell in own:
            by_committee[main_committee(spell.committee_code)].append(spell)
        return tuple(
            related
            for related in self._events
            if related.event.kind == "floor_vote"
            or any(
                spell.covers(related.event.day)
                for spell in by_committee.get(main_committee(related.event.committee_code or ""), ())
            )
        )
