"""Which filing an amendment replaces. Pure: decides from titles, dates and shared rows, changes nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

_AMENDMENT = re.compile(r"\s*\(Amendment\s+(\d+)\)\s*$", re.IGNORECASE)

Signature = tuple[str | None, ...]


def split_title(title: str | None) -> tuple[str | None, int]:
    """(base title, amendment number) of a report's title; 0 is an original. eFD: "... for 11/18/2019
    (Amendment 1)"."""
    if not title:
        return None, 0
    found = _AMENDMENT.search(title)
    return (title[: found.start()], int(found.group(1))) if found else (title, 0)


@dataclass(frozen=True)
class Version:
    """One of the filings that share filer and base title. `rows` are signatures of its transactions."""

    document_id: str
    amendment: int
    disclosed: date
    rows: tuple[Signature, ...] = ()


@dataclass(frozen=True)
class Replacement:
    """`old` is superseded by `new`; `reason` goes into the notes and the provenance chain."""

    old: str
    new: str
    reason: str


def _shared(one: Version, other: Version) -> int:
    return len(set(one.rows) & set(other.rows))


def _original_of(amendment: Version, originals: Sequence[Version]) -> Version | None:
    """The original that an amendment restates.

    A senator may file two reports on one day under one title (it happens); then the one that shares most
    rows with the amendment is meant, and where that does not decide, none is: superseding the wrong one
    would hide trades."""
    earlier = [v for v in originals if v.disclosed <= amendment.disclosed]
    if len(earlier) <= 1:
        return earlier[0] if earlier else None
    counts = sorted(((_shared(v, amendment), v.document_id) for v in earlier), reverse=True)
    if counts[0][0] == counts[1][0]:
        return None
    return next(v for v in earlier if v.document_id == counts[0][1])


def plan_replacements(groups: Mapping[tuple[str, str], Sequence[Version]]) -> list[Replacement]:
    """What supersedes what, for groups of filings of one filer under one base title.

    Each amendment replaces the amendment before it, the first one the original.
    """
    plan: list[Replacement] = []
    for versions in groups.values():
        originals = [v for v in versions if v.amendment == 0]
        amendments = sorted((v for v in versions if v.amendment), key=lambda v: (v.amendment, v.disclosed))
        previous: Version | None = None
        for amendment in amendments:
            old = previous if previous else _original_of(amendment, originals)
            if old is not None:
                reason = f"superseded by amendment {amendment.amendment} ({amendment.document_id})"
                plan.append(Replacement(old.document_id, amendment.document_id, reason))
            previous = amendment
    return sorted(plan, key=lambda r: (r.old, r.new))
