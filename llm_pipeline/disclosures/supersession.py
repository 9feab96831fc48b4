"""Amendments applied to what is stored: the replaced filing's rows point to the amendment's, its ledger
entry says so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from psycopg import Cursor

from llm_pipeline.db.bulk import as_jsonb_rows
from llm_pipeline.disclosures import ledger, store
from llm_pipeline.disclosures.amendments import Replacement, Signature, Version, plan_replacements
from llm_pipeline.disclosures.ledger import WITHDRAWN
from llm_pipeline.disclosures.provenance import StepDraft, extend_chain
from llm_pipeline.hashing import hash_of


@dataclass(frozen=True)
class Mark:
    """A row that is no longer in force: what replaces it (a row id, or WITHDRAWN) and why."""

    row: store.StoredRow
    superseded_by: str
    reason: str


@dataclass
class Superseded:
    """What amendments replaced in this load: rows marked, filings newly superseded, days concerned."""

    rows: int = 0
    documents: set[str] = field(default_factory=set)
    days: set[date] = field(default_factory=set)


def supersede_rows(cur: Cursor[Any], marks: Sequence[Mark], now: datetime) -> set[date]:
    """Mark rows superseded and say so in their chains; returns the days of the rows."""
    if not marks:
        return set()
    store.mark_superseded(cur, [(m.row.id, m.superseded_by, m.reason) for m in marks], now)
    ends = store.chain_ends(cur, [m.row.id for m in marks])
    steps = []
    for mark in marks:
        end = ends.get(mark.row.id, store.ChainEnd())
        detail = {"superseded_by": mark.superseded_by, "reason": mark.reason}
        draft = StepDraft("supersede", end.output_hash, hash_of(detail), detail)
        steps += extend_chain(mark.row.id, [draft], ts=now, **store.continuing(end))
    store.write_steps(cur, steps)
    return {m.row.disclosure_date for m in marks if m.row.disclosure_date}


def _versions(cur: Cursor[Any], source: str, titles: Iterable[tuple[str, str]]) -> dict[tuple[str, str], list[Version]]:
    """The filings of the touched (filer, base title) pairs that hold at least one amendment."""
    pairs = [{"filer": filer, "base_title": base} for filer, base in titles]
    cur.execute(
        """SELECT l.detail->>'filer', l.detail->>'base_title', l.source_document_id,
                  (l.detail->>'amendment')::int, l.partition_date
           FROM jsonb_to_recordset(%s) AS t (filer text, base_title text)
           JOIN ingest_ledger l ON l.detail->>'filer' = t.filer AND l.detail->>'base_title' = t.base_title
           WHERE l.source = %s AND l.state <> 'failed'
           ORDER BY l.source_document_id""",
        (as_jsonb_rows(pairs), source),
    )
    groups: dict[tuple[str, str], list[Version]] = {}
    for filer, base, document, amendment, disclosed in cur:
        groups.setdefault((filer, base), []).append(Version(document, amendment, disclosed))
    return {key: found for key, found in groups.items() if any(v.amendment for v in found) and len(found) > 1}


def _signatures(cur: Cursor[Any], source: str, documents: list[str]) -> dict[str, list[Signature]]:
    cur.execute(
        """SELECT source_document_id, transaction_date::date::text, asset_name, transaction_type
           FROM trading_disclosures
           WHERE source = %s AND source_document_id = ANY(%s) AND superseded_by IS DISTINCT FROM %s""",
        (source, documents, WITHDRAWN),
    )
    found: dict[str, list[Signature]] = {}
    for document, *signature in cur:
        found.setdefault(document, []).append(tuple(signature))
    return found


def _plan(
    cur: Cursor[Any], source: str, titles: set[tuple[str, str]], amends: Sequence[tuple[str, str]]
) -> list[Replacement]:
    groups = _versions(cur, source, titles) if titles else {}
    documents = [v.document_id for versions in groups.values() for v in versions]
    rows = _signatures(cur, source, documents) if documents else {}
    plan = plan_replacements(
        {
            key: [
                Version(v.document_id, v.amendment, v.disclosed, tuple(rows.get(v.document_id, ()))) for v in versions
            ]
            for key, versions in groups.items()
        }
    )
    planned = {replacement.old for replacement in plan}
    named = [
        Replacement(old, new, f"superseded by {new}, which names it")
        for old, new in amends
        if old not in planned and old != new
    ]
    return plan + named


def supersede_amended(
    cur: Cursor[Any],
    source: str,
    titles: set[tuple[str, str]],
    amends: Sequence[tuple[str, str]],
    now: datetime,
) -> Superseded:
    """Apply every replacement among the touched titles that is not yet in force.

    A replaced row points to the amendment's row of the same place, or to its first row, or says that it was
    withdrawn where the amendment has no rows.
    """
    plan = _plan(cur, source, titles, amends)
    result = Superseded()
    if not plan:
        return result
    documents = sorted({d for r in plan for d in (r.old, r.new)})
    stored: dict[str, dict[int, store.StoredRow]] = {}
    for row in store.stored_rows(cur, source, documents):
        stored.setdefault(row.source_document_id, {})[row.row_ordinal] = row
    marks: list[Mark] = []
    entries = ledger.entries_of(cur, source, documents)
    changed: list[ledger.LedgerEntry] = []
    for replacement in plan:
        entry = entries.get(replacement.old)
        if entry is None or entry.state == "failed":
            continue
        targets = {n: r for n, r in stored.get(replacement.new, {}).items() if r.superseded_by != WITHDRAWN}
        first = targets[min(targets)].id if targets else WITHDRAWN
        for ordinal, row in stored.get(replacement.old, {}).items():
            target = targets[ordinal].id if ordinal in targets else first
            if row.superseded_by not in (target, WITHDRAWN):
                marks.append(Mark(row, target, replacement.reason))
        detail = {**(entry.detail or {}), "superseded_by_document": replacement.new}
        if entry.state != "superseded" or entry.detail != detail:
            changed.append(replace(entry, state="superseded", detail=detail))
            result.documents.add(replacement.old)
    result.days = supersede_rows(cur, marks, now)
    if changed:
        ledger.write_entries(cur, changed, now)
    result.rows = len(marks)
    return result
