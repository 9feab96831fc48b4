"""Which source a configured location belongs to; pure.

A setting such as `HOUSE_DISCLOSURES_SOURCE` names one or more locations, separated by commas. Each may say
its source (`house_ptr=reports.jsonl`); otherwise the name of the file decides."""

from __future__ import annotations

from dataclasses import dataclass

SENATE = "senate_efd"
HOUSE_STOCK_WATCHER = "house_stock_watcher"
HOUSE_PTR = "house_ptr"
SOURCES_OF: dict[str, tuple[str, ...]] = {"senate": (SENATE,), "house": (HOUSE_STOCK_WATCHER, HOUSE_PTR)}


@dataclass(frozen=True)
class SourceLocation:
    """Where to read a source: files, folders, globs or URLs of its format, separated by commas."""

    source: str
    location: str


def _guess(chamber: str, location: str) -> str:
    if chamber == "senate":
        return SENATE
    name = location.split("?")[0].lower().removesuffix(".gz")
    return HOUSE_STOCK_WATCHER if name.endswith(".csv") else HOUSE_PTR


def source_locations(chamber: str, setting: str | None) -> list[SourceLocation]:
    """The sources that a setting names for a chamber (`senate` or `house`), each with all its locations.

    One load reads all places of a source: filings that stand in another of them are then not missed.

    Raises:
        ValueError: a location names a source that this chamber does not have.
    """
    found: dict[str, list[str]] = {}
    for part in filter(None, (text.strip() for text in (setting or "").split(","))):
        named, separator, rest = part.partition("=")
        if separator and named.isidentifier():
            if named not in SOURCES_OF[chamber]:
                raise ValueError(f"{named!r} is no {chamber} source: use {' or '.join(SOURCES_OF[chamber])}")
            found.setdefault(named, []).append(rest.strip())
        else:
            found.setdefault(_guess(chamber, part), []).append(part)
    return [SourceLocation(source, ",".join(places)) for source, places in found.items()]
