"""Which of the filings read belong to a load: duplicates, conflicts, filings of other days, filings of no
day.

Pure: keeps accounts, touches no database.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

from llm_pipeline.disclosures.filing import Filing
from llm_pipeline.disclosures.readers import Reader
from llm_pipeline.disclosures.report import Failure


class Intake:
    """The door of one load over [start, end). `expected` are documents the ledger already has for that
    window."""

    def __init__(self, reader: Reader, start: date, end: date, *, now: datetime, expected: set[str]) -> None:
        self._reader, self._start, self._end, self._now = reader, start, end, now
        self._expected = expected
        self.seen: dict[str, str] = {}
        self.read_well: set[str] = set()
        self.conflicts: list[Failure] = []
        self.outside = 0
        self.duplicate = 0

    def covers(self, day: date | None) -> bool:
        """Whether a day lies in the window."""
        return day is not None and self._start <= day < self._end

    def admit(self, filing: Filing) -> Filing | None:
        """The filing if the load must deal with it, with `error` set where it cannot be stored; else None."""
        document = filing.source_document_id
        first = self.seen.get(document)
        if first == filing.content_sha256:
            self.duplicate += 1
            return None
        if first is not None:
            error = filing.error or f"another copy of {document} with other content; the first one is used"
            self.conflicts.append(Failure(document, filing.position, error))
            return replace(filing, source_document_id=filing.position, error=error)
        if filing.error is not None:
            return filing
        self.seen[document] = filing.content_sha256
        self.read_well |= {filing.position, f"{filing.position.rpartition('#')[0]}#0"}
        problem = self._date_problem(filing)
        if problem:
            return replace(filing, error=problem)
        # A filing that the ledger has in the window, but whose date moved out of it, is dealt with as well.
        if not self.covers(filing.disclosure_date) and document not in self._expected:
            self.outside += 1
            return None
        return filing

    def _date_problem(self, filing: Filing) -> str | None:
        """Why a filing belongs to no day at all, or None."""
        day, text = filing.disclosure_date, filing.disclosure_date_text
        if day is None:
            return f"disclosure date {text!r} is not a date; its {len(filing.rows)} rows are not stored"
        if day < self._reader.earliest:
            return f"disclosure date {day} is before {self._reader.earliest}, when the source began"
        if day > self._now.date():
            return f"disclosure date {day} lies in the future"
        return None
