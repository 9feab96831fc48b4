"""What the validation gate reads from and writes to the database: pending disclosures in, verdicts out.

Belongs here: running the statements of `statements.py` and giving their rows a shape.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from psycopg import AsyncCursor, Connection, Cursor
from psycopg.rows import dict_row

from llm_pipeline.db.bulk import as_jsonb_rows
from llm_pipeline.disclosures.amounts import label_for
from llm_pipeline.disclosures.vocabulary import transaction_type_of
from llm_pipeline.validation import statements
from llm_pipeline.validation.record import ValidationRecord
from llm_pipeline.validation.report import WindowAccount
from llm_pipeline.validation.stored_rows import (
    ISSUES,
    QUARANTINE,
    BatchResult,
    TableShapes,
    claim_rows,
    failure_rows,
    issue_rows,
    quarantine_rows,
    verdict_rows,
)


@dataclass(frozen=True)
class PendingRecord:
    """A pending disclosure; `failed_before` is 1 where an earlier run could not decide it, else 0."""

    record: ValidationRecord
    failed_before: int

    @property
    def place(self) -> tuple[int, int]:
        """Its place in the order of work."""
        return (self.failed_before, self.record.ingest_seq or 0)


@dataclass(frozen=True)
class ReportedName:
    """How many rows of a filer use a name for a ticker."""

    ticker: str
    name: str
    filer: str
    rows: int


@dataclass(frozen=True)
class Stored:
    """What became of a batch in the table: ids that were still pending and are decided now, ids that are still
    pending and whose failure is noted."""

    decided: frozenset[str]
    failed: frozenset[str]


def pending_by_day(conn: Connection[Any], ingested_after: datetime | None = None) -> dict[date, int]:
    """Pending disclosures by daily partition, of all times or only of those written since a time."""
    rows = conn.execute(statements.PENDING_BY_DAY, {"after": ingested_after}).fetchall()
    return {row[0]: row[1] for row in rows}


def count_overdue(conn: Connection[Any], now: datetime, hours: int) -> int:
    """Disclosures, of any day, that have been pending for longer than `hours`."""
    row = conn.execute(statements.COUNT_OVERDUE, [now - timedelta(hours=hours)]).fetchone()
    return int(row[0]) if row else 0


def account_for(
    conn: Connection[Any], start: date, end: date, *, snapshot: str | None = None, capped: bool = False
) -> WindowAccount:
    """Where every disclosure of the days [start, end) stands.

    Args:
        snapshot: of the database when a run began; what came later is waiting, not unexplained.
        capped: the run took on no more than its cap; then whatever is left is waiting.
    """
    with conn.cursor(row_factory=dict_row) as cur:
        values = {"start": start, "end": end, "snapshot": snapshot, "capped": capped}
        row = cur.execute(statements.ACCOUNT, values).fetchone()
    assert row is not None  # an aggregate always has a row
    return WindowAccount(**{**row, "unexplained_ids": tuple(row["unexplained_ids"])})


def read_answers(conn: Connection[Any], run_id: str) -> Iterator[tuple[str, Any]]:
    """(audit id, stored answer) of each accepted model call of a Dagster run; streamed, so memory stays flat."""
    with conn.cursor(name="answers") as cur:
        cur.execute(statements.ANSWERS, [run_id])
        yield from cur


async def read_page(
    cur: AsyncCursor[dict[str, Any]], start: date, end: date, after: tuple[int, int], limit: int, now: datetime
) -> list[PendingRecord]:
    """The next pending disclosures: those that never failed before `now` first, then in order of ingestion."""
    values = {"start": start, "end": end, "failed": after[0], "seq": after[1], "limit": limit, "now": now}
    await cur.execute(statements.PAGE, values)
    return [PendingRecord(_record(row), row["failed_before"]) async for row in cur]


async def read_neighbours(
    cur: AsyncCursor[dict[str, Any]], records: Sequence[ValidationRecord]
) -> list[ValidationRecord]:
    """Stored rows of the same filers and days outside `records`."""
    await cur.execute(statements.NEIGHBOURS, {"ids": json.dumps([{"id": record.record_id} for record in records])})
    return [_record(row) async for row in cur]


async def read_reported_names(cur: AsyncCursor[dict[str, Any]]) -> list[ReportedName]:
    """Names under which filers reported each ticker so far."""
    await cur.execute(statements.REPORTED_NAMES)
    return [ReportedName(**row) async for row in cur]


async def read_filers(cur: AsyncCursor[dict[str, Any]]) -> dict[str, int]:
    """Full names of all filers with the number of rows they filed."""
    await cur.execute(statements.FILERS)
    return {row["name"]: row["rows"] async for row in cur}


async def read_waiting_sources(cur: AsyncCursor[dict[str, Any]]) -> list[str]:
    """Sources of what is pending; the empty text for rows of other writers, who name none."""
    await cur.execute(statements.WAITING_SOURCES)
    return [row["source"] async for row in cur]


async def read_shapes(cur: AsyncCursor[dict[str, Any]]) -> TableShapes:
    """Types and lengths of the columns into which reasons are written."""
    await cur.execute(statements.COLUMNS)
    return TableShapes.of([row async for row in cur])


def read_record(cur: Cursor[dict[str, Any]], disclosure_id: str) -> ValidationRecord | None:
    """One disclosure as the gate sees it; None where there is none of this id.

    Raises:
        psycopg.DataError: the table's ids are of a type that cannot be this text.
    """
    row = cur.execute(statements.RECORD_OF, {"id": disclosure_id}).fetchone()
    return _record(row) if row else None


async def read_snapshot(cur: AsyncCursor[dict[str, Any]]) -> str | None:
    """Which transactions have ended, as text that `account_for` takes."""
    row = await (await cur.execute(statements.SNAPSHOT)).fetchone()
    return row["snapshot"] if row else None


async def apply_batch(
    cur: AsyncCursor[dict[str, Any]], result: BatchResult, now: datetime, interrogation: str, shapes: TableShapes
) -> Stored:
    """Store verdicts with issues, quarantine, refused claims and failures, in ONE statement of the caller's
    transaction; what somebody else has decided meanwhile is left as it is."""
    await cur.execute(
        statements.apply_statement(shapes.takes_our_ids(ISSUES), shapes.takes_our_ids(QUARANTINE)),
        {
            "verdicts": as_jsonb_rows(verdict_rows(result)),
            "issues": as_jsonb_rows(shapes.fit(ISSUES, issue_rows(result))),
            "quarantine": as_jsonb_rows(shapes.fit(QUARANTINE, quarantine_rows(result))),
            "claims": as_jsonb_rows(claim_rows(result, interrogation)),
            "failures": as_jsonb_rows(failure_rows(result)),
            "now": now,
        },
    )
    rows = await cur.fetchall()
    return Stored(
        frozenset(row["id"] for row in rows if row["decided"]),
        frozenset(row["id"] for row in rows if not row["decided"]),
    )


def _text(value: object) -> str | None:
    return value.isoformat() if isinstance(value, datetime) else None if value is None else str(value)


def _amount(row: dict[str, Any]) -> str | None:
    """The amount as a report would print it; bounds that are no whole dollars as they are."""
    low, high, exact = row["amount_range_min"], row["amount_range_max"], row["amount_exact"]
    if low is None and high is None:
        return row["amount_text"] or (None if exact is None else f"${exact:,}")
    if all(one is None or (one.is_finite() and one == one.to_integral_value()) for one in (low, high)):
        return label_for(_dollars(low), _dollars(high))
    return f"{low} - {high}"


def _dollars(amount: Decimal | None) -> int | None:
    return None if amount is None else int(amount)


def _record(row: dict[str, Any]) -> ValidationRecord:
    side = row["transaction_type"]
    return ValidationRecord(
        record_id=row["record_id"],
        filer_name=row["filer_name"],
        filer_chamber=row["filer_chamber"],
        transaction_date=row["transaction_date"],
        filing_date=row["filing_date"],
        ticker=row["ticker"],
        asset_description=row["asset_description"],
        asset_type=row["asset_type"],
        transaction_type=transaction_type_of(side) or side,
        amount_range=_amount(row),
        owner=row["owner"],
        source_url=row["source_url"],
        extraction_method=row["extraction_method"],
        extraction_ts=_text(row["extraction_ts"]),
        source=row["source"],
        source_document_id=_text(row["source_document_id"]),
        row_ordinal=row["row_ordinal"],
        ingest_seq=row["ingest_seq"],
    )
