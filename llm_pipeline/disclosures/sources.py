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
    """A place to read (file, folder, glob or URL) and the source whose format it has."""

    source: str
    location: str


def _guess(chamber: str, location: str) -> str:
    if chamber == "senate":
        return SENATE
    name = location.split("?")[0].lower().removesuffix(".gz")
    return HOUSE_STOCK_WATCHER if name.endswith(".csv") else HOUSE_PTR


def source_locations(chamber: str, setting: str | None) -> list[SourceLocation]:
    """The locations of a setting for a chamber (`senate` or `house`); none for an empty setting.

    Raises:
        ValueError: a location names a source that this chamber does not have.
    """
    found = []
    for part in filter(None, (text.strip() for text in (setting or "").split(","))):
        named, separator, rest = part.partition("=")
        if separator and named.isidentifier():
            if named not in SOURCES_OF[chamber]:
                raise ValueError(f"{named!r} is no {chamber} source: use {' or '.join(SOURCES_OF[chamber])}")
            found.append(SourceLocation(named, rest.strip()))
        else:
            found.append(SourceLocation(_guess(chamber, part), part))
    return found
