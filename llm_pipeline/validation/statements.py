"""The SQL statements of the validation gate; `store.py` runs them.

Tables that may have been there before us keep their own column types, so ids are read as text, days are cast, and
rows go in through the table's own row type.
"""

from __future__ import annotations

from typing import LiteralString

# The daily partition of a disclosure: its disclosure date, or the day it was ingested when the source gave none that a
# partition exists for. `partitions.FIRST_DAY` is the same day. Another writer's clock may be ahead or may have begun at
# zero, so the day of ingestion is held within the calendar too.
PARTITION_DAY: LiteralString = """(CASE
    WHEN d.disclosure_date >= DATE '2012-01-01' AND d.disclosure_date::date <= now()::date THEN d.disclosure_date::date
    ELSE GREATEST(LEAST(d.created_at, now())::date, DATE '2012-01-01') END)"""

OPEN: LiteralString = "d.deleted_at IS NULL AND d.superseded_by IS NULL"
WAITS: LiteralString = f"d.llm_validation_status = 'pending' AND {OPEN}"

RECORD: LiteralString = """
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
    d.amount_range_min::numeric, d.amount_range_max::numeric, d.amount_exact::numeric,
    COALESCE(d.owner, d.raw_data #>> '{as_filed,owner}') AS owner,
    d.source_url, d.extraction_method, d.extraction_ts, d.source, d.source_document_id, d.row_ordinal,
    d.ingest_seq"""

# A failure of the run under way (its time is the run's) does not move a disclosure to the end of the order, where the
# same run would meet it again.
PAGE: LiteralString = f"""
    SELECT {RECORD}, (f.disclosure_id IS NOT NULL)::int AS failed_before
    FROM trading_disclosures d
    LEFT JOIN politicians p ON p.id = d.politician_id
    LEFT JOIN validation_failures f ON f.disclosure_id = d.id::text AND f.last_at < %(now)s
    WHERE {WAITS}
      AND {PARTITION_DAY} >= %(start)s AND {PARTITION_DAY} < %(end)s
      AND ((f.disclosure_id IS NOT NULL)::int, d.ingest_seq) > (%(failed)s, %(seq)s)
    ORDER BY failed_before, d.ingest_seq
    LIMIT %(limit)s"""  # noqa: S608

RECORD_OF: LiteralString = f"""
    SELECT {RECORD}
    FROM trading_disclosures d
    LEFT JOIN politicians p ON p.id = d.politician_id
    JOIN jsonb_populate_record(NULL::trading_disclosures, jsonb_build_object('id', %(id)s::text)) AS i ON i.id = d.id"""  # noqa: S608

# The first letters of a ticker cell, NULL where it says nothing: equal tickers have equal ones, however they are spelt
# (BRK.B, BRK-B, "brk b"; BAC$K, BAC-PK).
_STEM: LiteralString = """NULLIF(NULLIF(NULLIF(substring(
    upper(COALESCE(d.asset_ticker, d.raw_data #>> '{as_filed,ticker}')) FROM '^\\s*([A-Z0-9]+)'),
    'N'), 'NONE'), 'NULL')"""

# Rows of the same filers on the same days that may concern the same asset, against which duplicates and contradictions
# are judged. A rejected row is no original of anything. Filers with a hundred trades a day would otherwise bring ten
# neighbours a record.
NEIGHBOURS: LiteralString = f"""
    WITH asked AS MATERIALIZED (
        SELECT d.id, d.politician_id, d.transaction_date::date AS day, {_STEM} AS stem
        FROM trading_disclosures d
        JOIN jsonb_populate_recordset(NULL::trading_disclosures, %(ids)s) AS i ON i.id = d.id
    ), days AS (SELECT DISTINCT politician_id, day FROM asked)
    SELECT {RECORD}
    FROM days
    JOIN trading_disclosures d ON d.politician_id = days.politician_id AND d.transaction_date >= days.day
         AND d.transaction_date < days.day + 1
    LEFT JOIN politicians p ON p.id = d.politician_id
    WHERE {OPEN} AND d.llm_validation_status <> 'reject'
      AND NOT EXISTS (SELECT FROM asked WHERE asked.id = d.id)
      AND ({_STEM} IS NULL OR EXISTS (
          SELECT FROM asked
          WHERE asked.politician_id = days.politician_id AND asked.day = days.day
            AND (asked.stem IS NULL OR asked.stem = {_STEM})))
    ORDER BY d.ingest_seq"""  # noqa: S608

