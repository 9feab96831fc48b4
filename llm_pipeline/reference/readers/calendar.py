"""Hearings and floor votes: three CSV formats, told apart by their columns, and api.congress.gov's committee meetings.

A published volume of hearings can span days, so a hearing's id is its package and day; a roll call's id is chamber,
congress and number. Both are the same in every file that has the event.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from llm_pipeline.disclosures.readers.location import SourceDocument
from llm_pipeline.reference.codes import committee_code
from llm_pipeline.reference.readers.rows import (
    Cells,
    Maker,
    Reading,
    day_of,
    read_csv,
    require_columns,
    shown,
    text_of,
)
from llm_pipeline.reference.readers.sectors import sectors_of
from llm_pipeline.reference.records import CalendarEvent
from llm_pipeline.reference.title_sectors import event_sectors

CALENDAR_COLUMNS = ("date", "event_type", "event_id", "committee_code", "bill_number", "title")
HEARING_COLUMNS = ("date", "committee_code", "govinfo_package", "title")
ROLL_CALL_COLUMNS = ("congress", "chamber", "rollnumber", "date", "bill_number", "vote_question", "vote_desc")
TAG_COLUMN = "sector_tags_derived"

_PACKAGE = re.compile(r"CHRG-\w+")
_ROLL_CALL = re.compile(r"RH(\d+)([SH])(\d+)")
_CHAMBER_LETTERS = {"Senate": "S", "House": "H"}


def read_calendar(
    location: str | Path, committee_sectors: Mapping[str, tuple[str, ...]] | None = None
) -> Reading[CalendarEvent]:
    """The events of the CSV files at a location: a calendar (event_type hearing or floor_vote, the column
    sector_tags_derived where there is one), a list of hearings, or Voteview's roll calls (S116_rollcalls.csv).

    A file's tags are its word on sectors, an empty cell included. Without the column they come from the title, or
    else from the committee by `committee_sectors`.

    Raises:
        SourceError: nothing is there, or a file has none of the three sets of columns.
    """
    known = committee_sectors or {}

    def choose(document: SourceDocument, header: list[str]) -> Maker[CalendarEvent]:
        if "rollnumber" in header:
            require_columns(document, header, ROLL_CALL_COLUMNS)
            return _roll_call
        if "govinfo_package" in header:
            require_columns(document, header, HEARING_COLUMNS)
            return lambda cells: _hearing(cells, known)
        require_columns(document, header, CALENDAR_COLUMNS)
        return lambda cells: _calendar_event(cells, known)

    return read_csv(location, choose, key=lambda event: event.event_id)


def _calendar_event(cells: Cells, known: Mapping[str, tuple[str, ...]]) -> CalendarEvent:
    kind, published = cells["event_type"].strip(), text_of(cells, "event_id")
    if kind not in ("hearing", "floor_vote"):
        raise ValueError(f"event_type {shown(kind)} is neither hearing nor floor_vote")
    code, title, day = cells["committee_code"].strip(), text_of(cells, "title"), day_of(cells["date"], "date")
    codes = (committee_code(code),) if code else ()
    tags = cells.get(TAG_COLUMN)
    return CalendarEvent(
        event_id=f"{published}@{day}" if _PACKAGE.fullmatch(published) else published,
        kind="hearing" if kind == "hearing" else "floor_vote",
        day=day,
        title=title,
        committee_code=codes[0] if codes else None,
        bill=cells["bill_number"].strip() or None,
        sectors=event_sectors(title, codes, known) if tags is None else sectors_of(tags),
        source=_address(published),
    )


def _hearing(cells: Cells, known: Mapping[str, tuple[str, ...]]) -> CalendarEvent:
    package, title, day = text_of(cells, "govinfo_package"), text_of(cells, "title"), day_of(cells["date"], "date")
    code = committee_code(text_of(cells, "committee_code"))
    sectors = event_sectors(title, (code,), known)
    return CalendarEvent(f"{package}@{day}", "hearing", day, title, code, None, sectors, _address(package))


def _roll_call(cells: Cells) -> CalendarEvent:
    chamber = cells["chamber"].strip()
    if chamber not in _CHAMBER_LETTERS:
        raise ValueError(f"chamber {shown(chamber)} is neither Senate nor House")
    congress, number = int(cells["congress"]), int(cells["rollnumber"])
    parts = [cells["vote_question"], cells["vote_desc"] or cells.get("dtl_desc", ""), cells.get("vote_result", "")]
    title = " | ".join(part.strip() for part in parts if part.strip())
    if not title:
        raise ValueError("neither vote_question nor vote_desc says what the vote was about")
    identifier = f"RH{congress}{_CHAMBER_LETTERS[chamber]}{number:04d}"
    return CalendarEvent(
        event_id=identifier,
        kind="floor_vote",
        day=day_of(cells["date"], "date"),
        title=title,
        committee_code=None,
        bill=cells["bill_number"].strip() or None,
        sectors=event_sectors(title, (), {}),
        source=_address(identifier),
    )


def _address(published: str) -> str:
    """Where a published id can be looked up; an id of another kind stands for itself."""
    if _PACKAGE.fullmatch(published):
        return f"https://www.govinfo.gov/app/details/{published}"
    if found := _ROLL_CALL.fullmatch(published):
        congress, chamber, number = found.groups()
        return f"https://voteview.com/rollcall/R{chamber}{congress}{number}"
    return published
