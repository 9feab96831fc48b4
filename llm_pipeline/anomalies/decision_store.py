"""The SQL of decisions: their history, what of it stands, and the signals that follow.

Belongs here: set-based reads and writes; the caller holds the transaction unless said otherwise. anomaly_decisions and
llm_anomaly_signals are written from anomaly_decision_history alone, so that the order in which answers come makes no
difference. A human's review is never overwritten unless what was reviewed changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, LiteralString

from psycopg import AsyncCursor, Connection

from llm_pipeline.anomalies.decision import Decision
from llm_pipeline.anomalies.detection.candidates import Candidate
from llm_pipeline.anomalies.stored_candidate import evidence_sha256
from llm_pipeline.db.bulk import as_jsonb_rows

# Two answers about stages of one episode may come at the same time: each takes its turn, and the second sees the first.
_TURN: LiteralString = """
    SELECT FROM anomaly_candidates WHERE candidate_id = ANY(%(ids)s) ORDER BY candidate_id FOR NO KEY UPDATE"""

_TELL: LiteralString = """
    WITH told AS (
        INSERT INTO anomaly_decision_history AS h (candidate_id, evidence_as_of, evidence_sha256, outcome, explanation,
            signal, audit_trail_id, decided_at)
        SELECT candidate_id, evidence_as_of, evidence_sha256, outcome, explanation, signal, audit_trail_id, %(now)s
        FROM jsonb_populate_recordset(NULL::anomaly_decision_history, %(decisions)s)
        ON CONFLICT (candidate_id, evidence_as_of, evidence_sha256) DO UPDATE SET outcome = EXCLUDED.outcome,
            explanation = EXCLUDED.explanation, signal = EXCLUDED.signal, audit_trail_id = EXCLUDED.audit_trail_id,
            decided_at = EXCLUDED.decided_at, superseded_at = NULL
        -- Two runs at once: an answer is not taken back by a later failure to get one.
        WHERE EXCLUDED.outcome <> 'failed' OR h.outcome = 'failed'
    )
    INSERT INTO ungrounded_claims (audit_trail_id, interrogation, claim, reason_code, detail)
    SELECT audit_trail_id, interrogation, claim, reason_code, detail
    FROM jsonb_populate_recordset(NULL::ungrounded_claims, %(claims)s)"""

# What stands: of the decisions on evidence that is still there, the latest upheld or rejected one; only where there is
# none, the latest refusal or failure. A signal without its candidate is never written.
_STANDING: LiteralString = """
    WITH standing AS MATERIALIZED (
        SELECT DISTINCT ON (h.candidate_id) h.*, c.first_seen,
            (SELECT max(x.as_of_date) FROM anomaly_sightings x WHERE x.candidate_id = h.candidate_id) AS last_sight
        FROM anomaly_decision_history h JOIN anomaly_candidates c USING (candidate_id)
        WHERE h.candidate_id = ANY(%(ids)s) AND h.superseded_at IS NULL
        ORDER BY h.candidate_id, (h.outcome IN ('signal', 'rejected')) DESC, h.evidence_as_of DESC, h.decided_at DESC
    ), remembered AS (
        INSERT INTO anomaly_decisions AS d (candidate_id, as_of_date, evidence_as_of, outcome, explanation,
            evidence_sha256, audit_trail_id, decided_at)
        SELECT candidate_id, first_seen, evidence_as_of, outcome, explanation, evidence_sha256, audit_trail_id,
            decided_at
        FROM standing
        ON CONFLICT (candidate_id) DO UPDATE SET as_of_date = EXCLUDED.as_of_date,
            evidence_as_of = EXCLUDED.evidence_as_of, outcome = EXCLUDED.outcome, explanation = EXCLUDED.explanation,
            evidence_sha256 = EXCLUDED.evidence_sha256, audit_trail_id = EXCLUDED.audit_trail_id,
            decided_at = EXCLUDED.decided_at
        WHERE (d.as_of_date, d.evidence_as_of, d.outcome, d.explanation, d.evidence_sha256, d.audit_trail_id)
            IS DISTINCT FROM (EXCLUDED.as_of_date, EXCLUDED.evidence_as_of, EXCLUDED.outcome, EXCLUDED.explanation,
                              EXCLUDED.evidence_sha256, EXCLUDED.audit_trail_id)
    ), undecided AS (
        DELETE FROM anomaly_decisions d WHERE d.candidate_id = ANY(%(ids)s)
          AND NOT EXISTS (SELECT FROM standing WHERE standing.candidate_id = d.candidate_id)
    ), withdrawn AS (
        UPDATE llm_anomaly_signals s SET status = 'withdrawn'
        WHERE s.candidate_id = ANY(%(ids)s) AND s.status <> 'withdrawn' AND NOT EXISTS (
            SELECT FROM standing WHERE standing.candidate_id = s.candidate_id AND standing.outcome = 'signal')
    )
    INSERT INTO llm_anomaly_signals AS s (id, created_at, signal_id, filer, classification, severity, confidence,
        trades_involved, legislative_context, statistical_evidence, reasoning, trading_signal,
        self_verification_notes, analysis_window_start, analysis_window_end, audit_trail_id, candidate_id, as_of_date,
        evidence_as_of, last_seen)
    SELECT made.id, standing.decided_at, made.signal_id, made.filer, made.classification, made.severity,
        made.confidence, made.trades_involved, made.legislative_context, made.statistical_evidence, made.reasoning,
        made.trading_signal, made.self_verification_notes, made.analysis_window_start, made.analysis_window_end,
        standing.audit_trail_id, standing.candidate_id, standing.first_seen, standing.evidence_as_of,
        standing.last_sight
    FROM standing CROSS JOIN LATERAL jsonb_populate_record(NULL::llm_anomaly_signals, standing.signal) AS made
    WHERE standing.outcome = 'signal'
    ON CONFLICT (signal_id) DO UPDATE SET filer = EXCLUDED.filer, classification = EXCLUDED.classification,
        severity = EXCLUDED.severity, confidence = EXCLUDED.confidence, trades_involved = EXCLUDED.trades_involved,
        legislative_context = EXCLUDED.legislative_context, statistical_evidence = EXCLUDED.statistical_evidence,
        reasoning = EXCLUDED.reasoning, trading_signal = EXCLUDED.trading_signal,
        self_verification_notes = EXCLUDED.self_verification_notes,
        analysis_window_start = EXCLUDED.analysis_window_start, analysis_window_end = EXCLUDED.analysis_window_end,
        audit_trail_id = EXCLUDED.audit_trail_id, as_of_date = EXCLUDED.as_of_date,
        evidence_as_of = EXCLUDED.evidence_as_of, last_seen = EXCLUDED.last_seen,
        status = 'active',
        -- The same signal again keeps what was decided on it; another one waits for a decision of its own.
        (review_status, reviewed_by, reviewed_at, review_notes) = (
            SELECT kept.* FROM (SELECT s.review_status, s.reviewed_by, s.reviewed_at, s.review_notes) AS kept
            WHERE (s.filer, s.classification, s.severity, s.confidence, s.trades_involved, s.legislative_context,
                   s.statistical_evidence, s.reasoning, s.trading_signal, s.self_verification_notes, s.as_of_date)
                IS NOT DISTINCT FROM
                  (EXCLUDED.filer, EXCLUDED.classification, EXCLUDED.severity, EXCLUDED.confidence,
                   EXCLUDED.trades_involved, EXCLUDED.legislative_context, EXCLUDED.statistical_evidence,
                   EXCLUDED.reasoning, EXCLUDED.trading_signal, EXCLUDED.self_verification_notes, EXCLUDED.as_of_date)
            UNION ALL SELECT 'pending', NULL, NULL, NULL LIMIT 1)
    WHERE s.status <> 'active' OR (s.filer, s.classification, s.severity, s.confidence, s.trades_involved,
            s.legislative_context, s.statistical_evidence, s.reasoning, s.trading_signal, s.self_verification_notes,
            s.as_of_date, s.evidence_as_of)
        IS DISTINCT FROM (EXCLUDED.filer, EXCLUDED.classification, EXCLUDED.severity, EXCLUDED.confidence,
            EXCLUDED.trades_involved, EXCLUDED.legislative_context, EXCLUDED.statistical_evidence, EXCLUDED.reasoning,
            EXCLUDED.trading_signal, EXCLUDED.self_verification_notes, EXCLUDED.as_of_date, EXCLUDED.evidence_as_of)"""

# A decision holds for the evidence it was made on: where a day was run again and its evidence changed, it does no
# more, and where the evidence came back, it does again.
_HOLD: LiteralString = """
    WITH stage AS MATERIALIZED (
        SELECT candidate_id, evidence_as_of, evidence_sha256
        FROM jsonb_populate_recordset(NULL::anomaly_decision_history, %(stages)s)
    )
    UPDATE anomaly_decision_history h
    SET superseded_at = CASE WHEN h.superseded_at IS NULL THEN %(now)s END
    WHERE h.candidate_id = ANY(%(ids)s) AND (h.superseded_at IS NULL) <> EXISTS (
        SELECT FROM stage WHERE (stage.candidate_id, stage.evidence_as_of, stage.evidence_sha256)
            = (h.candidate_id, h.evidence_as_of, h.evidence_sha256))
    RETURNING h.candidate_id"""


def judged_until(conn: Connection[Any]) -> date | None:
    """The latest as-of date whose evidence was ever put to a model; None: none was."""
    row = conn.execute("SELECT max(evidence_as_of) FROM anomaly_decision_history").fetchone()
    return row[0] if row else None


def hold_to_evidence(conn: Connection[Any], stages: Sequence[Candidate], now: datetime) -> None:
    """Let stand only what was decided on evidence that is still there, and write decisions and signals accordingly.

    Where nothing changed, nothing is written: a signal that somebody edited is left for the grounding check to find.

    Args:
        stages: all stages of the episodes concerned.
    """
    rows = [
        {
            "candidate_id": one.candidate_id,
            "evidence_as_of": one.as_of_date,
            "evidence_sha256": evidence_sha256(one),
        }
        for one in stages
    ]
    values = {"stages": as_jsonb_rows(rows), "ids": sorted({one.candidate_id for one in stages}), "now": now}
    with conn.transaction():
        conn.execute(_TURN, values)
        changed = conn.execute(_HOLD, values).fetchall()
        if changed:
            conn.execute(_STANDING, {"ids": sorted({row[0] for row in changed})})


def read_answered(conn: Connection[Any], candidate_ids: Sequence[str]) -> set[tuple[str, str]]:
    """(candidate id, SHA-256 of the evidence) of what need not be asked: decided on that evidence, and written down."""
    rows = conn.execute(
        """SELECT h.candidate_id, h.evidence_sha256
           FROM anomaly_decision_history h
           JOIN anomaly_decisions d ON d.candidate_id = h.candidate_id
           LEFT JOIN llm_anomaly_signals s ON s.candidate_id = h.candidate_id
           WHERE h.candidate_id = ANY(%s) AND h.superseded_at IS NULL AND h.outcome <> 'failed'
             AND (d.outcome <> 'signal' OR s.signal_id IS NOT NULL)""",
        [list(candidate_ids)],
    ).fetchall()
    return {(row[0], row[1]) for row in rows}


def decision_values(
    decisions: Sequence[Decision], foreign: Sequence[tuple[str, str]], interrogation: str, now: datetime
) -> dict[str, Any]:
    """The values of `_TURN`, `_TELL` and `_STANDING`."""
    claims = [
        {
            "audit_trail_id": decision.audit_id,
            "interrogation": interrogation,
            "claim": claim.claim,
            "reason_code": claim.reason_code,
            "detail": claim.detail,
        }
        for decision in decisions
        for claim in decision.claims
    ] + [
        {
            "audit_trail_id": audit_id,
            "interrogation": interrogation,
            "claim": {"candidate_id": candidate_id},
            "reason_code": "unknown_candidate",
            "detail": "nobody asked about this candidate",
        }
        for candidate_id, audit_id in foreign
    ]
    return {
        "decisions": as_jsonb_rows(one.row() for one in decisions),
        "claims": as_jsonb_rows(claims),
        "ids": sorted({one.candidate.candidate_id for one in decisions}),
        "now": now,
    }


async def apply_decisions(
    cur: AsyncCursor[dict[str, Any]],
    decisions: Sequence[Decision],
    foreign: Sequence[tuple[str, str]],
    interrogation: str,
    now: datetime,
) -> None:
    """Store decisions, signals and refused claims in the caller's transaction; others about the same candidates wait.

    Args:
        foreign: (candidate id, audit id) of answers about candidates that nobody asked about.
    """
    values = decision_values(decisions, foreign, interrogation, now)
    await cur.execute(_TURN, values)
    await cur.execute(_TELL, values)
    await cur.execute(_STANDING, values)


def note_failures(conn: Connection[Any], decisions: Sequence[Decision], interrogation: str, now: datetime) -> None:
    """Store that candidates could not be asked about."""
    values = decision_values(decisions, (), interrogation, now)
    with conn.transaction():
        conn.execute(_TURN, values)
        conn.execute(_TELL, values)
        conn.execute(_STANDING, values)
