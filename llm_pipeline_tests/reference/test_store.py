"""Storing reference data in a real database: what a second load, a corrected source and a shrunken one do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import psycopg
import pytest

from llm_pipeline.reference import audit
from llm_pipeline.reference.asof import Reference
from llm_pipeline.reference.merge import Changes
from llm_pipeline.reference.read import read_reference
from llm_pipeline.reference.records import (
    CalendarEvent,
    Committee,
    CommitteeSpell,
    EarlierTickerSector,
    Legislator,
    PriceSeries,
    Term,
    TickerChange,
    TickerSector,
)
from llm_pipeline.reference.store import (
    store_calendar,
    store_committee_sectors,
    store_committee_spells,
    store_committees,
    store_earlier_ticker_sectors,
    store_legislators,
    store_prices,
    store_ticker_changes,
    store_ticker_sectors,
)

NOW, LATER = datetime(2020, 6, 1, tzinfo=UTC), datetime(2020, 7, 1, tzinfo=UTC)
EARLY, LATE = date(2019, 1, 10), date(2020, 3, 1)
TERM = Term("Senate", date(2015, 1, 3), date(2021, 1, 3), "VT", None, "X")
HEARING = CalendarEvent("e1", "hearing", LATE, "Lamps \x00 and \ud800", "SSXX", None, ("Energy",), "s", EARLY)
EVERYTHING = Reference(
    legislators=(
        Legislator("X1", "Ada", "Quarrel", "Ada Quarrel", ("Addie Quarrel",), (TERM,)),
        Legislator("X2", "Bo", "Wick", "Bo Wick", (), (replace(TERM, chamber="House", district="3"),)),
    ),
    committees=(Committee("SSXX", "Senate", "On X", None, "X"), Committee("SSXX05", "Senate", "On Y", "SSXX", None)),
    spells=(
        CommitteeSpell("X1", "SSXX", EARLY, LATE, "Chairman"),
        CommitteeSpell("X1", "SSXX", LATE, None),
        CommitteeSpell("X2", "SSXX", EARLY, None),
    ),
    committee_sectors={"SSXX": ("Energy", "Utilities"), "SSYY": ()},
    events=(
        replace(HEARING, title="Lamps"),
        CalendarEvent("e2", "floor_vote", LATE, "On Passage", None, "HR5", (), "s"),
    ),
    ticker_sectors=(TickerSector("AAA", "Ay", "Energy", "gics"), TickerSector("BBB", None, None, None)),
    earlier_ticker_sectors=(
        EarlierTickerSector("AAA", EARLY, "Utilities", "Ay"),
        EarlierTickerSector("AAA", LATE, "Energy", None),
    ),
    ticker_changes=(TickerChange("END", "", LATE, ended=True, note="bought"), TickerChange("OLD", "AAA", EARLY)),
    prices={"AAA": PriceSeries("AAA", (EARLY, LATE), (Decimal("10.2500"), Decimal("0.0001")))},
)


def store(cur: psycopg.Cursor, reference: Reference, now: datetime = NOW) -> Changes:
    return sum(
        (
            store_legislators(cur, reference.legislators, now),
            store_committees(cur, reference.committees, now),
            store_committee_spells(cur, reference.spells, now),
            store_calendar(cur, reference.events, now),
            store_committee_sectors(cur, reference.committee_sectors, now),
            store_ticker_sectors(cur, reference.ticker_sectors, now),
            store_earlier_ticker_sectors(cur, reference.earlier_ticker_sectors, now),
            store_ticker_changes(cur, reference.ticker_changes, now),
            store_prices(cur, reference.prices.values()),
        ),
        Changes(),
    )


def places(cur: psycopg.Cursor) -> list[tuple]:
    """Where every row lies and which transaction wrote or locked it."""
    tables = (
        "legislators",
        "legislator_terms",
        "committees",
        "committee_assignments",
        "legislative_calendar",
        "committee_sectors",
        "ticker_sectors",
        "earlier_ticker_sectors",
        "ticker_changes",
        "market_prices",
    )
    union = " UNION ALL ".join(f"SELECT '{name}', ctid::text, xmin::text, xmax::text FROM {name}" for name in tables)
    return sorted(cur.execute(union).fetchall())


def test_what_is_stored_is_read_back_and_a_second_load_touches_no_row(db) -> None:
    with db.cursor() as cur:
        first = store(cur, EVERYTHING)
        db.commit()
        assert read_reference(cur, EARLY, LATE) == EVERYTHING
        before = places(cur)
        second = store(cur, EVERYTHING, LATER)
        assert places(cur) == before
    assert (first.changed, first.unchanged, first.ended) == (0, 0, 0)
    assert second == Changes(unchanged=first.new)
    assert not second.anything


def test_only_what_differs_is_written(db) -> None:
    with db.cursor() as cur:
        store(cur, EVERYTHING)
        series = PriceSeries("AAA", (EARLY, LATE), (Decimal("10.25"), Decimal("0.0002")))
        assert store_prices(cur, [series]) == Changes(changed=1, unchanged=1)
        renamed = replace(EVERYTHING.events[1], bill="HR6")
        assert store_calendar(cur, [EVERYTHING.events[0], renamed], LATER) == Changes(changed=1, unchanged=1)
        cur.execute("SELECT event_id FROM legislative_calendar WHERE loaded_at = %s", [LATER])
        assert cur.fetchall() == [("e2",)]


def test_rows_that_a_source_no_longer_has_are_kept(db) -> None:
    with db.cursor() as cur:
        store(cur, EVERYTHING)
        assert store(cur, Reference(), LATER) == Changes()
        assert read_reference(cur, EARLY, LATE) == EVERYTHING


def test_a_window_has_its_events_prices_and_seats(db) -> None:
    with db.cursor() as cur:
        store(cur, EVERYTHING)
        window = read_reference(cur, LATE, LATE)
    assert window.prices["AAA"].days == (LATE,)
    assert {(s.bioguide, s.start) for s in window.spells} == {("X1", LATE), ("X2", EARLY)}
    assert len(window.events) == 2
    with db.cursor() as cur:
        assert read_reference(cur, EARLY, EARLY, prices=False).prices == {}
        assert read_reference(cur, EARLY, EARLY).events == ()


def test_a_corrected_seat_leaves_no_overlap(db) -> None:
    with db.cursor() as cur:
        store(cur, EVERYTHING)
        corrected = CommitteeSpell("X1", "SSXX", date(2019, 2, 1), None)
        changes = store_committee_spells(cur, [corrected, EVERYTHING.spells[2]], LATER)
        assert (changes.new, changes.ended) == (1, 2)
        assert [s for s in read_reference(cur, EARLY, LATE).spells if s.bioguide == "X1"] == [corrected]
        assert audit.overlapping_spells(cur) == []


def test_a_seat_given_up_ends_on_the_day_of_the_load(db) -> None:
    other = CommitteeSpell("X2", "HSZZ", EARLY, None)
    with db.cursor() as cur:
        store_committee_spells(cur, [*EVERYTHING.spells, other], NOW)
        without = [spell for spell in EVERYTHING.spells if spell.bioguide != "X2"]
        assert store_committee_spells(cur, without, LATER, complete=False) == Changes(unchanged=2)
        assert store_committee_spells(cur, without, LATER) == Changes(unchanged=2, ended=1)
        ends = {(s.committee_code, s.end) for s in read_reference(cur, EARLY, LATE).spells if s.bioguide == "X2"}
        assert ends == {("SSXX", LATER.date()), ("HSZZ", None)}  # HSZZ is no committee of that source
        assert store_committee_spells(cur, without, LATER) == Changes(unchanged=2)


def test_a_term_with_corrected_days_replaces_the_old_one(db) -> None:
    ada = EVERYTHING.legislators[0]
    moved = replace(ada, terms=(replace(TERM, start=date(2015, 1, 6)),))
    with db.cursor() as cur:
        store(cur, EVERYTHING)
        store_legislators(cur, [moved], LATER)
        assert read_reference(cur, EARLY, LATE).legislators == (moved, EVERYTHING.legislators[1])


def test_what_was_known_early_stays_known_early(db) -> None:
    with db.cursor() as cur:
        store_calendar(cur, [replace(HEARING, known_from=EARLY)], NOW)
        store_calendar(cur, [replace(HEARING, known_from=LATE)], LATER)
        store_calendar(cur, [replace(HEARING, known_from=None)], LATER)
        (event,) = read_reference(cur, EARLY, LATE).events
    assert event.known_from == EARLY
    assert event.title == "Lamps \u2400 and \ufffd"


def test_an_overlap_and_unknown_members_are_found(db) -> None:
    with db.cursor() as cur:
        assert audit.unknown_members(cur) == []
        store(cur, EVERYTHING)
        assert audit.overlapping_spells(cur) == []
        cur.execute("INSERT INTO committee_assignments VALUES ('X9', 'SSXX', '2019-01-01', '2019-03-01', NULL, now())")
        cur.execute("INSERT INTO committee_assignments VALUES ('X9', 'SSXX', '2019-02-28', NULL, NULL, now())")
        assert audit.overlapping_spells(cur) == ["X9 on SSXX: the spell from 2019-02-28 overlaps the one before"]
        assert audit.unknown_members(cur) == ["X9"]
        assert audit.legislators_without_term(cur) == []
        assert audit.implausible_events(cur, date(2000, 1, 1)) != []
        assert audit.implausible_events(cur, LATE) == []
        assert audit.unknown_sectors(cur) == []
        cur.execute("UPDATE ticker_sectors SET sector = 'Magic' WHERE ticker = 'BBB'")
        cur.execute("UPDATE earlier_ticker_sectors SET sector = 'Alchemy' WHERE until = %s", [EARLY])
        assert audit.unknown_sectors(cur) == ["AAA until 2019-01-10: Alchemy", "BBB: Magic"]
        assert audit.impossible_prices(cur) == []
        cur.execute("INSERT INTO market_prices VALUES ('AAA', '2020-03-07', 1)")
        assert audit.prices_without_session(cur) == ["2020-03-01: 1 prices", "2020-03-07: 1 prices"]


@pytest.mark.parametrize("price", ["0", "-1", "NaN", "Infinity"])
def test_the_database_itself_refuses_an_impossible_price(db, price: str) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        db.execute("INSERT INTO market_prices VALUES ('AAA', '2020-03-02', %s)", [price])


def test_reference_tables_are_closed_to_other_roles(db) -> None:
    open_tables = db.execute(
        """SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
           AND NOT relrowsecurity AND relname IN ('legislators', 'legislator_terms', 'committees',
               'committee_assignments', 'legislative_calendar', 'committee_sectors', 'ticker_sectors',
               'earlier_ticker_sectors', 'ticker_changes', 'market_prices')"""
    ).fetchall()
    assert open_tables == []