REPORTED_NAMES: LiteralString = f"""
    SELECT d.asset_ticker AS ticker, d.asset_name AS name, d.politician_id::text AS filer, count(*) AS rows
    FROM trading_disclosures d
    WHERE d.asset_ticker IS NOT NULL AND d.asset_name IS NOT NULL AND {OPEN}
      AND d.llm_validation_status <> 'reject'
    GROUP BY 1, 2, 3"""  # noqa: S608

FILERS: LiteralString = """
    SELECT p.full_name AS name, COALESCE(sum(d.rows), 0)::int AS rows
    FROM politicians p
    LEFT JOIN (SELECT politician_id, count(*) AS rows FROM trading_disclosures GROUP BY 1) d ON d.politician_id = p.id
    WHERE p.full_name IS NOT NULL
    GROUP BY 1"""

WAITING_SOURCES: LiteralString = (
    f"SELECT DISTINCT COALESCE(d.source, '') AS source FROM trading_disclosures d WHERE {WAITS}"  # noqa: S608
)

COLUMNS: LiteralString = """
    SELECT attrelid::regclass::text AS table_name, attname AS column_name, atttypid::regtype::text AS type,
           CASE WHEN atttypid IN ('varchar'::regtype, 'bpchar'::regtype) AND atttypmod > 4 THEN atttypmod - 4 END
               AS length
    FROM pg_attribute
    WHERE attrelid IN ('data_quality_issues'::regclass, 'data_quality_quarantine'::regclass,
                       'data_quality_corrections'::regclass)
      AND attnum > 0 AND NOT attisdropped"""

_ISSUE: LiteralString = """severity, issue_type, table_name, record_id, field_name, expected_value, actual_value,
    description, status, source, kind, step, reasoning, suggested_action, confidence, audit_trail_id"""
_QUARANTINE: LiteralString = """table_name, original_record_id, quarantine_reason, issue_ids, original_data,
    suggested_corrections, status, audit_trail_id"""


