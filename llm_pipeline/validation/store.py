"""The SQL of the validation gate: pending disclosures in, verdicts with their reasons out.

Belongs here: set-based reads and writes. Tables that may have been there before us keep their own column types, so
ids are read as text, and rows go in through the table's own row type.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID, uuid5

from psycopg import AsyncCursor, Connection
from psycopg.rows import dict_row

from llm_pipeline.db.bulk import as_jsonb_rows
from llm_pipeline.disclosures.amounts import label_for
from llm_pipeline.disclosures.vocabulary import transaction_type_of
from llm_pipeline.validation.record import ValidationRecord
from llm_pipeline.validation.report import Undecided, WindowAccount
from llm_pipeline.validation.verdict import Verdict

ISSUE_NAMESPACE = UUID("6f1f5d0c-3d6b-5f0e-9c59-1c8b2a7e4d11")
TABLE = "trading_disclosures"

# The daily partition of a disclosure: its disclosure date, or the day it was ingested when the source gave none that a
# partition exists for. `partitions.FIRST_DAY` is the same day.
PARTITION_DAY: LiteralString = """(CASE WHEN d.disclosure_date >= DATE '2012-01-01'
    AND d.disclosure_date < COALESCE(d.created_at, now()) + INTERVAL '1 day' THEN d.disclosure_date::date
    ELSE COALESCE(d.created_at, now())::date END)"""

_RECORD: LiteralString = """
    d.id::text AS record_id, p.full_name AS filer_name,
    COALESCE(p.chamber, CASE WHEN p.role ILIKE '%%senat%%' THEN 'Senate'
                             WHEN p.role ILIKE '%%representative%%' OR p.role ILIKE '%%house%%' THEN 'House'
                             ELSE p.role END) AS filer_chamber,
    COALESCE(d.transaction_date::date::text, d.raw_data #>> '{as_filed,transaction_date}') AS transaction_date,
    COALESCE(d.disclosure_date::date::text, d.raw_data #>> '{as_filed,disclosure_date}') AS filing_date,
    COALESCE(d.asset_ticker, d.raw_data #>> '{as_filed,ticker}') AS ticker,
    d.asset_name AS asset_description,
    COALESCE(d.asset_type, d.raw_data #>> '{as_filed,asset_type}') AS asset_type,
    COALESCE(d.transaction_type, d.raw_data #>> '{as_filed,transaction_type}') AS transaction_type,
    d.raw_data #>> '{as_filed,amount_range}' AS amount_text,
    d.amount_range_min, d.amount_range_max,
    COALESCE(d.owner, d.raw_data #>> '{as_filed,owner}') AS owner,
    d.source_url, d.extraction_method, d.extraction_ts, d.source, d.source_document_id, d.row_ordinal,
    d.ingest_seq"""

_OPEN: LiteralString = "d.deleted_at IS NULL AND d.superseded_by IS NULL"

_PAGE: LiteralString = f"""
    SELECT {_RECORD}, (f.disclosure_id IS NOT NULL)::int AS failed_before
    FROM trading_disclosures d
    LEFT JOIN politicians p ON p.id = d.politician_id
    LEFT JOIN validation_failures f ON f.disclosure_id = d.id::text
    WHERE d.llm_validation_status = 'pending' AND {_OPEN}
      AND {PARTITION_DAY} >= %(start)s AND {PARTITION_DAY} < %(end)s
      AND ((f.disclosure_id IS NOT NULL)::int, d.ingest_seq) > (%(failed)s, %(seq)s)
    ORDER BY failed_before, d.ingest_seq
    LIMIT %(limit)s"""  # noqa: S608

# What two rows must share to be compared: the ticker in one spelling, or, where one of them has none, the first word of
# the asset. Without it a filing of 500 trades of one day would fetch 500 neighbours for each of its pages.
_TICKER: LiteralString = "upper(translate(d.asset_ticker, './ ', '---'))"
_WORD: LiteralString = "substring(lower(d.asset_name) FROM '[a-z0-9]+')"

# Rows of the same filers, days and assets, against which duplicates and contradictions are judged. A rejected row is
# no original of anything.
_NEIGHBOURS: LiteralString = f"""
    WITH asked AS MATERIALIZED (
        SELECT d.id, d.politician_id, d.transaction_date, {_TICKER} AS ticker, {_WORD} AS word
        FROM trading_disclosures d
        JOIN jsonb_populate_recordset(NULL::trading_disclosures, %(ids)s) AS i ON i.id = d.id
    ), days AS (SELECT DISTINCT politician_id, transaction_date FROM asked)
    SELECT {_RECORD}
    FROM days
    JOIN trading_disclosures d USING (politician_id, transaction_date)
    LEFT JOIN politicians p ON p.id = d.politician_id
    WHERE {_OPEN} AND d.llm_validation_status <> 'reject'
      AND NOT EXISTS (SELECT FROM asked WHERE asked.id = d.id)
      AND EXISTS (SELECT FROM asked a
                  WHERE a.politician_id = d.politician_id AND a.transaction_date = d.transaction_date
                    AND (a.ticker = {_TICKER}
                         OR (a.word = {_WORD} AND (a.ticker IS NULL OR d.asset_ticker IS NULL))))
    ORDER BY d.ingest_seq"""  # noqa: S608

_REPORTED_NAMES: LiteralString = f"""
    SELECT d.asset_ticker AS ticker, d.asset_name AS name, d.politician_id::text AS filer, count(*) AS rows
    FROM trading_disclosures d
    WHERE d.asset_ticker IS NOT NULL AND d.asset_name IS NOT NULL AND {_OPEN}
      AND d.llm_validation_status <> 'reject'
    GROUP BY 1, 2, 3"""  # noqa: S608

_FILERS: LiteralString = """
    SELECT p.full_name AS name, COALESCE(sum(d.rows), 0)::int AS rows
    FROM politicians p
    LEFT JOIN (SELECT politician_id, count(*) AS rows FROM trading_disclosures GROUP BY 1) d ON d.politician_id = p.id
    WHERE p.full_name IS NOT NULL
    GROUP BY 1"""

_APPLY: LiteralString = """
    WITH verdicts AS (
        SELECT id, llm_validation_status AS status
        FROM jsonb_populate_recordset(NULL::trading_disclosures, %(verdicts)s)
    ), decided AS (
        UPDATE trading_disclosures d SET llm_validation_status = v.status, llm_validated_at = %(now)s
        FROM verdicts v
        WHERE d.id = v.id AND d.llm_validation_status = 'pending'
        RETURNING d.id::text AS id, v.status, CASE WHEN v.status = 'reject' THEN to_jsonb(d) END AS row
    ), found AS MATERIALIZED (
        SELECT i.* FROM jsonb_populate_recordset(NULL::data_quality_issues, %(issues)s) i
        JOIN decided ON decided.id = i.record_id::text
    ), outdated AS (
        UPDATE data_quality_issues q SET status = 'resolved'
        FROM decided
        WHERE q.table_name = 'trading_disclosures' AND q.record_id::text = decided.id AND q.status = 'open'
          AND q.source IN ('rules', 'llm_validation')
          AND NOT EXISTS (SELECT FROM found WHERE found.issue_type = q.issue_type
                          AND found.field_name IS NOT DISTINCT FROM q.field_name AND found.source = q.source)
    ), issues AS (
        INSERT INTO data_quality_issues (id, severity, issue_type, table_name, record_id, field_name, expected_value,
            actual_value, description, status, source, kind, step, reasoning, suggested_action, confidence,
            audit_trail_id)
        SELECT id, severity, issue_type, table_name, record_id, field_name, expected_value,
            actual_value, description, status, source, kind, step, reasoning, suggested_action, confidence,
            audit_trail_id
        FROM found
        ON CONFLICT (id) DO UPDATE SET status = 'open', description = EXCLUDED.description,
            reasoning = EXCLUDED.reasoning, audit_trail_id = EXCLUDED.audit_trail_id
    ), quarantined AS (
        INSERT INTO data_quality_quarantine (id, table_name, original_record_id, quarantine_reason, issue_ids,
            original_data, suggested_corrections, status, audit_trail_id)
        SELECT q.id, q.table_name, q.original_record_id, q.quarantine_reason, q.issue_ids, decided.row,
            q.suggested_corrections, q.status, q.audit_trail_id
        FROM jsonb_populate_recordset(NULL::data_quality_quarantine, %(quarantine)s) q
        JOIN decided ON decided.id = q.original_record_id::text
        ON CONFLICT (id) DO NOTHING
    ), claims AS (
        INSERT INTO ungrounded_claims (audit_trail_id, interrogation, claim, reason_code, detail)
        SELECT audit_trail_id, interrogation, claim, reason_code, detail
        FROM jsonb_populate_recordset(NULL::ungrounded_claims, %(claims)s)
    ), failures AS (
        INSERT INTO validation_failures (disclosure_id, attempts, last_error, last_error_class, first_at, last_at)
        SELECT disclosure_id, 1, last_error, last_error_class, %(now)s, %(now)s
        FROM jsonb_populate_recordset(NULL::validation_failures, %(failures)s)
        ON CONFLICT (disclosure_id) DO UPDATE SET attempts = validation_failures.attempts + 1,
            last_error = EXCLUDED.last_error, last_error_class = EXCLUDED.last_error_class,
            last_at = EXCLUDED.last_at
    ), cured AS (
        DELETE FROM validation_failures USING decided WHERE disclosure_id = decided.id
    )
    SELECT id FROM decided"""

_ACCOUNT: LiteralString = f"""
    WITH found AS (
        SELECT d.id::text AS id, d.llm_validation_status AS status, d.deleted_at IS NOT NULL AS deleted,
               d.superseded_by IS NOT NULL AS superseded, f.disclosure_id IS NOT NULL AS failed
        FROM trading_disclosures d
        LEFT JOIN validation_failures f ON f.disclosure_id = d.id::text
        WHERE {PARTITION_DAY} >= %(start)s AND {PARTITION_DAY} < %(end)s
    ), issues AS (
        SELECT DISTINCT record_id::text AS id FROM data_quality_issues
        WHERE table_name = 'trading_disclosures' AND source IN ('rules', 'llm_validation')
    ), quarantined AS (
        SELECT DISTINCT original_record_id::text AS id FROM data_quality_quarantine
        WHERE table_name = 'trading_disclosures'
    ), placed AS (
        SELECT *, CASE WHEN status IN ('pass', 'flag', 'reject') THEN status WHEN deleted THEN 'deleted'
                       WHEN superseded THEN 'superseded' WHEN failed THEN 'failed' ELSE 'unexplained' END AS place
        FROM found
    )
    SELECT count(*) AS total,
           count(*) FILTER (WHERE place = 'pass') AS passed,
           count(*) FILTER (WHERE place = 'flag') AS flagged,
           count(*) FILTER (WHERE place = 'reject') AS rejected,
           count(*) FILTER (WHERE place = 'failed') AS failed,
           count(*) FILTER (WHERE place = 'superseded') AS superseded,
           count(*) FILTER (WHERE place = 'deleted') AS deleted,
           count(*) FILTER (WHERE place = 'unexplained') AS unexplained,
           COALESCE((array_agg(id ORDER BY id COLLATE "C") FILTER (WHERE place = 'unexplained'))[1:20], '{{}}')
               AS unexplained_ids,
           count(*) FILTER (WHERE place = 'reject' AND id NOT IN (SELECT id FROM quarantined))
               AS rejected_without_quarantine,
           count(*) FILTER (WHERE place = 'flag' AND id NOT IN (SELECT id FROM issues)) AS flagged_without_issue
    FROM placed"""  # noqa: S608


@dataclass(frozen=True)
class PendingRecord:
    """A pending disclosure; `failed_before` is 1 where an earlier run could not decide it, else 0."""

    record: ValidationRecord
    failed_before: int

    @property
    def place(self) -> tuple[int, int]:
        """Its place in the order of work."""
        return (self.failed_before, self.record.ingest_seq or 0)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _record(row: dict[str, Any]) -> ValidationRecord:
    low, high = row["amount_range_min"], row["amount_range_max"]
    amount = row["amount_text"] if low is None else label_for(int(low), None if high is None else int(high))
    side = row["transaction_type"]
    extracted: datetime | None = row["extraction_ts"]
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
        amount_range=amount,
        owner=row["owner"],
        source_url=row["source_url"],
        extraction_method=row["extraction_method"],
        extraction_ts=extracted.isoformat() if extracted else None,
        source=row["source"],
        source_document_id=_text(row["source_document_id"]),
        row_ordinal=row["row_ordinal"],
        ingest_seq=row["ingest_seq"],
    )


@dataclass(frozen=True)
class ReportedName:
    """How many rows of a filer use a name for a ticker."""

    ticker: str
    name: str
    filer: str
    rows: int


@dataclass(frozen=True)
class Decision:
    """A verdict and the audit row of the call that it rests on."""

    verdict: Verdict
    audit_id: str


@dataclass(frozen=True)
class BatchResult:
    """What a batch of the gate came to: decisions, disclosures left undecided, and ids that the model made up."""

    decisions: tuple[Decision, ...]
    undecided: tuple[Undecided, ...]
    foreign: tuple[tuple[str, str], ...] = ()


def count_pending(conn: Connection[Any], start: date, end: date) -> int:
    """Disclosures of the days [start, end) that wait for a verdict."""
    row = conn.execute(
        f"""SELECT count(*) FROM trading_disclosures d WHERE d.llm_validation_status = 'pending' AND {_OPEN}
            AND {PARTITION_DAY} >= %s AND {PARTITION_DAY} < %s""",  # noqa: S608
        [start, end],
    ).fetchone()
    return int(row[0]) if row else 0


def pending_by_day(conn: Connection[Any], ingested_after: datetime | None = None) -> dict[date, int]:
    """Pending disclosures by daily partition, of all times or only of those written since a time."""
    rows = conn.execute(
        f"""SELECT {PARTITION_DAY} AS day, count(*) FROM trading_disclosures d
            WHERE d.llm_validation_status = 'pending' AND {_OPEN}
              AND (%(after)s::timestamptz IS NULL OR d.created_at >= %(after)s)
            GROUP BY 1""",  # noqa: S608
        {"after": ingested_after},
    ).fetchall()
    return {row[0]: row[1] for row in rows}


def count_overdue(conn: Connection[Any], now: datetime, hours: int) -> int:
    """Disclosures, of any day, that have been pending for longer than `hours`."""
    row = conn.execute(
        f"""SELECT count(*) FROM trading_disclosures d
            WHERE d.llm_validation_status = 'pending' AND {_OPEN} AND d.created_at < %s""",  # noqa: S608
        [now - timedelta(hours=hours)],
    ).fetchone()
    return int(row[0]) if row else 0


def account_for(conn: Connection[Any], start: date, end: date) -> WindowAccount:
    """Where every disclosure of the days [start, end) stands."""
    with conn.cursor(row_factory=dict_row) as cur:
        row = cur.execute(_ACCOUNT, {"start": start, "end": end}).fetchone()
    assert row is not None  # an aggregate always has a row
    return WindowAccount(**{**row, "unexplained_ids": tuple(row["unexplained_ids"])})


def read_answers(conn: Connection[Any], run_id: str) -> Iterator[tuple[str, Any]]:
    """(audit id, stored answer) of each accepted model call of a Dagster run; streamed, so memory stays flat."""
    with conn.cursor(name="answers") as cur:
        cur.execute(
            """SELECT id::text, parsed_output FROM llm_audit_trail
               WHERE dagster_run_id = %s AND parse_success AND service_name = 'validation_gate'""",
            [run_id],
        )
        yield from cur


async def read_page(
    cur: AsyncCursor[dict[str, Any]], start: date, end: date, after: tuple[int, int], limit: int
) -> list[PendingRecord]:
    """The next pending disclosures: those that never failed first, then in order of ingestion."""
    await cur.execute(_PAGE, {"start": start, "end": end, "failed": after[0], "seq": after[1], "limit": limit})
    return [PendingRecord(_record(row), row["failed_before"]) async for row in cur]


async def read_neighbours(
    cur: AsyncCursor[dict[str, Any]], records: Sequence[ValidationRecord]
) -> list[ValidationRecord]:
    """Stored rows of the same filers and days outside `records`."""
    await cur.execute(_NEIGHBOURS, {"ids": json.dumps([{"id": record.record_id} for record in records])})
    return [_record(row) async for row in cur]


async def read_reported_names(cur: AsyncCursor[dict[str, Any]]) -> list[ReportedName]:
    """Names under which filers reported each ticker so far."""
    await cur.execute(_REPORTED_NAMES)
    return [ReportedName(**row) async for row in cur]


async def read_filers(cur: AsyncCursor[dict[str, Any]]) -> dict[str, int]:
    """Full names of all filers with the number of rows they filed."""
    await cur.execute(_FILERS)
    return {row["name"]: row["rows"] async for row in cur}


def issue_id(record_id: str, issue_type: str, field: str, source: str) -> UUID:
    """The id of an issue: the same finding about the same record is the same row, however often it is found."""
    return uuid5(ISSUE_NAMESPACE, f"{record_id}|{issue_type}|{field}|{source}")


def _issue_rows(decision: Decision) -> list[dict[str, Any]]:
    verdict = decision.verdict
    return [
        {
            "id": str(issue_id(verdict.record_id, issue.issue_type, issue.field, issue.source)),
            "severity": issue.severity,
            "issue_type": issue.issue_type,
            "table_name": TABLE,
            "record_id": verdict.record_id,
            "field_name": issue.field,
            "expected_value": issue.expected,
            "actual_value": issue.actual,
            "description": issue.description,
            "status": "open",
            "source": issue.source,
            "kind": issue.kind,
            "step": issue.step,
            "reasoning": issue.reasoning,
            "suggested_action": issue.suggested_action,
            "confidence": verdict.confidence,
            "audit_trail_id": decision.audit_id,
        }
        for issue in verdict.issues
    ]


def _quarantine_row(decision: Decision) -> dict[str, Any]:
    verdict = decision.verdict
    return {
        "id": str(uuid5(ISSUE_NAMESPACE, f"{verdict.record_id}|quarantine|{verdict.reason}")),
        "table_name": TABLE,
        "original_record_id": verdict.record_id,
        "quarantine_reason": verdict.reason,
        "issue_ids": [row["id"] for row in _issue_rows(decision)],
        "suggested_corrections": {},
        "status": "pending",
        "audit_trail_id": decision.audit_id,
    }


def _claim_rows(result: BatchResult, interrogation: str) -> list[dict[str, Any]]:
    refused = [
        {
            "audit_trail_id": decision.audit_id,
            "interrogation": interrogation,
            "claim": {"record_id": decision.verdict.record_id, **claim.claim},
            "reason_code": claim.reason_code,
            "detail": claim.detail,
        }
        for decision in result.decisions
        for claim in decision.verdict.claims
    ]
    unknown = [
        {
            "audit_trail_id": audit_id,
            "interrogation": interrogation,
            "claim": {"record_id": record_id},
            "reason_code": "unknown_record",
            "detail": "nobody asked about this id",
        }
        for record_id, audit_id in result.foreign
    ]
    return refused + unknown


async def apply_batch(
    cur: AsyncCursor[dict[str, Any]], result: BatchResult, now: datetime, interrogation: str
) -> set[str]:
    """Store verdicts with issues, quarantine, refused claims and failures, in ONE statement of the caller's
    transaction. Returns the ids that were still pending and are now decided; issues go with those only."""
    decisions = result.decisions
    await cur.execute(
        _APPLY,
        {
            "verdicts": as_jsonb_rows(
                {"id": one.verdict.record_id, "llm_validation_status": one.verdict.status} for one in decisions
            ),
            "issues": as_jsonb_rows(row for one in decisions for row in _issue_rows(one)),
            "quarantine": as_jsonb_rows(_quarantine_row(one) for one in decisions if one.verdict.status == "reject"),
            "claims": as_jsonb_rows(_claim_rows(result, interrogation)),
            "failures": as_jsonb_rows(
                {
                    "disclosure_id": one.disclosure_id,
                    "last_error": one.message,
                    "last_error_class": one.error_class,
                }
                for one in result.undecided
            ),
            "now": now,
        },
    )
    return {row["id"] async for row in cur}
