"""What a load reports: counts that add up, failures by name, roots."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True)
class Failure:
    """A filing that could not be stored: which, where it stood, why."""

    source_document_id: str
    position: str
    error: str


@dataclass
class DayCounts:
    """What one disclosure date got: filings of the source, their rows, and how many were new or changed."""

    filings: int = 0
    rows: int = 0
    rows_new: int = 0
    rows_changed: int = 0


@dataclass(frozen=True)
class IngestReport:
    """The result of a load over [start, end).

    filings_seen = parsed + empty + superseded + failed (of this window; filings of other days are
    `filings_outside`, identical copies of a filing `filings_duplicate`). rows_in_source = rows_new +
    rows_changed + rows_unchanged + rows_failed. `filings_superseded` counts filings seen that an amendment
    has replaced."""

    source: str
    location: str
    start: date
    end: date
    filings_seen: int
    filings_parsed: int
    filings_empty: int
    filings_failed: int
    filings_superseded: int
    filings_outside: int
    filings_duplicate: int
    rows_in_source: int
    rows_new: int
    rows_changed: int
    rows_unchanged: int
    rows_failed: int
    rows_withdrawn: int
    rows_superseded: int
    days: dict[date, DayCounts] = field(default_factory=dict)
    failures: tuple[Failure, ...] = ()
    conflicts: tuple[Failure, ...] = ()
    merkle_roots: dict[date, str] = field(default_factory=dict)
    not_in_source: tuple[str, ...] = ()

    @property
    def changed_anything(self) -> bool:
        """Whether this load wrote a row of a disclosure."""
        return bool(self.rows_new or self.rows_changed or self.rows_withdrawn or self.rows_superseded)
