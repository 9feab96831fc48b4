"""What the database says after a detection run: questions that the checks ask. SQL; nothing is written.

Belongs here: counting again, independently of the code that wrote. Whether a count is good enough is decided by the
checks (`llm_pipeline/defs/anomalies/checks.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, LiteralString

from psycopg import Connection
from psycopg.rows import dict_row
from pydantic import BaseModel, ValidationError

from llm_pipeline.anomalies.contract import AnomalyAnswer
from llm_pipeline.anomalies.decision import MOST_CONFIDENCE
from llm_pipeline.anomalies.interrogation import KEY
from llm_pipeline.anomalies.store import KNOWN_ON, unevaluated_by_day

SHOWN = 20

_AHEAD: LiteralString = f"""
    SELECT s.candidate_id, s.as_of_date, 'trade ' || d.id::text || ' became known on ' || {KNOWN_ON}::text AS problem
    FROM anomaly_sightings s
    CROSS JOIN LATERAL jsonb_array_elements_text(s.candidate -> 'trade_ids') AS t (trade_id)
    JOIN trading_disclosures d ON d.id::text = t.trade_id
    WHERE s.as_of_date >= %(start)s AND s.as_of_date < %(end)s AND {KNOWN_ON} > s.as_of_date
    UNION ALL
    SELECT s.candidate_id, s.as_of_date, 'event ' || (e.near #>> '{{event,event_id}}') || ' was not known yet'
    FROM anomaly_sightings s
    CROSS JOIN LATERAL jsonb_array_elements(s.candidate -> 'events') AS e (near)
    WHERE s.as_of_date >= %(start)s AND s.as_of_date < %(end)s
      AND COALESCE(e.near #>> '{{event,known_from}}', e.near #>> '{{event,day}}')::date > s.as_of_date
    ORDER BY 2, 1, 3"""  # noqa: S608

# Against the evidence of the day that was asked about, kept in anomaly_sightings, and the audited answer; nothing here
# goes through the code that wrote the signal.
_UNGROUNDED: LiteralString = """
    WITH signals AS MATERIALIZED (
        SELECT s.*, x.candidate AS found, ARRAY(SELECT jsonb_array_elements_text(x.candidate -> 'trade_ids')) AS own,
               x.candidate -> 'cautions' <> '[]' AND x.candidate -> 'events' = '[]' AS limited
        FROM llm_anomaly_signals s
        LEFT JOIN anomaly_sightings x ON x.candidate_id = s.candidate_id
            AND x.as_of_date = COALESCE(s.evidence_as_of, s.as_of_date)
        WHERE s.status = 'active' AND (s.as_of_date >= %(start)s AND s.as_of_date < %(end)s
            OR s.evidence_as_of >= %(start)s AND s.evidence_as_of < %(end)s)
    ), trades AS MATERIALIZED (
        SELECT s.signal_id, t.trade ->> 'record_id' AS record_id, t.trade ->> 'ticker' AS ticker,
               (t.trade ->> 'date')::date AS day, s.own, s.found IS NOT NULL AS known
        FROM signals s CROSS JOIN LATERAL jsonb_array_elements(s.trades_involved) AS t (trade)
    ), rows AS MATERIALIZED (
        SELECT d.id::text AS id, d.asset_ticker, d.transaction_date::date AS day FROM trading_disclosures d
        WHERE d.deleted_at IS NULL AND d.llm_validation_status IN ('pass', 'flag')
          AND d.id::text IN (SELECT record_id FROM trades UNION SELECT unnest(own) FROM signals)
    )
    SELECT signal_id, 'there is no such candidate with evidence of that day' AS problem FROM signals WHERE found IS NULL
    UNION ALL
    SELECT signal_id, 'it names no trade' FROM signals WHERE trades_involved = '[]'
    UNION ALL
    SELECT signal_id, 'trade ' || record_id || ' is not one of the candidate''s' FROM trades
    WHERE known AND NOT record_id = ANY (own)
    UNION ALL
    SELECT signal_id, 'trade ' || record_id || ' is named twice' FROM trades GROUP BY 1, record_id HAVING count(*) > 1
    UNION ALL
    SELECT t.signal_id, 'trade ' || t.record_id || ' has another ticker or day, or is no validated trade'
    FROM trades t LEFT JOIN rows r ON r.id = t.record_id
    WHERE r.id IS NULL OR r.day IS DISTINCT FROM t.day
       OR NULLIF(btrim(r.asset_ticker), '') IS DISTINCT FROM t.ticker
    UNION ALL
    SELECT s.signal_id, 'event ' || e.event_id || ' is not one of the candidate''s'
    FROM signals s
    CROSS JOIN LATERAL jsonb_array_elements_text(s.legislative_context -> 'related_events') AS e (event_id)
    WHERE s.found IS NOT NULL AND NOT EXISTS (
        SELECT FROM jsonb_array_elements(s.found -> 'events') AS n (near)
        WHERE n.near #>> '{event,event_id}' = e.event_id)
    UNION ALL
    SELECT s.signal_id, 'ticker ' || k.ticker || ' is not traded by the candidate'
    FROM signals s
    CROSS JOIN LATERAL jsonb_array_elements_text(s.trading_signal -> 'suggested_tickers') AS k (ticker)
    WHERE s.found IS NOT NULL
      AND NOT EXISTS (SELECT FROM rows r WHERE r.id = ANY (s.own) AND btrim(r.asset_ticker) = k.ticker)
    UNION ALL
    SELECT s.signal_id, 'number ' || m.measure::text || ' is not the computed one'
    FROM signals s CROSS JOIN LATERAL jsonb_array_elements(s.statistical_evidence -> 'measures') AS m (measure)
    WHERE s.found IS NOT NULL AND NOT s.found -> 'measures' @> jsonb_build_array(m.measure)
    UNION ALL
    SELECT s.signal_id, 'numbers of the evidence are missing or doubled' FROM signals s
    WHERE s.found IS NOT NULL AND jsonb_array_length(s.found -> 'measures')
        IS DISTINCT FROM jsonb_array_length(s.statistical_evidence -> 'measures')
    UNION ALL
    SELECT s.signal_id, 'the ' || n.name || ' is not the computed one'
    FROM signals s CROSS JOIN LATERAL (VALUES ('z_score'), ('baseline_deviation_pct')) AS n (name)
    WHERE s.found IS NOT NULL AND s.statistical_evidence ->> n.name IS DISTINCT FROM (
        SELECT c.measure ->> 'value' FROM jsonb_array_elements(s.found -> 'measures') AS c (measure)
        WHERE c.measure ->> 'name' = n.name)
    UNION ALL
    SELECT s.signal_id, 'the ' || n.name || ' is not the candidate''s'
    FROM signals s CROSS JOIN LATERAL (VALUES
        ('classification', to_jsonb(s.classification), s.found -> 'classification'),
        ('proximity_score', s.legislative_context -> 'proximity_score', s.found -> 'proximity_score'),
        ('p_value', s.statistical_evidence -> 'p_value', s.found -> 'p_value'),
        ('adjusted_p', s.statistical_evidence -> 'adjusted_p', s.found -> 'adjusted_p'),
        ('family_size', s.statistical_evidence -> 'family_size', s.found -> 'family_size'),
        ('list of cautions', s.statistical_evidence -> 'cautions', s.found -> 'cautions'),
        ('version of the thresholds', s.statistical_evidence #> '{thresholds,version}',
            s.found -> 'thresholds_version'),
        ('hash of the thresholds', s.statistical_evidence #> '{thresholds,sha256}',
            s.found -> 'thresholds_fingerprint'),
        ('filer', to_jsonb(s.filer),
            to_jsonb(array_to_string(ARRAY(SELECT jsonb_array_elements_text(s.found -> 'filers')), ', '))),
        ('window', jsonb_build_array(s.analysis_window_start, s.analysis_window_end),
            jsonb_build_array(s.found -> 'window_start', s.found -> 'window_end'))
    ) AS n (name, told, computed)
    WHERE s.found IS NOT NULL AND n.told IS DISTINCT FROM n.computed
    UNION ALL
    SELECT signal_id, 'its confidence is not what the sample allows' FROM signals
    WHERE limited AND confidence > %(most)s
       OR statistical_evidence ? 'confidence_said' AND NOT (limited AND confidence = %(most)s)
    UNION ALL
    SELECT s.signal_id, 'its words are not those of the audited answer' FROM signals s
    LEFT JOIN llm_audit_trail a ON a.id = s.audit_trail_id
    WHERE NOT EXISTS (
        SELECT FROM jsonb_array_elements(CASE jsonb_typeof(a.parsed_output -> 'signals') WHEN 'array'
            THEN a.parsed_output -> 'signals' ELSE '[]' END) AS e (answer)
        WHERE e.answer ->> 'candidate_id' = s.candidate_id AND e.answer ->> 'reasoning' = s.reasoning
          AND e.answer ->> 'self_verification_notes' = s.self_verification_notes
          AND e.answer ->> 'severity' = s.severity
          AND e.answer ->> 'confidence' = COALESCE(s.statistical_evidence ->> 'confidence_said', s.confidence::text)
          AND e.answer -> 'trading_signal' = s.trading_signal)
    ORDER BY 1, 2"""

_ACCOUNT: LiteralString = """
    SELECT count(*) AS candidates,
           count(*) FILTER (WHERE d.outcome = 'signal' AND s.signal_id IS NOT NULL) AS signals,
           count(*) FILTER (WHERE d.outcome = 'rejected') AS rejected,
           count(*) FILTER (WHERE d.outcome = 'ungrounded') AS ungrounded,
           count(*) FILTER (WHERE d.outcome = 'failed') AS failed,
           COALESCE((array_agg(c.candidate_id ORDER BY c.candidate_id)
               FILTER (WHERE d.outcome IS NULL OR (d.outcome = 'signal' AND s.signal_id IS NULL)))[1:20], '{}')
               AS unaccounted
    FROM anomaly_candidates c
    LEFT JOIN anomaly_decisions d USING (candidate_id)
    LEFT JOIN llm_anomaly_signals s ON s.candidate_id = c.candidate_id AND s.status = 'active'
    WHERE c.first_seen >= %(start)s AND c.first_seen < %(end)s"""


@dataclass(frozen=True)
class CandidateAccount:
    """Where every candidate of a window stands. failed: no answer, asked again next time."""

    candidates: int
    signals: int
    rejected: int
    ungrounded: int
    failed: int
    unaccounted: tuple[str, ...]

    @property
    def reconciles(self) -> bool:
        """Candidates = signals + rejected + refused as ungrounded + failed."""
        told = self.signals + self.rejected + self.ungrounded + self.failed
        return not self.unaccounted and told == self.candidates


def account_for_candidates(conn: Connection[Any], start: date, end: date) -> CandidateAccount:
    """Where every candidate first seen on the as-of dates [start, end) stands."""
    with conn.cursor(row_factory=dict_row) as cur:
        row = cur.execute(_ACCOUNT, {"start": start, "end": end}).fetchone()
    assert row is not None  # an aggregate always has a row
    return CandidateAccount(**{**row, "unaccounted": tuple(row["unaccounted"])})


def look_ahead(conn: Connection[Any], start: date, end: date) -> list[str]:
    """What the candidates of the window used before it was public; empty: nothing."""
    rows = conn.execute(_AHEAD, {"start": start, "end": end}).fetchall()
    return [f"{candidate_id} as of {day}: {problem}" for candidate_id, day, problem in rows]


def ungrounded_signals(conn: Connection[Any], start: date, end: date) -> list[str]:
    """What in the window's active signals the stored evidence does not bear out; empty: nothing."""
    rows = conn.execute(_UNGROUNDED, {"start": start, "end": end, "most": MOST_CONFIDENCE}).fetchall()
    return [f"{signal_id}: {problem}" for signal_id, problem in rows]


@dataclass(frozen=True)
class Unevaluated:
    """Validated trades that detection has not looked at since they were validated: in the window, and before it.

    before: since the first day that was ever evaluated; what was public earlier is a matter for a backfill.
    """

    within: dict[date, int]
    before: dict[date, int]


def unevaluated(conn: Connection[Any], start: date, end: date) -> Unevaluated:
    """Validated trades known before `end` that wait for their evaluation."""
    found = unevaluated_by_day(conn, end)
    row = conn.execute("SELECT min(as_of_date) FROM trade_evaluations").fetchone()
    first = row[0] if row and row[0] else start
    return Unevaluated(
        {day: count for day, count in found.items() if day >= start},
        {day: count for day, count in found.items() if first <= day < start},
    )


@dataclass(frozen=True)
class StoredAnswers:
    """The model's answers of a run as they are in the database: how many, and which no longer fit the contract."""

    checked: int
    invalid: list[str]


def check_answers(
    conn: Connection[Any], run_id: str, key: str = KEY, contract: type[BaseModel] = AnomalyAnswer
) -> StoredAnswers:
    """Whether the stored answers of a Dagster run to an interrogation still fit its contract."""
    checked, invalid = 0, []
    for audit_id, answer in _answers(conn, run_id, key):
        checked += 1
        try:
            contract.model_validate_json(answer)
        except ValidationError as error:
            invalid.append(f"{audit_id}: {error.errors()[0]['msg']}")
    return StoredAnswers(checked, invalid)


def _answers(conn: Connection[Any], run_id: str, key: str) -> Iterator[tuple[str, str]]:
    with conn.cursor(name="answers") as cur:
        cur.execute(
            """SELECT id::text, parsed_output::text FROM llm_audit_trail
               WHERE dagster_run_id = %s AND parse_success AND service_name = %s""",
            [run_id, key],
        )
        yield from cur


def newest_baseline(conn: Connection[Any]) -> date | None:
    """The latest as-of date that has baselines."""
    row = conn.execute("SELECT max(as_of_date) FROM baseline_stats").fetchone()
    return row[0] if row else None


def days_without_baseline(conn: Connection[Any], start: date, end: date) -> list[date]:
    """Days of [start, end) without any baseline although some validated trade was known by then."""
    rows = conn.execute(
        f"""SELECT day::date FROM generate_series(%(start)s::date, %(end)s::date - 1, INTERVAL '1 day') AS day
            WHERE day::date > (SELECT min({KNOWN_ON}) + 120 FROM trading_disclosures d
                               WHERE d.deleted_at IS NULL AND d.llm_validation_status IN ('pass', 'flag'))
              AND NOT EXISTS (SELECT FROM baseline_stats b WHERE b.as_of_date = day::date)
            ORDER BY 1""",  # noqa: S608
        {"start": start, "end": end},
    ).fetchall()
    return [row[0] for row in rows]
