"""What a load reports: counts that add up, failures by name, roots."""

from __future__ import annotations

from collections.abc import Mapping
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


@dataclass
class RowCounts:
    """in_source = new + changed + unchanged + failed. Withdrawn: stored earlier, gone from their filing now.

    Superseded: rows that an amendment replaced in this load.
    """

    in_source: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    failed: int = 0
    withdrawn: int = 0
    superseded: int = 0


@dataclass(frozen=True)
class IngestReport:
    """The result of a load over [start, end).

    `states` has the ledger state of every filing dealt with, by document id; filings of other days are only
    counted (`filings_outside`), as are identical copies (`filings_duplicate`). `merkle_roots` are the roots
    newly written. `not_in_source` are documents the ledger has for the window and this reading did not
    meet; they are kept."""

    source: str
    location: str
    start: date
    end: date
    states: Mapping[str, str]
    filings_outside: int
    filings_duplicate: int
    rows: RowCounts
    days: Mapping[date, DayCounts] = field(default_factory=dict)
    failures: tuple[Failure, ...] = ()
    conflicts: tuple[Failure, ...] = ()
    merkle_roots: Mapping[date, str] = field(default_factory=dict)
    not_in_source: tuple[str, ...] = ()

    def _count(self, state: str) -> int:
        return sum(1 for found in self.states.values() if found == state)

    @property
    def filings_seen(self) -> int:
        """Filings of the window (and those of no day at all) = parsed + empty + failed + superseded."""
        return len(self.states)

    @property
    def filings_parsed(self) -> int:
        """Filings with rows, in force."""
        return self._count("parsed")

    @property
    def filings_empty(self) -> int:
        """Filings without rows, for example scans."""
        return self._count("empty")

    @property
    def filings_failed(self) -> int:
        """Filings that could not be stored; each is in `failures` and on the ledger."""
        return self._count("failed")

    @property
    def filings_superseded(self) -> int:
        """Filings seen that an amendment has replaced."""
        return self._count("superseded")

    @property
    def changed_anything(self) -> bool:
        """Whether this load wrote a row of a disclosure."""
        return bool(self.rows.new or self.rows.changed or self.rows.withdrawn or self.rows.superseded)
