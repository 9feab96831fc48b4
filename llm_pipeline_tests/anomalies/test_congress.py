"""Which events concern a filer, against looking at every event and every seat."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from llm_pipeline.anomalies.detection.book import day_number
from llm_pipeline.anomalies.detection.congress import Congress
from llm_pipeline.reference.codes import main_committee
from llm_pipeline.reference.records import CalendarEvent, CommitteeSpell

FIRST = date(2020, 1, 1)
SECTORS = {"SSEG": ["Energy", "Utilities"], "SSBK": ["Financials"], "SSXX": []}
days = st.integers(0, 60).map(lambda n: FIRST + timedelta(days=n))
codes = st.sampled_from(["SSEG", "SSEG01", "SSBK", "SSXX"])
spells = st.builds(
    lambda filer, code, start, length: CommitteeSpell(
        filer, code, start, None if length is None else start + timedelta(days=length)
    ),
    st.sampled_from("AB"),
    codes,
    days,
    st.none() | st.integers(0, 40),
)
events = st.builds(
    lambda n, day, code, sectors: CalendarEvent(
        f"e{n}", "hearing" if code else "floor_vote", day, "", code, None, tuple(sectors), ""
    ),
    st.integers(0, 10**6),
    days,
    st.none() | codes,
    st.lists(st.sampled_from(["Energy", "Materials"]), max_size=2, unique=True),
)


@given(
    st.lists(spells, max_size=6),
    st.lists(events, max_size=20, unique_by=lambda one: one.event_id),
    days,
    st.integers(0, 30),
)
def test_events_that_concern_a_filer_are_those_of_committees_held_that_day_and_floor_votes(
    seats: list[CommitteeSpell], calendar: list[CalendarEvent], first: date, length: int
) -> None:
    congress = Congress(seats, calendar, SECTORS)
    for filer in "ABC":
        own = [one for one in seats if one.bioguide == filer]
        expected = {
            event.event_id
            for event in calendar
            if own
            and (event.sectors or SECTORS.get(main_committee(event.committee_code or ""), []))
            and (
                event.committee_code is None
                or any(
                    main_committee(one.committee_code) == main_committee(event.committee_code) and one.covers(event.day)
                    for one in own
                )
            )
        }
        found = congress.events_of(filer)
        assert {one.event.event_id for one in found} == expected
        assert [one.day for one in found] == sorted(one.day for one in found)
        low, high = day_number(first), day_number(first) + length
        for sector in range(11):
            near = [congress.event(place) for place in congress.places_between(filer, sector, low, high)]
            assert near == [one for one in found if low <= one.day <= high and sector in one.sectors]
