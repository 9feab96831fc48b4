"""Reading the stored reference data back as one bundle. The SQL of writing is in `store`."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal
from typing import Any

from psycopg import Cursor

from llm_pipeline.reference.asof import Reference
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


def read_reference(cur: Cursor[Any], first: date, last: date, *, prices: bool = True) -> Reference:
    """What is stored of the days `first` to `last`: events and prices of these days, seats held on one of them, and
    everything else whole.

    prices: whether to read prices, by far the largest part.
    """
    days = {"first": first, "last": last}
    cur.execute(
        """SELECT event_id, kind, day, title, committee_code, bill, sectors, source, known_from
           FROM legislative_calendar WHERE day BETWEEN %(first)s AND %(last)s ORDER BY day, event_id""",
        days,
    )
    events = tuple(
        CalendarEvent(event_id, kind, day, title, code, bill, tuple(sectors), source, known_from)
        for event_id, kind, day, title, code, bill, sectors, source, known_from in cur
    )
    cur.execute(
        """SELECT bioguide, committee_code, start_day, end_day, title FROM committee_assignments
           WHERE start_day <= %(last)s AND (end_day IS NULL OR end_day > %(first)s)
           ORDER BY bioguide, committee_code, start_day""",
        days,
    )
    spells = tuple(CommitteeSpell(*row) for row in cur)
    cur.execute("SELECT code, chamber, name, parent, jurisdiction FROM committees ORDER BY code")
    committees = tuple(Committee(*row) for row in cur)
    cur.execute("SELECT committee_code, sectors FROM committee_sectors ORDER BY committee_code")
    committee_sectors = {code: tuple(sectors) for code, sectors in cur}
    cur.execute("SELECT ticker, name, sector, quality FROM ticker_sectors ORDER BY ticker")
    ticker_sectors = tuple(TickerSector(*row) for row in cur)
    cur.execute("SELECT ticker, until, sector, name FROM earlier_ticker_sectors ORDER BY ticker, until")
    earlier_ticker_sectors = tuple(EarlierTickerSector(*row) for row in cur)
    cur.execute(
        """SELECT old_ticker, new_ticker, day, ended, reused, note FROM ticker_changes ORDER BY old_ticker, day"""
    )
    ticker_changes = tuple(TickerChange(*row) for row in cur)
    return Reference(
        legislators=_legislators(cur),
        committees=committees,
        spells=spells,
        committee_sectors=committee_sectors,
        events=events,
        ticker_sectors=ticker_sectors,
        earlier_ticker_sectors=earlier_ticker_sectors,
        ticker_changes=ticker_changes,
        prices=_prices(cur, first, last) if prices else {},
    )


def _legislators(cur: Cursor[Any]) -> tuple[Legislator, ...]:
    terms: dict[str, list[Term]] = defaultdict(list)
    cur.execute(
        """SELECT bioguide, chamber, start_day, end_day, state, district, party FROM legislator_terms
           ORDER BY bioguide, start_day"""
    )
    for bioguide, *term in cur:
        terms[bioguide].append(Term(*term))
    cur.execute("SELECT bioguide, first_name, last_name, full_name, other_names FROM legislators ORDER BY bioguide")
    return tuple(
        Legislator(bioguide, first, last, full, tuple(others), tuple(terms[bioguide]))
        for bioguide, first, last, full, others in cur
    )


def _prices(cur: Cursor[Any], first: date, last: date) -> dict[str, PriceSeries]:
    cur.execute(
        """SELECT ticker, array_agg(day ORDER BY day), array_agg(adj_close ORDER BY day)
           FROM market_prices WHERE day BETWEEN %s AND %s GROUP BY ticker ORDER BY ticker""",
        (first, last),
    )
    found: dict[str, PriceSeries] = {}
    days: list[date]
    closes: list[Decimal]
    for ticker, days, closes in cur:
        found[ticker] = PriceSeries(ticker, tuple(days), tuple(closes))
    return found
