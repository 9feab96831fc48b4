"""The SQL of reference data: set-based loads that leave unchanged rows alone. The caller holds the transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg import Cursor

from llm_pipeline.db.bulk import copy_into
from llm_pipeline.reference.merge import Changes, incoming, merge_incoming, merge_rows
from llm_pipeline.reference.records import (
    CalendarEvent,
    Committee,
    CommitteeSpell,
    EarlierTickerSector,
    Legislator,
    PriceSeries,
    TickerChange,
    TickerSector,
)


def store_legislators(cur: Cursor[Any], legislators: Sequence[Legislator], now: datetime) -> Changes:
    """Legislators and their terms. A term that its legislator no longer has is removed: its days were corrected."""
    people = merge_rows(
        cur,
        "legislators",
        ("bioguide",),
        ("first_name", "last_name", "full_name", "other_names"),
        ((one.bioguide, one.first_name, one.last_name, one.full_name, list(one.other_names)) for one in legislators),
        now,
    )
    terms = merge_rows(
        cur,
        "legislator_terms",
        ("bioguide", "chamber", "start_day"),
        ("end_day", "state", "district", "party"),
        (
            (one.bioguide, term.chamber, term.start, term.end, term.state, term.district, term.party)
            for one in legislators
            for term in one.terms
        ),
        now,
    )
    cur.execute(
        """DELETE FROM legislator_terms t USING incoming_legislators l
           WHERE t.bioguide = l.bioguide AND NOT EXISTS (
               SELECT FROM incoming_legislator_terms i
               WHERE (i.bioguide, i.chamber, i.start_day) = (t.bioguide, t.chamber, t.start_day))"""
    )
    return people + terms + Changes(ended=cur.rowcount)


def store_committees(cur: Cursor[Any], committees: Iterable[Committee], now: datetime) -> Changes:
    """Committees by code."""
    rows = ((one.code, one.chamber, one.name, one.parent, one.jurisdiction) for one in committees)
    return merge_rows(cur, "committees", ("code",), ("chamber", "name", "parent", "jurisdiction"), rows, now)


def store_committee_spells(
    cur: Cursor[Any], spells: Iterable[CommitteeSpell], now: datetime, *, complete: bool = True
) -> Changes:
    """Seats on committees.

    What the source says of a seat replaces what is stored of it, so that a corrected day does not leave two spells
    that overlap. A seat that a committee of the source no longer has was given up: its open spell ends today.
    Committees that the source does not have stay as they are.

    complete: False where rows of the source could not be read: then nothing is ended or removed for not being there.
    """
    rows = ((one.bioguide, one.committee_code, one.start, one.end, one.title) for one in spells)
    changes = merge_rows(
        cur,
        "committee_assignments",
        ("bioguide", "committee_code", "start_day"),
        ("end_day", "title"),
        rows,
        now,
    )
    if not complete:
        return changes
    cur.execute(
        """DELETE FROM committee_assignments a
           WHERE EXISTS (SELECT FROM incoming_committee_assignments i
                         WHERE (i.bioguide, i.committee_code) = (a.bioguide, a.committee_code))
             AND NOT EXISTS (SELECT FROM incoming_committee_assignments i
                             WHERE (i.bioguide, i.committee_code, i.start_day)
                                 = (a.bioguide, a.committee_code, a.start_day))"""
    )
    corrected = cur.rowcount
    cur.execute(
        """UPDATE committee_assignments a SET end_day = greatest(%(today)s, a.start_day + 1), loaded_at = %(now)s
           WHERE a.end_day IS NULL
             AND a.committee_code IN (SELECT committee_code FROM incoming_committee_assignments)
             AND NOT EXISTS (SELECT FROM incoming_committee_assignments i
                             WHERE (i.bioguide, i.committee_code) = (a.bioguide, a.committee_code))""",
        {"today": now.date(), "now": now},
    )
    return changes + Changes(ended=corrected + cur.rowcount)


def store_calendar(cur: Cursor[Any], events: Iterable[CalendarEvent], now: datetime) -> Changes:
    """Hearings and floor votes. What was once known early stays so: `known_from` only moves back, however often the
    source updates its notice."""
    key = ("event_id",)
    values = ("kind", "day", "title", "committee_code", "bill", "sectors", "source", "known_from")
    columns = (*key, *values)
    name = incoming(cur, "legislative_calendar", columns)
    copy_into(
        cur,
        name,
        columns,
        (
            (
                one.event_id,
                one.kind,
                one.day,
                one.title,
                one.committee_code,
                one.bill,
                list(one.sectors),
                one.source,
                one.known_from,
            )
            for one in events
        ),
    )
    cur.execute(
        """UPDATE incoming_legislative_calendar i SET known_from = least(i.known_from, s.known_from)
           FROM legislative_calendar s WHERE s.event_id = i.event_id AND s.known_from IS NOT NULL"""
    )
    return merge_incoming(cur, "legislative_calendar", key, values, now)


def store_committee_sectors(cur: Cursor[Any], sectors: Mapping[str, tuple[str, ...]], now: datetime) -> Changes:
    """Sectors by committee code."""
    rows = ((code, list(named)) for code, named in sectors.items())
    return merge_rows(cur, "committee_sectors", ("committee_code",), ("sectors",), rows, now)


def store_ticker_sectors(cur: Cursor[Any], sectors: Iterable[TickerSector], now: datetime) -> Changes:
    """Sectors by ticker."""
    rows = ((one.ticker, one.name, one.sector, one.quality) for one in sectors)
    return merge_rows(cur, "ticker_sectors", ("ticker",), ("name", "sector", "quality"), rows, now)


def store_earlier_ticker_sectors(cur: Cursor[Any], sectors: Iterable[EarlierTickerSector], now: datetime) -> Changes:
    """Sectors by ticker and day of the list."""
    rows = ((one.ticker, one.until, one.sector, one.name) for one in sectors)
    return merge_rows(cur, "earlier_ticker_sectors", ("ticker", "until"), ("sector", "name"), rows, now)


def store_ticker_changes(cur: Cursor[Any], changes: Iterable[TickerChange], now: datetime) -> Changes:
    """Changes by old ticker and day."""
    rows = ((one.old, one.day, one.new, one.ended, one.reused, one.note) for one in changes)
    values = ("new_ticker", "ended", "reused", "note")
    return merge_rows(cur, "ticker_changes", ("old_ticker", "day"), values, rows, now)


def store_prices(cur: Cursor[Any], prices: Iterable[PriceSeries]) -> Changes:
    """Closes by ticker and day, however many, in one COPY and one merge."""
    columns = ("ticker", "day", "adj_close")
    name = incoming(cur, "market_prices", columns)
    with cur.copy(f"COPY {name} (ticker, day, adj_close) FROM STDIN") as copy:
        for series in prices:
            for day, close in zip(series.days, series.closes, strict=True):
                copy.write_row((series.ticker, day, close))
    return merge_incoming(cur, "market_prices", columns[:2], columns[2:], None)
