"""The assets of the group `reference`: what is known about Congress, its calendar, sectors and prices."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from psycopg import Connection

from llm_pipeline.defs.reference import metadata
from llm_pipeline.defs.reference.checks import check_specs, refresh_checks
from llm_pipeline.defs.resources import PostgresResource
from llm_pipeline.reference.readers import SourceError
from llm_pipeline.reference.refresh import (
    Refresh,
    refresh_calendar,
    refresh_committee_assignments,
    refresh_legislators,
    refresh_prices,
    refresh_ticker_sectors,
)
from llm_pipeline.settings import load_settings


class SourceConfig(dg.Config):
    """What a run may be given in the launchpad."""

    location: str = ""  # file, folder, glob or URL, several with commas; empty: the setting <ASSET>_SOURCE


class CalendarConfig(SourceConfig):
    """What a run of the calendar may be given."""

    updated_since: str = ""  # ISO time; of api.congress.gov only meetings updated since; empty: all


def _common(name: str, columns: dg.TableSchema, *checks: str) -> dict[str, Any]:
    return {
        "name": name,
        "group_name": "reference",
        "kinds": {"postgres", "python"},
        "owners": ["team:data-engineering"],
        "tags": {"domain": "reference"},
        "check_specs": check_specs(name, *checks),
        "metadata": {"dagster/table_name": f"public.{name}", "dagster/column_schema": columns},
    }


def _refreshed(
    name: str, postgres: PostgresResource, refresh: Callable[[Connection[Any]], Refresh]
) -> dg.MaterializeResult:
    try:
        with postgres.connect() as conn:
            conn.autocommit = True
            result = refresh(conn)
    except SourceError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
    return dg.MaterializeResult(
        metadata=metadata.refresh_metadata(result, setting=f"{name.upper()}_SOURCE"),
        check_results=refresh_checks(name, result),
    )


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise dg.Failure(description=f"updated_since: {error}", allow_retries=False) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@dg.asset(**_common("legislators", metadata.LEGISLATORS, "every_legislator_has_a_term"))
def legislators(config: SourceConfig, postgres: PostgresResource) -> dg.MaterializeResult:
    """Members of Congress with their names and terms, by bioguide id.

    From the JSON of unitedstates/congress-legislators at `LEGISLATORS_SOURCE`. Load it again when somebody takes or
    leaves office; about 1 s, an unchanged source changes nothing.
    """
    location = config.location or load_settings().legislators_source
    return _refreshed("legislators", postgres, lambda conn: refresh_legislators(conn, location, now=datetime.now(UTC)))


@dg.asset(
    **_common(
        "committee_assignments",
        metadata.COMMITTEE_ASSIGNMENTS,
        "no_overlapping_spells",
        "members_are_legislators",
    ),
    deps=["legislators"],
)
def committee_assignments(config: SourceConfig, postgres: PostgresResource) -> dg.MaterializeResult:
    """Who sat on which committee from when to when, the committees' names, and the sectors their work concerns.

    From a CSV of spells and a JSON of committees at `COMMITTEE_ASSIGNMENTS_SOURCE`, and a CSV at
    `COMMITTEE_SECTORS_SOURCE`. What the source says of a seat replaces what is stored of it; a seat that one of its
    committees no longer has ends on the day of the load.
    """
    settings = load_settings()
    location = config.location or settings.committee_assignments_source
    return _refreshed(
        "committee_assignments",
        postgres,
        lambda conn: refresh_committee_assignments(
            conn, location, settings.committee_sectors_source, now=datetime.now(UTC)
        ),
    )


@dg.asset(
    **_common("legislative_calendar", metadata.LEGISLATIVE_CALENDAR, "events_have_ids_and_dates"),
    deps=["committee_assignments"],
)
def legislative_calendar(config: CalendarConfig, postgres: PostgresResource) -> dg.MaterializeResult:
    """Hearings and floor votes with stable ids and the sectors they concern.

    From CSV files (a calendar, published hearings, Voteview's roll calls) and addresses of api.congress.gov's
    committee meetings at `LEGISLATIVE_CALENDAR_SOURCE`. The API needs `CONGRESS_API_KEY` and one request a meeting, of
    5,000 an hour; `updated_since` in the launchpad keeps that small. Events that a source no longer has are kept.
    """
    settings = load_settings()
    location = config.location or settings.legislative_calendar_source
    since = _moment(config.updated_since) if config.updated_since else None
    return _refreshed(
        "legislative_calendar",
        postgres,
        lambda conn: refresh_calendar(
            conn, location, api_key=settings.congress_api_key, now=datetime.now(UTC), updated_since=since
        ),
    )


@dg.asset(**_common("ticker_sectors", metadata.TICKER_SECTORS, "sectors_are_gics"))
def ticker_sectors(config: SourceConfig, postgres: PostgresResource) -> dg.MaterializeResult:
    """The GICS sector of each ticker today and on earlier days, and which tickers became others or ended.

    From CSV files at `TICKER_SECTORS_SOURCE` and `TICKER_CHANGES_SOURCE`, and dated lists of constituents at
    `EARLIER_TICKER_SECTORS_SOURCE`, which go to the table `earlier_ticker_sectors`; about 1 s.
    """
    settings = load_settings()
    location = config.location or settings.ticker_sectors_source
    return _refreshed(
        "ticker_sectors",
        postgres,
        lambda conn: refresh_ticker_sectors(
            conn,
            location,
            settings.ticker_changes_source,
            settings.earlier_ticker_sectors_source,
            now=datetime.now(UTC),
        ),
    )


@dg.asset(
    **_common(
        "market_prices",
        metadata.MARKET_PRICES,
        "prices_positive_one_a_day",
        "prices_on_trading_days",
    )
)
def market_prices(config: SourceConfig, postgres: PostgresResource) -> dg.MaterializeResult:
    """Daily closes of tickers and of the benchmark SPY, adjusted for splits and dividends.

    From a CSV at `MARKET_PRICES_SOURCE`. 700,000 rows take about 10 s at first and 5 s when nothing changed; days that
    the source no longer has are kept.
    """
    location = config.location or load_settings().market_prices_source
    return _refreshed("market_prices", postgres, lambda conn: refresh_prices(conn, location))
