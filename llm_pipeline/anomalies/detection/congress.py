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

from llm_pipeline.anomalies.detection.book import day_number
from llm_pipeline.anomalies.detection.history import Ints
from llm_pipeline.reference.codes import main_committee
from llm_pipeline.reference.records import GICS_SECTORS, CalendarEvent, CommitteeSpell

_NUMBERS = {name: i for i, name in enumerate(GICS_SECTORS)}


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
        self._days = np.array([one.day for one in self._events], np.int64)
        self._bits = np.array([sum(1 << sector for sector in one.sectors) for one in self._events], np.int64)
        held_by: dict[str | None, list[int]] = defaultdict(list)
        for place, one in enumerate(self._events):
            code = one.event.committee_code or ""
            held_by[None if one.event.kind == "floor_vote" else main_committee(code)].append(place)
        self._held_by = {code: np.array(places, np.int64) for code, places in held_by.items()}
        self.places_of = lru_cache(maxsize=4096)(self._places_of)

    def committees(self, filer_key: str, day: date) -> tuple[str, ...]:
        """Codes of the main committees that a filer sat on that day, ascending."""
        return tuple(
            sorted({main_committee(s.committee_code) for s in self._spells.get(filer_key, ()) if s.covers(day)})
        )

    def committee_sectors(self, filer_key: str, day: date) -> frozenset[int]:
        """Sector numbers of all committees that a filer sat on that day."""
        return frozenset().union(*(self._sectors.get(code, frozenset()) for code in self.committees(filer_key, day)))

    def event(self, place: int) -> RelatedEvent:
        """An event by its place among all, by day."""
        return self._events[place]

    def events_of(self, filer_key: str) -> list[RelatedEvent]:
        """All events that concern a filer, by day: floor votes, and hearings of committees held on their day."""
        return [self._events[place] for place in self.places_of(filer_key).tolist()]

    def places_between(self, filer_key: str, sector: int, first: int, last: int) -> list[int]:
        """Places of the events of a sector that concern a filer, on the days [first, last], by day."""
        places = self.places_of(filer_key)
        low, high = self._days[places].searchsorted((first, last + 1))
        near = places[low:high]
        found: list[int] = near[self._bits[near] >> sector & 1 == 1].tolist()
        return found

    def _places_of(self, filer_key: str) -> Ints:
        """Places of the events of `events_of`."""
        own = self._spells.get(filer_key, ())
        found = [self._between(None, None, None)] if own else [np.zeros(0, np.int64)]
        found += [self._between(main_committee(one.committee_code), one.start, one.end) for one in own]
        return np.unique(np.concatenate(found))

    def _between(self, held_by: str | None, start: date | None, end: date | None) -> Ints:
        """Places of the events of a committee, or of floor votes, on the days [start, end)."""
        places = self._held_by.get(held_by, np.zeros(0, np.int64))
        days = self._days[places]
        low = 0 if start is None else int(days.searchsorted(day_number(start)))
        high = days.size if end is None else int(days.searchsorted(day_number(end)))
        return places[low:high]
