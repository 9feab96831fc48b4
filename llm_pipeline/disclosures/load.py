"""One load in progress: takes filings chunk by chunk inside the caller's transaction and keeps the accounts.

Belongs here: what is new, changed, withdrawn, failed. The SQL is in `store` and `ledger`, the rules of
amendments in `amendments`, the pure making of records in `record`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from psycopg import Cursor

from llm_pipeline.disclosures import ledger, store
from llm_pipeline.disclosures.amendments import split_title
from llm_pipeline.disclosures.filing import Filing
from llm_pipeline.disclosures.identity import Person, identify
from llm_pipeline.disclosures.ledger import WITHDRAWN, LedgerEntry
from llm_pipeline.disclosures.merkle import merkle_root
from llm_pipeline.disclosures.politicians import PoliticianDirectory
from llm_pipeline.disclosures.provenance import StepDraft, extend_chain
from llm_pipeline.disclosures.readers import Reader
from llm_pipeline.disclosures.record import DisclosureRecord, make_record
from llm_pipeline.disclosures.report import DayCounts, Failure, IngestReport
from llm_pipeline.disclosures.supersession import supersede_amended
from llm_pipeline.hashing import hash_of


@dataclass
class _Accounts:
    outside: int = 0
    duplicate: int = 0
    parsed: int = 0
    empty: int = 0
    superseded: int = 0
    rows_in_source: int = 0
    rows_new: int = 0
    rows_changed: int = 0
    rows_unchanged: int = 0
    rows_failed: int = 0
    rows_withdrawn: int = 0
    rows_superseded: int = 0


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
        self._cur, self._reader, self._start, self._end = cur, reader, start, end
        self._now, self._run_id = now, run_id
        self.filings_read = self.rows_read = 0
        self._accounts = _Accounts()
        self._days: dict[date, DayCounts] = {}
        self._failures: list[Failure] = []
        self._conflicts: list[Failure] = []
        self._seen: dict[str, str] = {}
        self._read_well: set[str] = set()
        self._touched_days: set[date] = set()
        self._titles: set[tuple[str, str]] = set()
        self._amends: list[tuple[str, str]] = []
        # Two loads of one source at a time would both see a filing as new.
        cur.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"ingest {reader.source}",))
        self._directory = PoliticianDirectory(cur)
        self._expected = ledger.documents_between(cur, reader.source, start, end)

    # ---------------------------------------------------------------- taking filings

    def take(self, chunk: Sequence[Filing]) -> None:
        """Store a chunk of filings."""
        self.filings_read += len(chunk)
        self.rows_read += sum(len(filing.rows) for filing in chunk)
        wanted: list[Filing] = []
        for filing in chunk:
            checked = self._judge(filing)
            if checked is not None:
                wanted.append(checked)
        if not wanted:
            return
        known = ledger.entries_of(self._cur, self._reader.source, [f.source_document_id for f in wanted])
        good = [f for f in wanted if f.error is None]
        entries = [self._fail(f, known.get(f.source_document_id)) for f in wanted if f.error is not None]
        entries += self._store(good, known)
        final = {entry.source_document_id: entry for entry in entries}  # a good copy outweighs a broken one
        changed = [entry for entry in final.values() if entry != known.get(entry.source_document_id)]
        if changed:
            ledger.write_entries(self._cur, changed, self._now)

    def _judge(self, filing: Filing) -> Filing | None:
        """The filing if this load must deal with it, marked as broken where it cannot be stored; else
        None."""
        document, day = filing.source_document_id, filing.disclosure_date
        first = self._seen.get(document)
        if first == filing.content_sha256:
            self._accounts.duplicate += 1
            return None
        if first is not None:
            error = filing.error or f"another copy of {document} with other content; the first one is used"
            self._conflicts.append(Failure(document, filing.position, error))
            return replace(filing, source_document_id=filing.position, error=error)
        if filing.error is not None:
            return filing
        self._seen[document] = filing.content_sha256
        self._read_well |= {filing.position, f"{filing.position.rpartition('#')[0]}#0"}
        problem = self._date_problem(filing)
        if problem:
            return replace(filing, error=problem)
        if day is None or (not self._start <= day < self._end and document not in self._expected):
            self._accounts.outside += 1
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

    def _fail(self, filing: Filing, known: LedgerEntry | None) -> LedgerEntry:
        """The ledger entry of a filing that cannot be stored; rows of an earlier good reading stay."""
        assert filing.error is not None
        self._failures.append(Failure(filing.source_document_id, filing.position, filing.error))
        self._accounts.rows_in_source += len(filing.rows)
        self._accounts.rows_failed += len(filing.rows)
        day = filing.disclosure_date
        if day is None or not self._start <= day < self._end:
            # It belongs to no day; it stays where it was first seen, so that re-runs agree.
            day = known.partition_date if known else self._start
        return LedgerEntry(
            source=filing.source,
            source_document_id=filing.source_document_id,
            partition_date=known.partition_date if known and known.row_count else day,
            state="failed",
            row_count=known.row_count if known else 0,
            content_sha256=filing.content_sha256,
            error=filing.error,
            detail={"rows_in_source": len(filing.rows)},
        )

    # ---------------------------------------------------------------- storing rows

    def _records(self, filings: Sequence[Filing]) -> list[tuple[Filing, Person, list[DisclosureRecord]]]:
        people = {filing.source_document_id: identify(filing.filer) for filing in filings}
        politicians = self._directory.resolve(self._cur, people.values())
        made = []
        for filing in filings:
            person = people[filing.source_document_id]
            rows = [make_record(filing, row, person, politicians[person.key]) for row in filing.rows]
            made.append((filing, person, rows))
        return made

    def _store(self, filings: Sequence[Filing], known: dict[str, LedgerEntry]) -> list[LedgerEntry]:
        made = self._records(filings)
        stored = store.stored_rows(self._cur, self._reader.source, [f.source_document_id for f in filings])
        by_place = {(row.source_document_id, row.row_ordinal): row for row in stored}
        ids = [row.id for row in stored]
        ids += [r.id for _, _, rows in made for r in rows]
        ends = store.chain_ends(self._cur, list(dict.fromkeys(ids)))
        writes: list[tuple[str, DisclosureRecord]] = []
        entries: list[LedgerEntry] = []
        present: set[tuple[str, int]] = set()
        for filing, person, records in made:
            counts = self._count_filing(filing, len(records))
            rewritten = False
            for record in records:
                place = (filing.source_document_id, record.columns["row_ordinal"])
                present.add(place)
                row = by_place.get(place)
                identifier = row.id if row else record.id
                end = ends.get(identifier, store.ChainEnd())
                if row and end.fingerprint == record.fingerprint and row.superseded_by != WITHDRAWN:
                    self._accounts.rows_unchanged += 1
                    continue
                rewritten = True
                if row:
                    self._accounts.rows_changed += 1
                    counts.rows_changed += 1
                    self._touch(row.disclosure_date)
                else:
                    self._accounts.rows_new += 1
                    counts.rows_new += 1
                self._touch(filing.disclosure_date)
                writes.append((identifier, record))
            entries.append(self._entry(filing, person, len(records), known, rewritten))
        store.write_disclosures(self._cur, writes, self._now)
        steps = []
        for identifier, record in writes:
            end = ends.get(identifier, store.ChainEnd())
            steps += extend_chain(
                identifier,
                record.drafts,
                ts=self._now,
                last_step_no=end.step_no,
                previous_hash=end.chain_hash,
            )
        store.write_steps(self._cur, steps)
        gone = [row for place, row in by_place.items() if place not in present]
        self._withdraw([row for row in gone if row.superseded_by != WITHDRAWN], ends)
        return entries

    def _count_filing(self, filing: Filing, rows: int) -> DayCounts:
        assert filing.disclosure_date is not None
        counts = self._days.setdefault(filing.disclosure_date, DayCounts())
        counts.filings += 1
        counts.rows += rows
        self._accounts.rows_in_source += rows
        return counts

    def _entry(
        self, filing: Filing, person: Person, rows: int, known: dict[str, LedgerEntry], rewritten: bool
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
        if before is not None and before.state == "superseded" and before.row_count == rows and not rewritten:
            self._accounts.superseded += 1
            kept = {k: v for k, v in (before.detail or {}).items() if k.startswith("superseded")}
            return replace(entry, state="superseded", detail={**detail, **kept})
        if rows:
            self._accounts.parsed += 1
        else:
            self._accounts.empty += 1
        return entry

    def _withdraw(self, rows: Sequence[store.StoredRow], ends: dict[str, store.ChainEnd]) -> None:
        """Mark rows that their filing no longer contains; they stay, with the reason."""
        reason = f"no longer in the source's filing as read on {self._now.date()}"
        self._supersede([(row, WITHDRAWN, reason) for row in rows], ends)
        self._accounts.rows_withdrawn += len(rows)

    def _supersede(
        self, marks: Sequence[tuple[store.StoredRow, str, str]], ends: dict[str, store.ChainEnd]
    ) -> None:
        if not marks:
            return
        store.mark_superseded(self._cur, [(row.id, by, reason) for row, by, reason in marks], self._now)
        steps = []
        for row, by, reason in marks:
            end = ends.get(row.id, store.ChainEnd())
            detail = {"superseded_by": by, "reason": reason}
            draft = StepDraft("supersede", end.output_hash, hash_of(detail), detail)
            steps += extend_chain(
                row.id, [draft], ts=self._now, last_step_no=end.step_no, previous_hash=end.chain_hash
            )
            self._touch(row.disclosure_date)
        store.write_steps(self._cur, steps)

    def _touch(self, day: date | None) -> None:
        if day is not None:
            self._touched_days.add(day)

    # ---------------------------------------------------------------- finishing

    def finish(self, location: str) -> IngestReport:
        """Apply amendments, close failures that read well now, write the roots, and report."""
        replaced = supersede_amended(
            self._cur, self._reader.source, self._titles, self._amends, self._now, self._supersede
        )
        self._accounts.rows_superseded = replaced.rows
        for document in replaced.documents:
            if document in self._seen:
                self._accounts.superseded += 1
                if document in replaced.empty_documents:
                    self._accounts.empty -= 1
                else:
                    self._accounts.parsed -= 1
        ledger.close_failures(
            self._cur,
            self._reader.source,
            ledger.failed_positions(self._cur, self._reader.source) & self._read_well,
            self._now,
        )
        roots = self._write_roots()
        a = self._accounts
        failed = len(self._failures)
        return IngestReport(
            source=self._reader.source,
            location=location,
            start=self._start,
            end=self._end,
            filings_seen=a.parsed + a.empty + a.superseded + failed,
            filings_parsed=a.parsed,
            filings_empty=a.empty,
            filings_failed=failed,
            filings_superseded=a.superseded,
            filings_outside=a.outside,
            filings_duplicate=a.duplicate,
            rows_in_source=a.rows_in_source,
            rows_new=a.rows_new,
            rows_changed=a.rows_changed,
            rows_unchanged=a.rows_unchanged,
            rows_failed=a.rows_failed,
            rows_withdrawn=a.rows_withdrawn,
            rows_superseded=a.rows_superseded,
            days=dict(sorted(self._days.items())),
            failures=tuple(self._failures),
            conflicts=tuple(self._conflicts),
            merkle_roots=roots,
            not_in_source=tuple(sorted(self._expected - self._seen.keys() - self._failed_documents())),
        )

    def _failed_documents(self) -> set[str]:
        return {failure.source_document_id for failure in self._failures}

    def _write_roots(self) -> dict[date, str]:
        if not self._touched_days:
            return {}
        heads = store.heads_by_day(self._cur, self._reader.source, sorted(self._touched_days))
        roots = {day: (len(of_day), merkle_root(of_day)) for day, of_day in heads.items()}
        written = store.write_roots(self._cur, self._reader.source, roots, self._run_id, self._now)
        return {day: roots[day][1] for day in sorted(written)}
