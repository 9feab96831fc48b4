"""One load in progress: takes filings chunk by chunk inside the caller's transaction and keeps the accounts.

Belongs here: what is new, changed, withdrawn, failed. The SQL is in `store` and `ledger`, the rules of
amendments in `amendments`, the pure making of records in `record`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from psycopg import Cursor

from llm_pipeline.disclosures import ledger, store
from llm_pipeline.disclosures.amendments import split_title
from llm_pipeline.disclosures.filing import Filing
from llm_pipeline.disclosures.identity import Person, identify
from llm_pipeline.disclosures.intake import Intake
from llm_pipeline.disclosures.ledger import WITHDRAWN, LedgerEntry
from llm_pipeline.disclosures.merkle import merkle_root
from llm_pipeline.disclosures.politicians import PoliticianDirectory
from llm_pipeline.disclosures.provenance import extend_chain
from llm_pipeline.disclosures.readers import Reader
from llm_pipeline.disclosures.record import DisclosureRecord, make_record
from llm_pipeline.disclosures.report import DayCounts, Failure, IngestReport, RowCounts
from llm_pipeline.disclosures.supersession import Mark, supersede_amended, supersede_rows

MadeFiling = tuple[Filing, Person, list[DisclosureRecord]]


class Load:
    """The state of one load of one source over [start, end)."""

    def __init__(
        self,
        cur: Cursor[Any],
        reader: Reader,
        start: date,
        end: date,
        *,
        now: datetime,
        run_id: str | None,
    ) -> None:
        self._cur, self._source, self._window = cur, reader.source, (start, end)
        self._now, self._run_id = now, run_id
        self.filings_read = self.rows_read = 0
        self._rows = RowCounts()
        self._states: dict[str, ledger.State] = {}
        self._days: dict[date, DayCounts] = {}
        self._failures: list[Failure] = []
        self._touched_days: set[date] = set()
        self._titles: set[tuple[str, str]] = set()
        self._amends: list[tuple[str, str]] = []
        # Two loads of one source at a time would both see a filing as new.
        cur.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"ingest {reader.source}",))
        self._directory = PoliticianDirectory(cur)
        self._expected = ledger.documents_between(cur, reader.source, start, end)
        self._intake = Intake(reader, start, end, now=now, expected=self._expected)

    def take(self, chunk: Sequence[Filing]) -> None:
        """Store a chunk of filings."""
        self.filings_read += len(chunk)
        self.rows_read += sum(len(filing.rows) for filing in chunk)
        wanted = [admitted for filing in chunk if (admitted := self._intake.admit(filing)) is not None]
        known = ledger.entries_of(self._cur, self._source, [f.source_document_id for f in wanted])
        entries = [self._fail(f, known.get(f.source_document_id)) for f in wanted if f.error is not None]
        good = [f for f in wanted if f.error is None]
        if good:
            entries += self._store(good, known)
        final = {entry.source_document_id: entry for entry in entries}  # a good copy outweighs a broken one
        self._states |= {entry.source_document_id: entry.state for entry in final.values()}
        changed = [entry for entry in final.values() if entry != known.get(entry.source_document_id)]
        if changed:
            ledger.write_entries(self._cur, changed, self._now)

    def _fail(self, filing: Filing, known: LedgerEntry | None) -> LedgerEntry:
        """The ledger entry of a filing that cannot be stored; rows of an earlier good reading stay."""
        self._failures.append(Failure(filing.source_document_id, filing.position, filing.error or ""))
        self._rows.in_source += len(filing.rows)
        self._rows.failed += len(filing.rows)
        day = filing.disclosure_date
        if day is None or not self._intake.covers(day) or (known and known.row_count):
            # It belongs to no day of this window; it stays where it was first seen, so that re-runs agree.
            day = known.partition_date if known else self._window[0]
        return LedgerEntry(
            source=filing.source,
            source_document_id=filing.source_document_id,
            partition_date=day,
            state="failed",
            row_count=known.row_count if known else 0,
            content_sha256=filing.content_sha256,
            error=filing.error,
            detail={"rows_in_source": len(filing.rows)},
        )

    def _store(self, filings: Sequence[Filing], known: dict[str, LedgerEntry]) -> list[LedgerEntry]:
        """Write the new and changed rows of filings with their chains; mark the vanished ones."""
        made = self._make(filings)
        stored = store.stored_rows(self._cur, self._source, [f.source_document_id for f in filings])
        by_place = {(row.source_document_id, row.row_ordinal): row for row in stored}
        wanted_ids = [row.id for row in stored] + [r.id for _, _, records in made for r in records]
        ends = store.chain_ends(self._cur, list(dict.fromkeys(wanted_ids)))
        writes: list[tuple[str, DisclosureRecord]] = []
        entries: list[LedgerEntry] = []
        for filing, person, records in made:
            fresh = self._compare(filing, records, by_place, ends)
            writes += fresh
            entries.append(self._entry(filing, person, len(records), known, rewritten=bool(fresh)))
        store.write_disclosures(self._cur, writes, self._now)
        store.write_steps(
            self._cur,
            (
                step
                for identifier, record in writes
                for step in extend_chain(
                    identifier, record.drafts, ts=self._now, **store.continuing(ends.get(identifier))
                )
            ),
        )
        gone = [row for row in by_place.values() if row.superseded_by != WITHDRAWN]  # what _compare left over
        reason = f"no longer in the source's filing as read on {self._now.date()}"
        self._touched_days |= supersede_rows(self._cur, [Mark(r, WITHDRAWN, reason) for r in gone], self._now)
        self._rows.withdrawn += len(gone)
        return entries

    def _make(self, filings: Sequence[Filing]) -> list[MadeFiling]:
        people = [identify(filing.filer) for filing in filings]
        politicians = self._directory.resolve(self._cur, people)
        return [
            (
                filing,
                person,
                [make_record(filing, row, person, politicians[person.key]) for row in filing.rows],
            )
            for filing, person in zip(filings, people, strict=True)
        ]

    def _compare(
        self,
        filing: Filing,
        records: Sequence[DisclosureRecord],
        by_place: dict[tuple[str, int], store.StoredRow],
        ends: dict[str, store.ChainEnd],
    ) -> list[tuple[str, DisclosureRecord]]:
        """The records of a filing that must be written, with the ids of their rows; takes what it finds off
        `by_place`, so that the vanished rows remain there.
        """
        assert filing.disclosure_date is not None
        counts = self._days.setdefault(filing.disclosure_date, DayCounts())
        counts.filings += 1
        counts.rows += len(records)
        self._rows.in_source += len(records)
        writes: list[tuple[str, DisclosureRecord]] = []
        for record in records:
            row = by_place.pop((filing.source_document_id, record.columns["row_ordinal"]), None)
            identifier = row.id if row else record.id
            end = ends.get(identifier)
            if row and end and end.fingerprint == record.fingerprint and row.superseded_by != WITHDRAWN:
                self._rows.unchanged += 1
                continue
            writes.append((identifier, record))
            self._touched_days.add(filing.disclosure_date)
            if row and row.disclosure_date:
                self._touched_days.add(row.disclosure_date)
            self._rows.changed += bool(row)
            counts.rows_changed += bool(row)
            self._rows.new += not row
            counts.rows_new += not row
        return writes

    def _entry(
        self, filing: Filing, person: Person, rows: int, known: dict[str, LedgerEntry], *, rewritten: bool
    ) -> LedgerEntry:
        assert filing.disclosure_date is not None
        base, amendment = split_title(filing.title)
        detail: dict[str, Any] = {"filer": person.key}
        if base is not None:
            detail |= {"title": filing.title, "base_title": base, "amendment": amendment}
            self._titles.add((person.key, base))
        if filing.amends:
            detail["amends"] = list(filing.amends)
            self._amends += [(old, filing.source_document_id) for old in filing.amends]
        if filing.notes:
            detail["notes"] = list(filing.notes)
        entry = LedgerEntry(
            source=filing.source,
            source_document_id=filing.source_document_id,
            partition_date=filing.disclosure_date,
            state="parsed" if rows else "empty",
            row_count=rows,
            content_sha256=filing.content_sha256,
            detail=detail,
        )
        before = known.get(filing.source_document_id)
        if before and before.state == "superseded" and before.row_count == rows and not rewritten:
            kept = {k: v for k, v in (before.detail or {}).items() if k == "superseded_by_document"}
            return replace(entry, state="superseded", detail=detail | kept)
        return entry

    def finish(self, location: str) -> IngestReport:
        """Apply amendments, close failures that read well now, write the roots, and report."""
        replaced = supersede_amended(self._cur, self._source, self._titles, self._amends, self._now)
        self._touched_days |= replaced.days
        self._rows.superseded = replaced.rows
        self._states |= dict.fromkeys(replaced.documents & self._states.keys(), "superseded")
        well_now = ledger.failed_positions(self._cur, self._source) & self._intake.read_well
        ledger.close_failures(self._cur, self._source, well_now, self._now)
        return IngestReport(
            source=self._source,
            location=location,
            start=self._window[0],
            end=self._window[1],
            states=self._states,
            filings_outside=self._intake.outside,
            filings_duplicate=self._intake.duplicate,
            rows=self._rows,
            days=dict(sorted(self._days.items())),
            failures=tuple(self._failures),
            conflicts=tuple(self._intake.conflicts),
            merkle_roots=self._write_roots(),
            not_in_source=tuple(sorted(self._expected - self._intake.seen.keys() - self._states.keys())),
        )

    def _write_roots(self) -> dict[date, str]:
        if not self._touched_days:
            return {}
        heads = store.heads_by_day(self._cur, self._source, sorted(self._touched_days))
        roots = {day: (len(of_day), merkle_root(of_day)) for day, of_day in heads.items()}
        written = store.write_roots(self._cur, self._source, roots, self._run_id, self._now)
        return {day: roots[day][1] for day in sorted(written)}
