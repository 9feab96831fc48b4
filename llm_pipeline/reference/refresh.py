"""Bringing the stored reference data up to its sources: read, store what differs, look at what is stored then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg import Connection, Cursor
from pydantic import SecretStr

from llm_pipeline.reference import audit
from llm_pipeline.reference.merge import Changes
from llm_pipeline.reference.readers.calendar import read_calendar
from llm_pipeline.reference.readers.committee_meetings import MeetingsApi, is_meetings_address
from llm_pipeline.reference.readers.committees import read_committee_sectors, read_committee_spells, read_committees
from llm_pipeline.reference.readers.legislators import read_legislators
from llm_pipeline.reference.readers.prices import read_prices
from llm_pipeline.reference.readers.tickers import (
    read_earlier_ticker_sectors,
    read_ticker_changes,
    read_ticker_sectors,
)
from llm_pipeline.reference.records import CalendarEvent
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

EVERY_ROW_READ = "every_row_read"
NOT_EMPTY = "not_empty"


@dataclass(frozen=True)
class Refresh:
    """What a refresh came to. `findings`: what is wrong, by check; an empty list is a check that passed.

    `sources` is empty where none was configured: then nothing was read or written, and only looked at.
    """

    sources: tuple[str, ...]
    stored: int
    changes: Changes = field(default_factory=Changes)
    findings: Mapping[str, Sequence[str]] = field(default_factory=dict)
    numbers: Mapping[str, int | str] = field(default_factory=dict)


def refresh_legislators(conn: Connection[Any], location: str | None, *, now: datetime) -> Refresh:
    """`legislators` and `legislator_terms`.

    Raises:
        SourceError: the source cannot be read as a whole; nothing is written then. So for all of these functions.
    """
    changes = Changes()
    problems: list[str] = []
    with conn.transaction(), conn.cursor() as cur:
        if location:
            reading = read_legislators(location)
            changes, problems = store_legislators(cur, reading.rows, now), reading.problems
        return _looked_at(
            cur,
            "legislators",
            (location,),
            changes,
            problems,
            {"every_legislator_has_a_term": audit.legislators_without_term(cur)},
            {"terms": audit.count(cur, "legislator_terms")},
        )


def refresh_committee_assignments(
    conn: Connection[Any], location: str | None, sectors_location: str | None, *, now: datetime
) -> Refresh:
    """`committee_assignments`, `committees` (from the JSON files of the same location) and `committee_sectors`."""
    changes = Changes()
    problems: list[str] = []
    with conn.transaction(), conn.cursor() as cur:
        if location:
            spells, committees = read_committee_spells(location), read_committees(location)
            changes += store_committee_spells(cur, spells.rows, now, complete=not spells.problems)
            changes += store_committees(cur, committees.rows, now)
            problems += spells.problems + committees.problems
        if sectors_location:
            sectors = read_committee_sectors(sectors_location)
            changes += store_committee_sectors(cur, dict(sectors.rows), now)
            problems += sectors.problems
        return _looked_at(
            cur,
            "committee_assignments",
            (location, sectors_location),
            changes,
            problems,
            {
                "no_overlapping_spells": audit.overlapping_spells(cur),
                "members_are_legislators": audit.unknown_members(cur),
            },
            {
                "seats_held": audit.open_seats(cur),
                "committees": audit.count(cur, "committees"),
                "committees_with_sectors": audit.count(cur, "committee_sectors"),
            },
        )


def refresh_calendar(
    conn: Connection[Any],
    location: str | None,
    *,
    api_key: SecretStr | None,
    now: datetime,
    updated_since: datetime | None = None,
) -> Refresh:
    """`legislative_calendar`, from files and from addresses of api.congress.gov's committee meetings.

    The connection is in autocommit mode, so that nothing is locked while the API is asked.

    updated_since: of the API only what was updated since. Events without tags get the sectors of their committee as
    stored, so load `committee_assignments` first.
    """
    events: list[CalendarEvent] = []
    problems: list[str] = []
    places = [part.strip() for part in (location or "").split(",") if part.strip()]
    files = ",".join(place for place in places if not is_meetings_address(place))
    with conn.cursor() as cur:
        cur.execute("SELECT committee_code, sectors FROM committee_sectors")
        sectors = {code: tuple(named) for code, named in cur}
    # Read before the transaction: the API may let us wait for minutes.
    meetings = [MeetingsApi(place, api_key) for place in places if is_meetings_address(place)]
    readings = [api.read(sectors, updated_since) for api in meetings]
    if files:
        readings.append(read_calendar(files, sectors))
    for reading in readings:
        events += reading.rows
        problems += reading.problems
    with conn.transaction(), conn.cursor() as cur:
        changes = store_calendar(cur, {event.event_id: event for event in events}.values(), now)
        return _looked_at(
            cur,
            "legislative_calendar",
            places,
            changes,
            problems,
            {"events_have_ids_and_dates": audit.implausible_events(cur, now.date())},
            audit.calendar_numbers(cur),
        )


def refresh_ticker_sectors(
    conn: Connection[Any],
    location: str | None,
    changes_location: str | None,
    earlier_location: str | None,
    *,
    now: datetime,
) -> Refresh:
    """`ticker_sectors`, `ticker_changes` and `earlier_ticker_sectors`."""
    changes = Changes()
    problems: list[str] = []
    with conn.transaction(), conn.cursor() as cur:
        if location:
            sectors = read_ticker_sectors(location)
            changes, problems = changes + store_ticker_sectors(cur, sectors.rows, now), problems + sectors.problems
        if changes_location:
            renamed = read_ticker_changes(changes_location)
            changes, problems = changes + store_ticker_changes(cur, renamed.rows, now), problems + renamed.problems
        if earlier_location:
            earlier = read_earlier_ticker_sectors(earlier_location)
            changes += store_earlier_ticker_sectors(cur, earlier.rows, now)
            problems += earlier.problems
        return _looked_at(
            cur,
            "ticker_sectors",
            (location, changes_location, earlier_location),
            changes,
            problems,
            {"sectors_are_gics": audit.unknown_sectors(cur)},
            {
                "tickers_with_sector": audit.tickers_with_sector(cur),
                "ticker_changes": audit.count(cur, "ticker_changes"),
                "earlier_ticker_sectors": audit.count(cur, "earlier_ticker_sectors"),
            },
        )


def refresh_prices(conn: Connection[Any], location: str | None) -> Refresh:
    """`market_prices`."""
    changes = Changes()
    problems: list[str] = []
    with conn.transaction(), conn.cursor() as cur:
        if location:
            reading = read_prices(location)
            changes, problems = store_prices(cur, reading.rows), reading.problems
        return _looked_at(
            cur,
            "market_prices",
            (location,),
            changes,
            problems,
            {
                "prices_positive_one_a_day": audit.impossible_prices(cur),
                "prices_on_trading_days": audit.prices_without_session(cur),
            },
            audit.price_numbers(cur),
        )


def _looked_at(
    cur: Cursor[Any],
    table: str,
    locations: Sequence[str | None],
    changes: Changes,
    problems: list[str],
    findings: Mapping[str, Sequence[str]],
    numbers: Mapping[str, int | str],
) -> Refresh:
    stored = audit.count(cur, table)
    empty = [] if stored else [f"{table} has no rows"]
    return Refresh(
        sources=tuple(location for location in locations if location),
        stored=stored,
        changes=changes,
        findings={NOT_EMPTY: empty, EVERY_ROW_READ: problems, **findings},
        numbers=numbers,
    )
