"""Asking about weeks: which have something to learn from, the questions in the queue, and what became of them.

Belongs here: putting the parts together; the queue (`llm_pipeline/jobs`) asks, grounds and stores.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, LiteralString

from psycopg import Connection
from psycopg.rows import dict_row
from pydantic import ValidationError

from llm_pipeline.jobs.enqueue import enqueue
from llm_pipeline.jobs.job import NewJob
from llm_pipeline.recommendations.contract import FeedbackAnswer
from llm_pipeline.recommendations.grounding import ground_feedback
from llm_pipeline.recommendations.interrogation import KEY
from llm_pipeline.recommendations.store import read_case

PRIORITY = 10
"""A run waits for these answers."""

_ROWS: LiteralString = """
    SELECT * FROM llm_prompt_recommendations WHERE feedback_id = ANY (%s) ORDER BY analysis_period_end"""
_JOBS: LiteralString = "SELECT idempotency_key, status, last_error FROM llm_jobs WHERE idempotency_key = ANY (%s)"


@dataclass(frozen=True)
class Week:
    """A week that is asked about, by the day after it, and the id of what its evidence is."""

    end: date
    feedback_id: str

    @property
    def job_key(self) -> str:
        """The same evidence is queued once."""
        return f"{KEY}:{self.feedback_id}"


@dataclass
class RecommendationReport:
    """What a run over weeks came to.

    Attributes:
        stored: the rows, newest evidence of each week.
        nothing_closed: weeks with a scorecard but without a closed signal.
        no_scorecard: weeks without a scorecard.
        nothing_proposed: weeks about which the answer proposes no change.
        failed: by week, why there is no answer.
        invalid, ungrounded: stored rows that no longer fit the contract, or the evidence.
    """

    weeks: int
    stored: list[dict[str, Any]] = field(default_factory=list)
    nothing_closed: list[date] = field(default_factory=list)
    no_scorecard: list[date] = field(default_factory=list)
    nothing_proposed: list[date] = field(default_factory=list)
    failed: dict[date, str] = field(default_factory=dict)
    invalid: list[str] = field(default_factory=list)
    ungrounded: list[str] = field(default_factory=list)
    claims: Counter[str] = field(default_factory=Counter)


def queue_weeks(conn: Connection[Any], ends: Sequence[date]) -> tuple[list[Week], RecommendationReport]:
    """Queue a question for every week with closed signals; a week asked about on the same evidence is not asked again.

    Args:
        ends: the day after each week, ascending.

    Raises:
        psycopg.Error: the database refused; nothing was queued.
    """
    report, asked = RecommendationReport(weeks=len(ends)), []
    for end in ends:
        case = read_case(conn, end)
        if case is None:
            report.no_scorecard.append(end)
        elif not case.signals:
            report.nothing_closed.append(end)
        else:
            asked.append(Week(end, case.feedback_id))
    with conn.cursor() as cur:
        enqueue(cur, [NewJob(KEY, {"end": week.end.isoformat()}, PRIORITY, week.job_key) for week in asked])
    return asked, report


def account_for_weeks(
    conn: Connection[Any], asked: Sequence[Week], report: RecommendationReport
) -> RecommendationReport:
    """Find what became of each week that was asked about, and check every stored row against the evidence once more."""
    with conn.cursor(row_factory=dict_row) as cur:
        rows = {row["feedback_id"]: row for row in cur.execute(_ROWS, [[week.feedback_id for week in asked]])}
        jobs = {row["idempotency_key"]: row for row in cur.execute(_JOBS, [[week.job_key for week in asked]])}
    for week in asked:
        row, job = rows.get(week.feedback_id), jobs[week.job_key]
        if row is None and job["status"] == "SUCCEEDED":
            report.nothing_proposed.append(week.end)
            continue
        if row is None:
            report.failed[week.end] = job["last_error"] or f"the question is {job['status']}"
            continue
        report.stored.append(row)
        _check(conn, week, row, report)
    found = conn.execute(
        """SELECT c.reason_code, count(*) FROM ungrounded_claims c
           JOIN llm_audit_trail a ON a.id = c.audit_trail_id JOIN llm_jobs j ON j.job_id = a.job_id
           WHERE j.idempotency_key = ANY (%s) GROUP BY 1""",
        [[week.job_key for week in asked]],
    ).fetchall()
    report.claims.update(dict(found))
    return report


def _check(conn: Connection[Any], week: Week, row: dict[str, Any], report: RecommendationReport) -> None:
    try:
        answer = FeedbackAnswer.model_validate(
            {
                "feedback_id": row["feedback_id"],
                "failure_patterns": row["failure_patterns"],
                "prompt_recommendations": _unnumbered(row["prompt_recommendations"]),
                "threshold_adjustments": _unnumbered(row["threshold_adjustments"]),
                "data_quality_feedback": row["data_quality_feedback"],
                "next_review_date": row["next_review_date"],
                "meta_confidence": row["meta_confidence"],
            }
        )
    except ValidationError as error:
        first = error.errors()[0]
        report.invalid.append(f"{row['feedback_id']}: {'.'.join(map(str, first['loc']))}: {first['msg']}")
        return
    case = read_case(conn, week.end)
    if case is not None and case.feedback_id == row["feedback_id"]:
        report.ungrounded += [
            f"{row['feedback_id']}: {one.reason_code}: {one.detail}" for one in ground_feedback(case, answer).claims
        ]


def _unnumbered(parts: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in part.items() if name != "recommendation_id"} for part in parts]
