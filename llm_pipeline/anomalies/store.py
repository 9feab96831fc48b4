"""The SQL of detection up to candidates: validated trades in, baselines, sightings, candidates and evaluations out.

Belongs here: set-based reads and writes; the caller holds the transaction. Tables that may have been there before us
keep their own column types, so ids are read as text. Decisions have their own module, `decision_store.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from io import BytesIO
from typing import Any, LiteralString

import polars as pl
from psycopg import Connection, Cursor

from llm_pipeline.anomalies.detection.candidates import Candidate
from llm_pipeline.anomalies.intake import PEOPLE, STORED
from llm_pipeline.anomalies.stored_candidate import candidate_from_json, candidate_json
from llm_pipeline.db.bulk import as_jsonb_rows, copy_into
from llm_pipeline.disclosures.ledger import WITHDRAWN
from llm_pipeline.reference.asof import Reference
from llm_pipeline.reference.read import read_reference
from llm_pipeline.validation.statements import PARTITION_DAY

# A trade is known from its daily partition on: its disclosure date, or the day of ingestion where the source gave none.
KNOWN_ON = PARTITION_DAY

_VALIDATED: LiteralString = "d.deleted_at IS NULL AND d.llm_validation_status IN ('pass', 'flag')"

# A replaced row counts until the day on which its replacement became known, whether or not that one was validated. A
# row whose filing was replaced by one without rows ends on the day of that filing; a row that vanished from its own
# source was never there.
_TRADES: LiteralString = f"""
    WITH replacing AS (
        SELECT d.id::text AS id, {KNOWN_ON} AS known_on
        FROM trading_disclosures d
        JOIN (SELECT DISTINCT superseded_by FROM trading_disclosures WHERE superseded_by IS NOT NULL) AS r
            ON r.superseded_by = d.id::text
    ), withdrawing AS (
        SELECT old.source, old.source_document_id, document.partition_date AS known_on
        FROM ingest_ledger old
        JOIN ingest_ledger document ON document.source = old.source
            AND document.source_document_id = old.detail ->> 'superseded_by_document'
    )
    SELECT d.id::text AS record_id, d.politician_id::text AS politician_id,
           d.transaction_date::date AS transaction_date, {KNOWN_ON} AS disclosure_date,
           CASE WHEN d.superseded_by IS NOT NULL THEN COALESCE(r.known_on, w.known_on, {KNOWN_ON}) END AS withdrawn_on,
           d.asset_ticker AS ticker, d.asset_name AS asset_description, d.asset_type, d.transaction_type,
           d.amount_range_min::bigint AS amount_low, d.amount_range_max::bigint AS amount_high, d.owner, d.source_url,
           d.source
    FROM trading_disclosures d
    LEFT JOIN replacing r ON r.id = d.superseded_by
    LEFT JOIN withdrawing w ON d.superseded_by = '{WITHDRAWN}' AND w.source = d.source
        AND w.source_document_id = d.source_document_id
    WHERE {_VALIDATED} AND {KNOWN_ON} < %(end)s
    ORDER BY d.id::text COLLATE "C" """  # noqa: S608

_PEOPLE: LiteralString = """
    SELECT id::text AS politician_id,
           COALESCE(NULLIF(full_name, ''), concat_ws(' ', first_name, last_name)) AS name,
           bioguide_id AS bioguide,
           CASE WHEN COALESCE(chamber, role) ILIKE '%%senat%%' THEN 'Senate'
                WHEN COALESCE(chamber, role) ILIKE '%%house%%' OR role ILIKE '%%representative%%' THEN 'House' END
               AS chamber,
           state_or_country AS state
    FROM politicians ORDER BY 1"""

_EPISODES: LiteralString = """
    SELECT DISTINCT ON (candidate_id) candidate
    FROM anomaly_sightings WHERE as_of_date < %s
    ORDER BY candidate_id, as_of_date DESC"""

_WRITE_SIGHTINGS: LiteralString = """
    WITH found AS MATERIALIZED (
        SELECT * FROM jsonb_populate_recordset(NULL::anomaly_sightings, %(sightings)s)
    ), gone AS (
        DELETE FROM anomaly_sightings s WHERE s.as_of_date >= %(start)s AND s.as_of_date < %(end)s
          AND NOT EXISTS (SELECT FROM found f WHERE f.candidate_id = s.candidate_id AND f.as_of_date = s.as_of_date)
    )
    INSERT INTO anomaly_sightings AS s (candidate_id, as_of_date, candidate)
    SELECT candidate_id, as_of_date, candidate FROM found
    ON CONFLICT (candidate_id, as_of_date) DO UPDATE SET candidate = EXCLUDED.candidate
    WHERE s.candidate <> EXCLUDED.candidate"""

# A candidate of the window that is not found any more (its trades were deleted or rejected since) takes its decision
# with it, and its signal is withdrawn, not deleted: somebody may have read it. One that is found although its signal
# was withdrawn (a person rejected a record under it, and took that back) is to be judged again.
_WRITE_CANDIDATES: LiteralString = """
    WITH found AS MATERIALIZED (
        SELECT * FROM jsonb_populate_recordset(NULL::anomaly_candidates, %(candidates)s)
    ), gone AS (
        DELETE FROM anomaly_candidates c WHERE c.first_seen >= %(start)s AND c.first_seen < %(end)s
          AND NOT EXISTS (SELECT FROM found f WHERE f.candidate_id = c.candidate_id)
        RETURNING c.candidate_id
    ), undecided AS (
        DELETE FROM anomaly_decisions d USING gone WHERE d.candidate_id = gone.candidate_id
    ), history AS (
        UPDATE anomaly_decision_history h SET superseded_at = %(now)s FROM gone
        WHERE h.candidate_id = gone.candidate_id AND h.superseded_at IS NULL
    ), judged_again AS (
        -- A review withdrew the signal, and its pattern is there again: the decision has to be found to hold once more.
        UPDATE anomaly_decision_history h SET superseded_at = %(now)s FROM found, llm_anomaly_signals s
        WHERE h.candidate_id = found.candidate_id AND h.outcome = 'signal' AND h.superseded_at IS NULL
          AND s.candidate_id = h.candidate_id AND s.status = 'withdrawn'
    ), withdrawn AS (
        UPDATE llm_anomaly_signals s SET status = 'withdrawn' FROM gone
        WHERE s.candidate_id = gone.candidate_id AND s.status <> 'withdrawn'
    )
    INSERT INTO anomaly_candidates AS c (candidate_id, filers, classification, as_of_date, window_days, window_start,
        window_end, trade_ids, evidence, legislative_context, first_seen, last_seen, created_at)
    SELECT candidate_id, filers, classification, as_of_date, window_days, window_start, window_end, trade_ids,
        evidence, legislative_context, first_seen, last_seen, %(now)s
    FROM found
    ON CONFLICT (candidate_id) DO UPDATE SET filers = EXCLUDED.filers, trade_ids = EXCLUDED.trade_ids,
        window_days = EXCLUDED.window_days, window_start = EXCLUDED.window_start, window_end = EXCLUDED.window_end,
        evidence = EXCLUDED.evidence, legislative_context = EXCLUDED.legislative_context
    WHERE (c.filers, c.trade_ids, c.window_days, c.window_start, c.window_end, c.evidence, c.legislative_context)
        IS DISTINCT FROM (EXCLUDED.filers, EXCLUDED.trade_ids, EXCLUDED.window_days, EXCLUDED.window_start,
                          EXCLUDED.window_end, EXCLUDED.evidence, EXCLUDED.legislative_context)"""

_LAST_SEEN: LiteralString = """
    WITH last AS MATERIALIZED (
        SELECT c.candidate_id, max(s.as_of_date) AS day
        FROM anomaly_candidates c JOIN anomaly_sightings s USING (candidate_id)
        WHERE c.candidate_id = ANY(%s) GROUP BY 1
    ), of_signals AS (
        UPDATE llm_anomaly_signals s SET last_seen = last.day FROM last
        WHERE s.candidate_id = last.candidate_id AND s.last_seen IS DISTINCT FROM last.day
    )
    UPDATE anomaly_candidates c SET last_seen = last.day FROM last
    WHERE c.candidate_id = last.candidate_id AND c.last_seen <> last.day"""

# An evaluation is renewed only where it says something new, or where the disclosure was validated again since.
_WRITE_EVALUATIONS: LiteralString = """
    WITH gone AS (
        DELETE FROM trade_evaluations e WHERE e.as_of_date >= %(start)s AND e.as_of_date < %(end)s
          AND NOT EXISTS (SELECT FROM incoming_evaluations i WHERE i.disclosure_id = e.disclosure_id)
    )
    INSERT INTO trade_evaluations AS e (disclosure_id, as_of_date, excluded, thresholds_version, evaluated_at)
    SELECT i.disclosure_id, i.as_of_date, i.excluded, %(version)s, %(now)s
    FROM incoming_evaluations i
    LEFT JOIN trade_evaluations e USING (disclosure_id)
    LEFT JOIN trading_disclosures d ON d.id::text = i.disclosure_id AND d.llm_validated_at > e.evaluated_at
    WHERE e.disclosure_id IS NULL OR d.id IS NOT NULL
       OR (e.as_of_date, e.excluded, e.thresholds_version)
           IS DISTINCT FROM (i.as_of_date, i.excluded, %(version)s)
    ON CONFLICT (disclosure_id) DO UPDATE SET as_of_date = EXCLUDED.as_of_date, excluded = EXCLUDED.excluded,
        thresholds_version = EXCLUDED.thresholds_version, evaluated_at = EXCLUDED.evaluated_at"""

_UNEVALUATED: LiteralString = f"""
    SELECT {KNOWN_ON} AS day, count(*)
    FROM trading_disclosures d
    LEFT JOIN trade_evaluations e ON e.disclosure_id = d.id::text
    WHERE {_VALIDATED} AND {KNOWN_ON} < %(end)s
      AND (e.disclosure_id IS NULL OR e.evaluated_at < d.llm_validated_at)
    GROUP BY 1 ORDER BY 1"""  # noqa: S608


def read_stored_trades(cur: Cursor[Any], end: date) -> pl.DataFrame:
    """Every validated disclosure known before `end`, with the columns of `intake.STORED`.

    Read as CSV in one COPY: 1,000,000 rows become a frame without a Python object each.
    """
    return _frame(cur, _TRADES, {"end": end}, STORED)


def read_people(cur: Cursor[Any]) -> pl.DataFrame:
    """All politicians, with the columns of `intake.PEOPLE`."""
    return _frame(cur, _PEOPLE, {}, PEOPLE)


def _frame(cur: Cursor[Any], query: LiteralString, values: Mapping[str, Any], schema: pl.Schema) -> pl.DataFrame:
    data = BytesIO()
    with cur.copy("COPY (" + query + ") TO STDOUT (FORMAT csv, HEADER)", values) as copy:
        for block in copy:
            data.write(block)
    data.seek(0)
    return pl.read_csv(data, schema=schema)


def read_known_reference(cur: Cursor[Any], end: date) -> Reference:
    """Reference data for as-of dates before `end`: the whole past, so that a day's result depends on no window."""
    return read_reference(cur, date.min, end, prices=False)


