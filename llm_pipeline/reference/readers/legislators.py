"""Legislators, as the unitedstates project publishes them (congress-legislators, legislators-*.json).

Also the compact form with `bioguide` and `ids` beside `name` and `terms`. The project's YAML says the same as its
JSON and is not read.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from llm_pipeline.reference.readers.rows import (
    JSON_PATTERNS,
    Reading,
    SourceError,
    day_of,
    matching_documents,
    read_json_entries,
    shown,
)
from llm_pipeline.reference.records import Chamber, Legislator, Term

_CHAMBERS: dict[str, Chamber] = {"sen": "Senate", "rep": "House"}


def read_legislators(location: str | Path) -> Reading[Legislator]:
    """Everybody in the files of a location; somebody in two files (current and historical) is a problem.

    Raises:
        SourceError: nothing is there, or a file is no JSON list.
    """
    documents = matching_documents(location, JSON_PATTERNS)
    if not documents:
        raise SourceError(f"{location} names no JSON file; take legislators-current.json, not the YAML")
    seen: set[str] = set()

    def make(entry: Any) -> list[Legislator]:
        legislator = _legislator(entry)
        if legislator.bioguide in seen:
            raise ValueError(f"{legislator.bioguide} came before")
        seen.add(legislator.bioguide)
        return [legislator]

    return read_json_entries(documents, make)


def _legislator(entry: Any) -> Legislator:
    bioguide = str(entry.get("bioguide") or entry["id"]["bioguide"]).strip().upper()
    if not bioguide:
        raise ValueError("bioguide is empty")
    name = entry["name"]
    first, last = str(name["first"]).strip(), str(name["last"]).strip()
    full = name.get("official_full") or " ".join(filter(None, (first, name.get("middle"), last)))
    others = [" ".join(filter(None, (first, name.get("middle"), last)))]
    others += [f"{given} {last}" for given in (first, name.get("nickname"), name.get("middle")) if given]
    for other in entry.get("other_names") or ():
        others.append(f"{other.get('first') or first} {other.get('last') or last}")
    terms = tuple(sorted((_term(bioguide, term) for term in entry["terms"]), key=lambda term: term.start))
    return Legislator(bioguide, first, last, full, tuple(dict.fromkeys(o for o in others if o != full)), terms)


def _term(bioguide: str, term: Any) -> Term:
    if term["type"] not in _CHAMBERS:
        raise ValueError(f"{bioguide}: type {shown(term['type'])} is neither sen nor rep")
    start = day_of(str(term["start"]), f"{bioguide}: start")
    end = day_of(str(term["end"]), f"{bioguide}: end")
    if end < start:
        raise ValueError(f"{bioguide}: a term ends on {end}, before it starts on {start}")
    district = term.get("district")
    return Term(
        chamber=_CHAMBERS[term["type"]],
        start=start,
        end=end,
        state=str(term["state"]),
        district=None if district is None else str(district),
        party=term.get("party"),
    )
