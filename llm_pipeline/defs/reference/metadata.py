"""A refresh's numbers as Dagster shows them, and the columns of the tables."""

from __future__ import annotations

from typing import Any

import dagster as dg

from llm_pipeline.reference.refresh import Refresh


def _schema(*columns: tuple[str, str, str]) -> dg.TableSchema:
    return dg.TableSchema([dg.TableColumn(name, kind, description=what) for name, kind, what in columns])


LEGISLATORS = _schema(
    ("bioguide", "text", "id in the Biographical Directory of Congress"),
    ("first_name", "text", "as published"),
    ("last_name", "text", "as published"),
    ("full_name", "text", "official name"),
    ("other_names", "text[]", "nicknames, middle names, former names"),
)
COMMITTEE_ASSIGNMENTS = _schema(
    ("bioguide", "text", "who"),
    ("committee_code", "text", "SSBK, or SSBK04 for a subcommittee"),
    ("start_day", "date", "first day on which the seat was held"),
    ("end_day", "date", "first day on which it was no longer held; NULL: still held"),
    ("title", "text", "Chairman, Ranking Member and so on"),
)
LEGISLATIVE_CALENDAR = _schema(
    ("event_id", "text", "the same for the same event, whatever file has it"),
    ("kind", "text", "hearing or floor_vote"),
    ("day", "date", "when"),
    ("title", "text", "as published"),
    ("committee_code", "text", "NULL for a floor vote"),
    ("bill", "text", "as the source writes it"),
    ("sectors", "text[]", "GICS sectors it concerns"),
    ("source", "text", "where it can be looked up"),
    ("known_from", "date", "since when the public could know; NULL: the day itself"),
)
TICKER_SECTORS = _schema(
    ("ticker", "text", "as the source spells it"),
    ("name", "text", "the company"),
    ("sector", "text", "GICS sector; NULL: known to be unknown"),
    ("quality", "text", "how surely it is known"),
)
MARKET_PRICES = _schema(
    ("ticker", "text", "share class after a hyphen"),
    ("day", "date", "trading day"),
    ("adj_close", "numeric", "US dollars, adjusted for splits and dividends"),
)


def refresh_metadata(refresh: Refresh, setting: str) -> dict[str, Any]:
    """Counts as numbers, and in words whether anything was there to do."""
    changes = refresh.changes
    return {
        "status": _headline(refresh, setting),
        "dagster/row_count": refresh.stored,
        "rows_new": changes.new,
        "rows_changed": changes.changed,
        "rows_unchanged": changes.unchanged,
        "rows_ended": changes.ended,
        **refresh.numbers,
        "sources": list(refresh.sources),
    }


def _headline(refresh: Refresh, setting: str) -> str:
    if not refresh.sources:
        return f"no source configured: set {setting}, or give a location in the launchpad"
    unread = len(refresh.findings["every_row_read"])
    if unread:
        return f"{unread} rows could not be read, the others are stored"
    return "stored" if refresh.changes.anything else "nothing new"