def apply_statement(own_issue_ids: bool, own_quarantine_ids: bool) -> LiteralString:
    """Store one batch: verdicts of what still waits, and with those their issues and quarantine; refused claims;
    failures. Whether the ids that we make fit the tables' id columns; else the tables number their rows themselves.

    Rows are locked in the order of their ids, so that two runs over the same disclosures cannot deadlock. What was
    found before about a record is the same row again, whichever way ids are made.

    What a person decided about the same content stands, whatever the gate says of it now: the status is theirs, and so
    are the issues they settled. An issue that is new is open and brings the record before a person again, and so does a
    rejection of another content for the same reason.
    """
    issue: LiteralString = "id, " + _ISSUE if own_issue_ids else _ISSUE
    quarantine: LiteralString = "id, " + _QUARANTINE if own_quarantine_ids else _QUARANTINE
    return f"""
    WITH verdicts AS (
        SELECT id, llm_validation_status AS status
        FROM jsonb_populate_recordset(NULL::trading_disclosures, %(verdicts)s)
    ), waiting AS MATERIALIZED (
        SELECT d.id, COALESCE(human.status_after, v.status) AS status, human.status_after IS NOT NULL AS reviewed,
               CASE WHEN v.status = 'reject' THEN to_jsonb(d) END AS row
        FROM trading_disclosures d JOIN verdicts v ON v.id = d.id
        LEFT JOIN LATERAL (
            SELECT r.status_after FROM review_decisions r
            WHERE r.disclosure_id = d.id::text AND r.content_sha256 = disclosure_content_sha256(to_jsonb(d))
            ORDER BY r.seq DESC LIMIT 1) AS human ON true
        WHERE {WAITS}
        ORDER BY d.id
        FOR UPDATE OF d
    ), decided AS (
        UPDATE trading_disclosures d SET llm_validation_status = w.status, llm_validated_at = %(now)s
        FROM waiting w
        WHERE d.id = w.id
        RETURNING d.id::text AS id, w.status, w.reviewed, w.row
    ), found AS MATERIALIZED (
        SELECT i.* FROM jsonb_populate_recordset(NULL::data_quality_issues, %(issues)s) i
        JOIN decided ON decided.id = i.record_id::text
    ), earlier AS MATERIALIZED (
        SELECT q.id, q.status AS was, decided.reviewed, found.issue_type IS NOT NULL AS again, found.issue_type,
            found.field_name, found.source, found.record_id, found.severity, found.description, found.reasoning,
            found.suggested_action, found.confidence, found.audit_trail_id
        FROM decided
        CROSS JOIN jsonb_populate_record(
            NULL::data_quality_issues, jsonb_build_object('record_id', decided.id)) AS named
        JOIN data_quality_issues q ON q.table_name = 'trading_disclosures' AND q.record_id = named.record_id
            AND q.source IN ('rules', 'llm_validation')
        LEFT JOIN found ON found.record_id = q.record_id AND found.issue_type = q.issue_type
            AND found.field_name IS NOT DISTINCT FROM q.field_name AND found.source = q.source
    ), resolved AS (
        UPDATE data_quality_issues q SET status = 'resolved'
        FROM earlier WHERE q.id = earlier.id AND NOT earlier.again AND earlier.was = 'open'
    ), reopened AS (
        UPDATE data_quality_issues q
        SET status = CASE WHEN earlier.reviewed AND earlier.was IN ('dismissed', 'confirmed') THEN earlier.was
                          ELSE 'open' END,
            severity = earlier.severity,
            description = earlier.description, reasoning = earlier.reasoning, confidence = earlier.confidence,
            suggested_action = earlier.suggested_action, audit_trail_id = earlier.audit_trail_id
        FROM earlier WHERE q.id = earlier.id AND earlier.again
        RETURNING q.id::text AS id, q.record_id::text AS record_id
    ), added AS (
        INSERT INTO data_quality_issues ({issue})
        SELECT {issue} FROM found
        WHERE NOT EXISTS (
            SELECT FROM earlier
            WHERE earlier.record_id = found.record_id AND earlier.issue_type = found.issue_type
              AND earlier.field_name IS NOT DISTINCT FROM found.field_name AND earlier.source = found.source)
        ON CONFLICT DO NOTHING
        RETURNING id::text AS id, record_id::text AS record_id
    ), named AS (
        SELECT record_id, jsonb_agg(id ORDER BY id) AS ids
        FROM (SELECT * FROM reopened UNION ALL SELECT * FROM added) AS issues
        GROUP BY record_id
    ), rejected AS MATERIALIZED (
        SELECT whole.*
        FROM jsonb_array_elements(%(quarantine)s::jsonb) AS given
        JOIN decided ON decided.id = given ->> 'original_record_id' AND decided.status = 'reject'
            AND NOT decided.reviewed
        LEFT JOIN named ON named.record_id = decided.id
        CROSS JOIN LATERAL jsonb_populate_record(NULL::data_quality_quarantine, given || jsonb_build_object(
            'issue_ids', COALESCE(named.ids, '[]'), 'original_data', decided.row)) AS whole
    ), rejected_otherwise AS (
        UPDATE data_quality_quarantine there SET status = 'pending', original_data = q.original_data,
            issue_ids = q.issue_ids, audit_trail_id = q.audit_trail_id, reviewed_by = NULL, reviewed_at = NULL,
            review_notes = NULL
        FROM rejected q
        WHERE there.table_name = q.table_name AND there.original_record_id = q.original_record_id
          AND there.quarantine_reason = q.quarantine_reason AND there.status IN ('approved', 'rejected')
    ), quarantined AS (
        INSERT INTO data_quality_quarantine ({quarantine})
        SELECT {quarantine} FROM rejected q
        WHERE NOT EXISTS (
            SELECT FROM data_quality_quarantine there
            WHERE there.table_name = q.table_name AND there.original_record_id = q.original_record_id
              AND there.quarantine_reason = q.quarantine_reason)
        ON CONFLICT DO NOTHING
    ), claims AS (
        INSERT INTO ungrounded_claims (audit_trail_id, interrogation, claim, reason_code, detail)
        SELECT audit_trail_id, interrogation, claim, reason_code, detail
        FROM jsonb_populate_recordset(NULL::ungrounded_claims, %(claims)s)
    ), failures AS (
        INSERT INTO validation_failures (disclosure_id, attempts, last_error, last_error_class, first_at, last_at)
        SELECT f.disclosure_id, 1, f.last_error, f.last_error_class, %(now)s, %(now)s
        FROM jsonb_populate_recordset(NULL::validation_failures, %(failures)s) f
        JOIN jsonb_populate_recordset(NULL::trading_disclosures, %(failures)s) i ON i.id::text = f.disclosure_id
        JOIN trading_disclosures d ON d.id = i.id
        WHERE {WAITS}
        ON CONFLICT (disclosure_id) DO UPDATE SET attempts = validation_failures.attempts + 1,
            last_error = EXCLUDED.last_error, last_error_class = EXCLUDED.last_error_class,
            last_at = GREATEST(validation_failures.last_at, EXCLUDED.last_at)
        RETURNING disclosure_id AS id
    ), cured AS (
        DELETE FROM validation_failures USING decided WHERE disclosure_id = decided.id
    )
    SELECT id, true AS decided FROM decided UNION ALL SELECT id, false FROM failures"""  # noqa: S608


