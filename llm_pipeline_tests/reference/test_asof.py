from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_pipeline.reference.asof import LONGEST_PRICE_GAP, Reference
from llm_pipeline.reference.records import (
    GICS_SECTORS,
    CalendarEvent,
    CommitteeSpell,
    EventKind,
    PriceSeries,
    TickerChange,
    TickerSector,
)

START = date(2019, 1, 1)
DAYS = st.integers(0, 400).map(lambda n: START + timedelta(days=n))
CODES = st.sampled_from(["SSXX", "SSXX05", "SSYY", "HSZZ"])
MAP = {"SSXX": ("Energy", "Utilities"), "SSYY": ("Energy", "Health Care")}


@st.composite
def spells(draw: st.DrawFn) -> CommitteeSpell:
    start = draw(DAYS)
    end = draw(st.none() | st.integers(1, 200).map(lambda n: start + timedelta(days=n)))
    return CommitteeSpell(draw(st.sampled_from(["X1", "X2"])), draw(CODES), start, end)


@st.composite
def events(draw: st.DrawFn) -> CalendarEvent:
    day = draw(DAYS)
    kind: EventKind = draw(st.sampled_from(["hearing", "floor_vote"]))
    return CalendarEvent(
        event_id=f"e{draw(st.integers(0, 10**9))}",
        kind=kind,
        day=day,
        title="t",
        committee_code=draw(CODES) if kind == "hearing" else None,
        bill=None,
        sectors=tuple(draw(st.lists(st.sampled_from(GICS_SECTORS), unique=True, max_size=3))),
        source="s",
        known_from=draw(st.none() | st.integers(0, 30).map(lambda n: day - timedelta(days=n))),
    )


@given(st.lists(spells(), max_size=30), st.sampled_from(["X1", "X2", "X3"]), DAYS)
def test_seats_on_a_day_are_those_whose_spell_covers_it(given_spells, bioguide, day) -> None:
    reference = Reference(spells=tuple(given_spells), committee_sectors=MAP)
    held = {s.committee_code for s in given_spells if s.bioguide == bioguide and s.covers(day)}
    assert reference.committees_at(bioguide, day) == tuple(sorted(held))
    sectors = {sector for code in held for sector in MAP.get(code[:4], ())}
    assert reference.committee_sectors_at(bioguide, day) == tuple(s for s in GICS_SECTORS if s in sectors)


@given(st.lists(spells(), max_size=30), DAYS, st.integers(1, 100))
def test_what_happens_to_seats_later_does_not_change_a_day(given_spells, day, later) -> None:
    """Knowing only what was known that day (no later spells, no ends yet to come) gives the same answer."""
    then = tuple(
        CommitteeSpell(s.bioguide, s.committee_code, s.start, s.end if s.end and s.end <= day else None)
        for s in given_spells
        if s.start <= day
    )
    now, past = Reference(spells=tuple(given_spells)), Reference(spells=then)
    for bioguide in ("X1", "X2"):
        assert now.committees_at(bioguide, day) == past.committees_at(bioguide, day)


def test_a_seat_is_not_held_on_the_day_it_ends() -> None:
    reference = Reference(spells=(CommitteeSpell("X1", "SSXX", START, START + timedelta(days=2)),))
    assert [bool(reference.seats_at("X1", START + timedelta(days=n))) for n in (-1, 0, 1, 2)] == [
        False,
        True,
        True,
        False,
    ]


@given(st.lists(events(), max_size=30, unique_by=lambda e: e.event_id), DAYS, st.integers(0, 60), DAYS, CODES)
def test_events_of_a_window_are_exactly_those_inside_it_and_known(given_events, first, length, as_of, code) -> None:
    last = first + timedelta(days=length)
    reference = Reference(events=tuple(given_events))
    expected = {e.event_id for e in given_events if first <= e.day <= last and (e.known_from or e.day) <= as_of}
    found = reference.events_between(first, last, as_of)
    assert {e.event_id for e in found} == expected
    assert list(found) == sorted(found, key=lambda e: (e.day, e.event_id))
    of_committee = {e.event_id for e in found if e.committee_code and code in (e.committee_code, e.committee_code[:4])}
    assert {e.event_id for e in reference.events_of_committee(code, first, last, as_of)} == of_committee
    for sector in GICS_SECTORS:
        votes = {e.event_id for e in found if sector in e.sectors and e.kind == "floor_vote"}
        in_sector = reference.events_in_sector(sector, first, last, as_of, "floor_vote")
        assert {e.event_id for e in in_sector} == votes
    assert all(reference.event(e.event_id) == e for e in given_events)


