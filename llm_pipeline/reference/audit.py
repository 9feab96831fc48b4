"""Questions to the stored reference data that show what is wrong with it, in SQL; each answers with a few lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from psycopg import Cursor, sql

from llm_pipeline.reference.records import GICS_SECTORS
from llm_pipeline.reference.trading_days import FIRST_KNOWN_DAY, trading_days

SHOWN = 20
FIRST_CONGRESS = date(1789, 3, 4)
FARTHEST_EVENT = timedelta(days=731)
"""Nobody announces a hearing more than a Congress ahead."""


def count(cur: Cursor[Any], table: str) -> int:
    """Rows of a table."""
    return _number(cur, sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table)))


def open_seats(cur: Cursor[Any]) -> int:
    """Seats that are still held."""
    return _number(cur, "SELECT count(*) FROM committee_assignments WHERE end_day IS NULL")


def tickers_with_sector(cur: Cursor[Any]) -> int:
    """Tickers whose sector is known."""
    return _number(cur, "SELECT count(*) FROM ticker_sectors WHERE sector IS NOT NULL")


def legislators_without_term(cur: Cursor[Any]) -> list[str]:
    """Legislators who never served."""
    return _lines(
        cur,
        """SELECT bioguide || ' ' || full_name FROM legislators l
           WHERE NOT EXISTS (SELECT FROM legislator_terms t WHERE t.bioguide = l.bioguide) ORDER BY 1""",
    )


def overlapping_spells(cur: Cursor[Any]) -> list[str]:
    """Spells of a seat that begin before the one before them has ended."""
    return _lines(
        cur,
        """SELECT format('%s on %s: the spell from %s overlaps the one before', bioguide, committee_code, start_day)
           FROM (SELECT *, lag(coalesce(end_day, 'infinity')) OVER (
                     PARTITION BY bioguide, committee_code ORDER BY start_day) AS before
                 FROM committee_assignments) AS spells
           WHERE before > start_day ORDER BY 1""",
    )


def unknown_members(cur: Cursor[Any]) -> list[str]:
    """Members of committees who are no known legislators; none where no legislators are loaded."""
    return _lines(
        cur,
        """SELECT DISTINCT bioguide FROM committee_assignments a
           WHERE EXISTS (SELECT FROM legislators)
             AND NOT EXISTS (SELECT FROM legislators l WHERE l.bioguide = a.bioguide) ORDER BY 1""",
    )


def implausible_events(cur: Cursor[Any], today: date) -> list[str]:
    """Events without an id or title, on a day before Congress or too far ahead, or of an unknown sector."""
    return _lines(
        cur,
        """SELECT event_id || ' on ' || day || ': ' || left(title, 60) FROM legislative_calendar
           WHERE event_id = '' OR title = '' OR day NOT BETWEEN %(first)s AND %(last)s OR NOT sectors <@ %(sectors)s
           ORDER BY 1""",
        {"first": FIRST_CONGRESS, "last": today + FARTHEST_EVENT, "sectors": list(GICS_SECTORS)},
    )


def calendar_numbers(cur: Cursor[Any]) -> Mapping[str, int | str]:
    """Hearings, floor votes, events with a sector, and the first and last day."""
    cur.execute(
        """SELECT count(*) FILTER (WHERE kind = 'hearing'), count(*) FILTER (WHERE kind = 'floor_vote'),
                  count(*) FILTER (WHERE sectors <> '{}'), min(day), max(day) FROM legislative_calendar"""
    )
    hearings, votes, with_sectors, first, last = cur.fetchone() or (0, 0, 0, None, None)
    numbers = {"hearings": hearings, "floor_votes": votes, "with_sectors": with_sectors}
    return numbers | ({"first_day": str(first), "last_day": str(last)} if first else {})


def unknown_sectors(cur: Cursor[Any]) -> list[str]:
    """Tickers and committees with a sector that is none of GICS."""
    return _lines(
        cur,
        """SELECT ticker || ': ' || sector FROM ticker_sectors WHERE sector <> ALL (%(sectors)s)
           UNION ALL
           SELECT ticker || ' until ' || until || ': ' || sector FROM earlier_ticker_sectors
           WHERE sector <> ALL (%(sectors)s)
           UNION ALL
           SELECT committee_code || ': ' || array_to_string(sectors, ', ') FROM committee_sectors
           WHERE NOT sectors <@ %(sectors)s
           ORDER BY 1""",
        {"sectors": list(GICS_SECTORS)},
    )


def impossible_prices(cur: Cursor[Any]) -> list[str]:
    """Prices that are not positive, or a second one for a ticker and day."""
    return _lines(
        cur,
        """SELECT format('%s on %s: %s prices, the lowest %s', ticker, day, count(*), min(adj_close))
           FROM market_prices GROUP BY ticker, day HAVING count(*) > 1 OR min(adj_close) <= 0 ORDER BY 1""",
    )


def prices_without_session(cur: Cursor[Any]) -> list[str]:
    """Days with prices on which the exchange was closed."""
    cur.execute("SELECT min(day), max(day) FROM market_prices")
    first, last = cur.fetchone() or (None, None)
    if first is None or last is None:
        return []
    return _lines(
        cur,
        """SELECT day || ': ' || count(*) || ' prices' FROM market_prices
           WHERE day >= %(first)s AND day <> ALL (%(sessions)s) GROUP BY day ORDER BY day""",
        {"first": FIRST_KNOWN_DAY, "sessions": list(trading_days(first, last))},
    )


def price_numbers(cur: Cursor[Any]) -> Mapping[str, int | str]:
    """Tickers, and the first and last day."""
    cur.execute("SELECT count(DISTINCT ticker), min(day), max(day) FROM market_prices")
    tickers, first, last = cur.fetchone() or (0, None, None)
    return {"tickers": tickers} | ({"first_day": str(first), "last_day": str(last)} if first else {})


def _number(cur: Cursor[Any], query: str | sql.Composed) -> int:
    row = cur.execute(query).fetchone()
    return int(row[0]) if row else 0


def _lines(cur: Cursor[Any], query: str, parameters: Mapping[str, Any] | Sequence[Any] = ()) -> list[str]:
    """The first lines of an answer; `query` has one text column and an order."""
    cur.execute(query, parameters or None)  # without parameters a % in the query stands for itself
    return [line for (line,) in cur.fetchmany(SHOWN)]
