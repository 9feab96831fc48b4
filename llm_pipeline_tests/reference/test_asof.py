from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_pipeline.reference.asof import Reference
from llm_pipeline.reference.records import (
    GICS_SECTORS,
    CommitteeSpell,
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