def read_episodes(cur: Cursor[Any], before: date) -> list[Candidate]:
    """Every episode as it stood before a day: its last sighting then."""
    return [candidate_from_json(row[0]) for row in cur.execute(_EPISODES, [before]).fetchall()]


def read_sightings(conn: Connection[Any], start: date, end: date) -> list[Candidate]:
    """Every sight of the episodes that were seen, or decided on, on the as-of dates [start, end); by id and day."""
    rows = conn.execute(
        """SELECT candidate FROM anomaly_sightings WHERE candidate_id IN (
               SELECT candidate_id FROM anomaly_sightings WHERE as_of_date >= %(start)s AND as_of_date < %(end)s
               UNION
               SELECT candidate_id FROM anomaly_decision_history
               WHERE evidence_as_of >= %(start)s AND evidence_as_of < %(end)s)
           ORDER BY candidate_id, as_of_date""",
        {"start": start, "end": end},
    ).fetchall()
    return [candidate_from_json(row[0]) for row in rows]


def evaluated_days(cur: Cursor[Any], first: date) -> list[date]:
    """The as-of dates from `first` on whose trades were evaluated, in order."""
    rows = cur.execute(
        "SELECT DISTINCT as_of_date FROM trade_evaluations WHERE as_of_date >= %s ORDER BY 1", [first]
    ).fetchall()
    return [row[0] for row in rows]


