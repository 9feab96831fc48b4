"""Committees (JSON), who sat on them when (CSV of spells), and their sectors (CSV)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from llm_pipeline.reference.codes import committee_code
from llm_pipeline.reference.readers.rows import (
    JSON_PATTERNS,
    Cells,
    Reading,
    columns_of,
    day_of,
    matching_documents,
    read_csv,
    read_json_entries,
    shown,
    text_of,
)
from llm_pipeline.reference.readers.sectors import sectors_of
from llm_pipeline.reference.records import Committee, CommitteeSpell

_CHAMBERS: dict[str, Literal["Senate", "House", "Joint"]] = {"senate": "Senate", "house": "House", "joint": "Joint"}


def read_committees(location: str | Path) -> Reading[Committee]:
    """The JSON files of a location: a flat list with `code` and `parent`, or committees-current.json of the
    unitedstates project, where subcommittees are nested. Empty where there is no JSON file.

    Raises:
        SourceError: nothing is there at all, or a file is no JSON list.
    """
    return read_json_entries(matching_documents(location, JSON_PATTERNS), _committees)


def _committees(entry: Any) -> list[Committee]:
    kind = entry.get("chamber") or entry["type"]
    if kind not in _CHAMBERS:
        raise ValueError(f"chamber {shown(kind)} is none of {', '.join(_CHAMBERS)}")
    chamber = _CHAMBERS[kind]
    code = committee_code(str(entry.get("code") or entry["thomas_id"]))
    parent = committee_code(entry["parent"]) if entry.get("parent") else None
    main = Committee(code, chamber, str(entry["name"]), parent, entry.get("jurisdiction"))
    below = [
        Committee(code + str(sub["thomas_id"]), chamber, str(sub["name"]), code, None)
        for sub in entry.get("subcommittees") or ()
    ]
    return [main, *below]


def read_committee_spells(location: str | Path) -> Reading[CommitteeSpell]:
    """The CSV files of a location: bioguide, committee_code, title, first_snapshot, absent_from_snapshot (empty: still
    held). A seat that is listed twice from the same day is a problem.

    Raises:
        SourceError: nothing is there, or a column is missing.
    """
    return read_csv(
        location,
        columns_of("bioguide", "committee_code", "first_snapshot", "absent_from_snapshot")(_spell),
        key=lambda spell: (spell.bioguide, spell.committee_code, spell.start),
    )


def _spell(cells: Cells) -> CommitteeSpell:
    start = day_of(cells["first_snapshot"], "first_snapshot")
    last = cells["absent_from_snapshot"].strip()
    end = day_of(last, "absent_from_snapshot") if last else None
    if end is not None and end <= start:
        raise ValueError(f"absent_from_snapshot {end} is not after first_snapshot {start}")
    return CommitteeSpell(
        bioguide=text_of(cells, "bioguide").upper(),
        committee_code=committee_code(text_of(cells, "committee_code")),
        start=start,
        end=end,
        title=cells.get("title", "").strip() or None,
    )


def read_committee_sectors(location: str | Path) -> Reading[tuple[str, tuple[str, ...]]]:
    """(committee code, its sectors) from CSV files with committee_code and gics_sectors_hand_assigned, a
    semicolon between sectors; a committee without sectors has an empty tuple.

    Raises:
        SourceError: nothing is there, or a column is missing.
    """

    def make(cells: Cells) -> tuple[str, tuple[str, ...]]:
        return committee_code(text_of(cells, "committee_code")), sectors_of(cells["gics_sectors_hand_assigned"])

    return read_csv(
        location, columns_of("committee_code", "gics_sectors_hand_assigned")(make), key=lambda pair: pair[0]
    )
