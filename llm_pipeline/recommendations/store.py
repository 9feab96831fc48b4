"""The SQL of recommendations: a period's case from the database, and the proposals that were left of an answer.

Belongs here: set-based reads and writes; the caller holds the transaction.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, LiteralString

from psycopg import Connection, Cursor
from psycopg.rows import dict_row

from llm_pipeline.anomalies.detection.thresholds import Thresholds
from llm_pipeline.anomalies.detection.trial import rounded
from llm_pipeline.anomalies.stored_candidate import row_id
from llm_pipeline.db.bulk import as_jsonb_rows
from llm_pipeline.recommendations.case import FeedbackCase, SignalResult
from llm_pipeline.recommendations.contract import FeedbackAnswer
from llm_pipeline.recommendations.parameters import known_parameters

_PERIOD: LiteralString = """
    SELECT period_start, horizon_days FROM scorecards
    WHERE period_end = %s AND classification = 'ALL' AND prompt_version = 'ALL' AND model = 'ALL'
    ORDER BY period_start LIMIT 1"""

_CARDS: LiteralString = """
    SELECT scorecard FROM scorecards WHERE period_start = %s AND period_end = %s AND scorecard IS NOT NULL
    ORDER BY classification COLLATE "C", prompt_version, model"""

_SIGNALS: LiteralString = """
    WITH closed AS (
        SELECT signal_id, min(direction) AS direction, avg(return_pct) AS return_pct, avg(alpha_pct) AS alpha_pct
        FROM signal_outcomes
        WHERE status = 'closed' AND horizon_days = %(horizon)s AND direction <> 'neutral'
          AND as_of_date >= %(start)s AND exit_date < %(end)s
        GROUP BY signal_id
    )
    SELECT s.signal_id, s.as_of_date, s.classification, s.severity, s.confidence, c.direction, a.prompt_version,
           c.return_pct, c.alpha_pct, s.statistical_evidence -> 'cautions' AS cautions,
           ARRAY(SELECT DISTINCT q.issue_type COLLATE "C"
                 FROM jsonb_array_elements(s.trades_involved) AS t (trade)
                 JOIN data_quality_issues q
                   ON q.table_name = 'trading_disclosures' AND q.record_id = t.trade ->> 'record_id'
                 WHERE q.issue_type IS NOT NULL ORDER BY 1) AS issues
    FROM closed c
    JOIN llm_anomaly_signals s USING (signal_id)
    LEFT JOIN llm_audit_trail a ON a.id = s.audit_trail_id
    WHERE c.alpha_pct IS NOT NULL AND s.status = 'active'
    ORDER BY s.signal_id"""

_VERSIONS: LiteralString = "SELECT interrogation, version FROM prompt_versions WHERE status = 'active'"

_STORE: LiteralString = """
    WITH made AS (
        SELECT * FROM jsonb_populate_recordset(NULL::llm_prompt_recommendations, %(row)s)
    ), superseded AS (
        UPDATE llm_prompt_recommendations r SET superseded_by = made.feedback_id
        FROM made
        WHERE r.analysis_period_end = made.analysis_period_end AND r.feedback_id <> made.feedback_id
          AND r.status = 'pending' AND r.superseded_by IS NULL
          AND NOT EXISTS (SELECT FROM llm_prompt_recommendations k WHERE k.feedback_id = made.feedback_id)
    )
    INSERT INTO llm_prompt_recommendations (id, created_at, feedback_id, analysis_period_start, analysis_period_end,
        scorecard, failure_patterns, prompt_recommendations, threshold_adjustments, data_quality_feedback,
        meta_confidence, next_review_date, evidence, audit_trail_id)
    SELECT id, %(now)s, feedback_id, analysis_period_start, analysis_period_end, scorecard, failure_patterns,
        prompt_recommendations, threshold_adjustments, data_quality_feedback, meta_confidence, next_review_date,
        evidence, audit_trail_id
    FROM made
    ON CONFLICT (feedback_id) DO NOTHING"""


def read_case(conn: Connection[Any], end: date) -> FeedbackCase | None:
    """The longest period with a scorecard that ends on `end`, with every signal that closed in it.

    None where no scorecard ends on that day.
    """
    found = conn.execute(_PERIOD, [end]).fetchone()
    if found is None:
        return None
    start, horizon = found
    cards = [card for (card,) in conn.execute(_CARDS, [start, end])]
    with conn.cursor(row_factory=dict_row) as cur:
        signals = cur.execute(_SIGNALS, {"start": start, "end": end, "horizon": horizon}).fetchall()
    versions: dict[str, str] = dict(conn.execute(_VERSIONS).fetchall())
    return FeedbackCase(
        start=start,
        end=end,
        signals=tuple(_result(row) for row in signals),
        scorecard={"horizon_trading_days": horizon, "scorecards": cards},
        parameters=known_parameters(Thresholds()),
        validation_version=versions.get("validation_gate", "none"),
        anomaly_version=versions.get("anomaly_detection", "none"),
    )


def _result(row: dict[str, Any]) -> SignalResult:
    return SignalResult(
        signal_id=row["signal_id"],
        as_of_date=row["as_of_date"],
        classification=row["classification"],
        severity=row["severity"],
        confidence=row["confidence"],
        direction=row["direction"],
        prompt_version=row["prompt_version"] or "unknown",
        return_pct=rounded(row["return_pct"]),
        alpha_pct=rounded(row["alpha_pct"]),
        hit=row["return_pct"] > 0,
        cautions=tuple(str(one).split(":")[0] for one in row["cautions"] or ()),
        quality_issues=tuple(row["issues"]),
    )


def store_recommendation(
    cur: Cursor[Any], case: FeedbackCase, answer: FeedbackAnswer, audit_id: str, now: datetime
) -> None:
    """Store what is left of an answer as `pending`; the same evidence again changes nothing.

    Earlier answers about the same period that nobody decided about are marked as superseded.

    Raises:
        psycopg.Error: the database refused.
    """
    value = answer.model_dump(mode="json")
    variables = case.variables()
    row = {
        "id": row_id("recommendation", case.feedback_id),
        "feedback_id": case.feedback_id,
        "analysis_period_start": case.start,
        "analysis_period_end": case.end,
        "scorecard": case.scorecard,
        "failure_patterns": value["failure_patterns"],
        "prompt_recommendations": _numbered(case, "p", value["prompt_recommendations"]),
        "threshold_adjustments": _numbered(case, "t", value["threshold_adjustments"]),
        "data_quality_feedback": value["data_quality_feedback"],
        "meta_confidence": value["meta_confidence"],
        "next_review_date": value["next_review_date"],
        "evidence": {
            name: value for name, value in variables.items() if name.endswith(("groups_json", "outcomes_json"))
        },
        "audit_trail_id": audit_id,
    }
    cur.execute(_STORE, {"row": as_jsonb_rows([row]), "now": now})


def _numbered(case: FeedbackCase, kind: str, parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"recommendation_id": f"{case.feedback_id}-{kind}{n}", **part} for n, part in enumerate(parts, 1)]