@given(st.lists(events(), max_size=30, unique_by=lambda e: e.event_id), DAYS)
def test_no_event_is_seen_before_it_was_known(given_events, as_of) -> None:
    reference = Reference(events=tuple(given_events))
    window = START - timedelta(days=100), START + timedelta(days=1000)
    known = tuple(e for e in given_events if e.known_by(as_of))
    assert reference.events_between(*window, as_of) == Reference(events=known).events_between(*window, as_of)


TICKERS = Reference(
    ticker_sectors=(
        TickerSector("NEWCO", None, "Energy", "gics"),
        TickerSector("OLDONLY", None, "Utilities", "gics"),
        TickerSector("BUYER", None, "Financials", "gics"),
        TickerSector("RE-USED", None, "Health Care", "gics"),
        TickerSector("AAPL", "Apple", "Information Technology", "gics"),
        TickerSector("AAPl", None, "Materials", "approx"),
        TickerSector("NONE", None, None, None),
    ),
    ticker_changes=(
        TickerChange("OLDCO", "MIDCO", date(2019, 3, 1)),
        TickerChange("MIDCO", "NEWCO", date(2020, 3, 1)),
        TickerChange("OLDONLY", "UNLISTED", date(2020, 1, 1)),
        TickerChange("BOUGHT", "BUYER", date(2020, 1, 1), ended=True),
        TickerChange("RE-USED", "NEWCO", date(2019, 6, 1), reused=True),
        TickerChange("LOOP", "POOL", date(2019, 1, 1)),
        TickerChange("POOL", "LOOP", date(2020, 1, 1)),
    ),
)


@pytest.mark.parametrize(
    ("ticker", "day", "sector"),
    [
        ("oldco", date(2018, 1, 1), "Energy"),  # renamed twice since
        ("NEWCO", date(2021, 1, 1), "Energy"),
        ("UNLISTED", date(2021, 1, 1), "Utilities"),  # the table knows the former ticker only
        ("BOUGHT", date(2019, 1, 1), None),  # the buyer is another company
        ("RE.USED", date(2019, 1, 1), "Energy"),  # then another company's ticker
        ("RE.USED", date(2019, 6, 1), "Health Care"),
        ("AAPL", date(2019, 1, 1), "Information Technology"),
        ("AAPl", date(2019, 1, 1), "Information Technology"),
        ("NONE", date(2019, 1, 1), None),
        ("", date(2019, 1, 1), None),
    ],
)
def test_the_sector_follows_the_company_through_its_tickers(ticker: str, day: date, sector: str | None) -> None:
    assert TICKERS.sector_of(ticker, day) == sector


@given(st.sampled_from(["LOOP", "POOL", "OLDCO", "MIDCO", "NEWCO", "RE-USED", "BOUGHT"]), DAYS)
def test_a_company_has_finitely_many_tickers_each_once(ticker: str, day: date) -> None:
    names = TICKERS.listings(ticker, day)
    assert len(names) == len(set(names))


@given(st.lists(DAYS, min_size=1, max_size=20, unique=True), DAYS, st.integers(0, 40))
def test_a_price_is_the_first_at_or_after_a_day_and_never_too_late(days, day, within) -> None:
    ordered = tuple(sorted(days))
    series = PriceSeries("AAA", ordered, tuple(Decimal(n + 1) for n in range(len(ordered))))
    reference = Reference(prices={"AAA": series})
    gap = timedelta(days=within)
    after = [d for d in ordered if d >= day and d - day <= gap]
    price = reference.price_on_or_after("aaa", day, gap)
    assert (price.day if price else None) == (after[0] if after else None)
    before = [d for d in ordered if d <= day and day - d <= gap]
    price = reference.price_on_or_before("AAA", day, gap)
    assert (price.day if price else None) == (before[-1] if before else None)


def test_prices_follow_a_rename_but_not_into_another_company() -> None:
    days = (date(2019, 1, 2), date(2019, 1, 3))
    prices = {name: PriceSeries(name, days, (Decimal(1), Decimal(2))) for name in ("NEWCO", "BUYER", "RE-USED")}
    reference = Reference(ticker_changes=TICKERS.ticker_changes, prices=prices)
    found = reference.price_on_or_after("OLDCO", days[1])
    assert found
    assert (found.ticker, found.close) == ("NEWCO", Decimal(2))
    assert reference.price_on_or_after("BOUGHT", days[0]) is None
    reused = reference.price_on_or_after("RE-USED", days[0])
    assert reused
    assert reused.ticker == "NEWCO"
    assert reference.price_on_or_after("OLDCO", days[0] - LONGEST_PRICE_GAP - timedelta(days=1)) is None