def candidate_row(candidate: Candidate) -> dict[str, Any]:
    """A candidate at its first sight, as the columns of anomaly_candidates."""
    value = candidate_json(candidate)
    windows = [one.value for one in candidate.measures if one.name == "window_days" and one.value is not None]
    return {
        "candidate_id": candidate.candidate_id,
        "filers": list(candidate.filers),
        "classification": candidate.classification,
        "as_of_date": candidate.first_seen,
        "window_days": int(windows[0]) if windows else (candidate.window_end - candidate.window_start).days + 1,
        "window_start": candidate.window_start,
        "window_end": candidate.window_end,
        "trade_ids": list(candidate.trade_ids),
        "evidence": {
            name: value[name]
            for name in ("detector", "subject", "filer_keys", "p_value", "adjusted_p", "family_size", "measures")
        }
        | {
            "cautions": value["cautions"],
            "thresholds": {"version": candidate.thresholds_version, "sha256": candidate.thresholds_fingerprint},
        },
        "legislative_context": {"proximity_score": value["proximity_score"], "events": value["events"]},
        "first_seen": candidate.first_seen,
        "last_seen": candidate.last_seen,
    }


def write_candidates(cur: Cursor[Any], start: date, end: date, sightings: Sequence[Candidate], now: datetime) -> None:
    """Make the window's sightings and candidates what was found; rows that are the same are not touched."""
    window = {"start": start, "end": end}
    rows = [
        {"candidate_id": one.candidate_id, "as_of_date": one.as_of_date, "candidate": candidate_json(one)}
        for one in sightings
    ]
    lost = cur.execute(
        "SELECT DISTINCT candidate_id FROM anomaly_sightings WHERE as_of_date >= %(start)s AND as_of_date < %(end)s",
        window,
    ).fetchall()
    cur.execute(_WRITE_SIGHTINGS, {**window, "sightings": as_jsonb_rows(rows)})
    first = [candidate_row(one) for one in sightings if one.first_seen == one.as_of_date]
    cur.execute(_WRITE_CANDIDATES, {**window, "candidates": as_jsonb_rows(first), "now": now})
    touched = sorted({one.candidate_id for one in sightings} | {row[0] for row in lost})
    cur.execute(_LAST_SEEN, [touched])


def write_evaluations(
    cur: Cursor[Any],
    start: date,
    end: date,
    trades: Iterable[tuple[str, date, str | None]],
    thresholds_version: str,
    now: datetime,
) -> None:
    """Remember which trades were evaluated on the as-of dates [start, end): (id, day it became known, exclusion)."""
    cur.execute(
        """CREATE TEMP TABLE incoming_evaluations (disclosure_id text COLLATE "C", as_of_date date, excluded text)
           ON COMMIT DROP"""
    )
    copy_into(cur, "incoming_evaluations", ("disclosure_id", "as_of_date", "excluded"), trades)
    cur.execute("ANALYZE incoming_evaluations")
    cur.execute(_WRITE_EVALUATIONS, {"start": start, "end": end, "version": thresholds_version, "now": now})


def unevaluated_by_day(conn: Connection[Any], end: date) -> dict[date, int]:
    """Validated trades known before `end` that detection has not looked at since they were validated, by day."""
    return {row[0]: row[1] for row in conn.execute(_UNEVALUATED, {"end": end}).fetchall()}