# A disclosure without verdict or failure is explained where it came after the run had begun (its transaction is not in
# the run's snapshot), or where the run's cap left it to the next one.
ACCOUNT: LiteralString = f"""
    WITH found AS (
        SELECT d.id::text AS id, d.llm_validation_status AS status, d.deleted_at IS NOT NULL AS deleted,
               d.superseded_by IS NOT NULL AS superseded, f.disclosure_id IS NOT NULL AS failed,
               %(capped)s OR (d.ingest_xid < pg_snapshot_xmax(pg_current_snapshot())
                   AND NOT pg_visible_in_snapshot(d.ingest_xid, %(snapshot)s::pg_snapshot)) IS TRUE AS later
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
                       WHEN superseded THEN 'superseded' WHEN failed THEN 'failed' WHEN later THEN 'waiting'
                       ELSE 'unexplained' END AS place
        FROM found
    )
    SELECT count(*) AS total,
           count(*) FILTER (WHERE place = 'pass') AS passed,
           count(*) FILTER (WHERE place = 'flag') AS flagged,
           count(*) FILTER (WHERE place = 'reject') AS rejected,
           count(*) FILTER (WHERE place = 'failed') AS failed,
           count(*) FILTER (WHERE place = 'waiting') AS waiting,
           count(*) FILTER (WHERE place = 'superseded') AS superseded,
           count(*) FILTER (WHERE place = 'deleted') AS deleted,
           count(*) FILTER (WHERE place = 'unexplained') AS unexplained,
           COALESCE((array_agg(id ORDER BY id COLLATE "C") FILTER (WHERE place = 'unexplained'))[1:20], '{{}}')
               AS unexplained_ids,
           count(*) FILTER (WHERE place = 'reject' AND NOT EXISTS (SELECT FROM quarantined q WHERE q.id = placed.id))
               AS rejected_without_quarantine,
           count(*) FILTER (WHERE place = 'flag' AND NOT EXISTS (SELECT FROM issues i WHERE i.id = placed.id))
               AS flagged_without_issue
    FROM placed"""  # noqa: S608

ANSWERS: LiteralString = """
    SELECT id::text, parsed_output FROM llm_audit_trail
    WHERE dagster_run_id = %s AND parse_success AND service_name = 'validation_gate'"""

PENDING_BY_DAY: LiteralString = f"""
    SELECT {PARTITION_DAY} AS day, count(*) FROM trading_disclosures d
    WHERE {WAITS} AND (%(after)s::timestamptz IS NULL OR d.created_at >= %(after)s)
    GROUP BY 1"""  # noqa: S608

COUNT_OVERDUE: LiteralString = f"""
    SELECT count(*) FROM trading_disclosures d WHERE {WAITS} AND d.created_at < %s"""  # noqa: S608

SNAPSHOT: LiteralString = "SELECT pg_current_snapshot()::text AS snapshot"
