"""From an approved recommendation to a candidate version of a prompt, and the whole chain of what became of it.

Belongs here: putting the parts together. A person approves (`llm_pipeline/review`), the registry keeps versions
(`llm_pipeline/llm/prompt_versions.py`), the regression gate lets one become active (`llm_pipeline/prompt_registry`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

from psycopg import Connection
from psycopg.rows import dict_row

from llm_pipeline.llm.prompt_versions import (
    CandidateVersion,
    active_template,
    add_candidate,
    next_version,
    with_version,
)
from llm_pipeline.recommendations.proposal import ADDED, ProposalError, with_rule

_FIND: LiteralString = """
    SELECT r.feedback_id, r.status, r.superseded_by, r.reviewed_by, part
    FROM llm_prompt_recommendations r, jsonb_array_elements(r.prompt_recommendations) AS parts (part)
    WHERE part ->> 'recommendation_id' = %s"""

_LIST: LiteralString = """
    SELECT r.feedback_id, r.analysis_period_start, r.analysis_period_end, r.status, r.superseded_by, r.meta_confidence,
           r.reviewed_by, part ->> 'recommendation_id' AS recommendation_id, part ->> 'target_prompt' AS target_prompt,
           part ->> 'change_type' AS change_type, part ->> 'description' AS description,
           (SELECT string_agg(v.version, ', ' ORDER BY v.created_at) FROM prompt_versions v
            WHERE v.recommendation_id = part ->> 'recommendation_id') AS versions
    FROM llm_prompt_recommendations r
    LEFT JOIN LATERAL jsonb_array_elements(r.prompt_recommendations) AS parts (part) ON true
    WHERE NOT %(open_only)s OR (r.status IN ('pending', 'approved') AND r.superseded_by IS NULL)
    ORDER BY r.analysis_period_end DESC, r.feedback_id, recommendation_id"""


class UnknownRecommendationError(ValueError):
    """There is no recommendation of that id; the message says where to look."""


def propose(
    conn: Connection[Any],
    recommendation_id: str,
    *,
    by: str,
    why: str,
    now: datetime,
    template_text: str | None = None,
) -> CandidateVersion:
    """Make a candidate version of the prompt that an approved recommendation is about, in the caller's transaction.

    Args:
        template_text: the edited template, where the change is more than a sentence to add.

    Raises:
        UnknownRecommendationError: no such recommendation.
        ProposalError: nobody approved it, or the change needs an edited template.
        PromptError: the template is not usable.
    """
    with conn.cursor(row_factory=dict_row) as cur:
        row = cur.execute(_FIND, [recommendation_id]).fetchone()
    if row is None:
        raise UnknownRecommendationError(
            f"there is no recommendation {recommendation_id}; see `llm-pipeline recommendations list`"
        )
    part = row["part"]
    if row["status"] not in ("approved", "applied"):
        raise ProposalError(
            f"{row['feedback_id']} is {row['status']}: approve it first, "
            f"`llm-pipeline review approve {row['feedback_id']} --by NAME --why TEXT`"
        )
    key = part["target_prompt"]
    if template_text is None:
        if part["change_type"] not in ADDED:
            raise ProposalError(
                f"{part['change_type']} needs a person's edit: change the text of `llm-pipeline prompts show {key}` "
                "and pass it with --template FILE"
            )
        template_text = with_rule(active_template(conn, key).text, part["description"])
    return add_candidate(
        conn,
        with_version(template_text, next_version(conn, key)),
        origin="recommendation",
        by=by,
        why=why,
        now=now,
        recommendation_id=recommendation_id,
    )


def list_recommendations(conn: Connection[Any], *, open_only: bool) -> list[dict[str, Any]]:
    """Every recommendation, the newest period first; an answer without one for a prompt is a row without an id."""
    with conn.cursor(row_factory=dict_row) as cur:
        return cur.execute(_LIST, {"open_only": open_only}).fetchall()


@dataclass(frozen=True)
class Step:
    """One link of the chain from a recommendation to its effect: what happened, the row's id, when, by whom."""

    step: str
    id: str
    at: datetime | None
    by: str | None
    detail: str


_CHAIN: LiteralString = """
    WITH asked AS (
        SELECT r.*, part FROM llm_prompt_recommendations r, jsonb_array_elements(r.prompt_recommendations) AS p (part)
        WHERE part ->> 'recommendation_id' = %(id)s
    ), versions AS (
        SELECT * FROM prompt_versions WHERE recommendation_id = %(id)s
    ), links AS (
        SELECT 0 AS place, 'model call' AS step, a.id::text AS id, a.created_at AS at, a.model_used AS by,
               format('%%s %%s, %%s', a.service_name, a.prompt_version, a.status) AS detail
        FROM asked JOIN llm_audit_trail a ON a.id = asked.audit_trail_id
        UNION ALL
        SELECT 1, 'recommendation', part ->> 'recommendation_id', created_at, NULL,
               format('%%s %%s: %%s', part ->> 'change_type', part ->> 'target_prompt', part ->> 'description')
        FROM asked
        UNION ALL
        SELECT 2, 'review', d.id::text, d.reviewed_at, d.reviewed_by, format('%%s: %%s', d.decision, d.why)
        FROM asked JOIN review_decisions d ON d.kind = 'recommendation' AND d.item_id = asked.feedback_id
        UNION ALL
        SELECT 3, 'candidate version', format('%%s %%s', interrogation, version), created_at, created_by, why
        FROM versions
        UNION ALL
        SELECT 4, 'evaluation', e.id::text, e.created_at, e.model,
               format('%%s %%s against %%s: %%s', e.interrogation, e.version, e.against, e.verdict)
        FROM versions v JOIN prompt_evaluations e USING (interrogation, version)
        UNION ALL
        SELECT 5, p.kind, p.seq::text, p.activated_at, p.activated_by,
               format('%%s %%s after %%s: %%s', p.interrogation, p.version, p.previous_version, p.why)
        FROM versions v
        JOIN prompt_activations p
          ON p.interrogation = v.interrogation AND v.version IN (p.version, p.previous_version)
        UNION ALL
        SELECT 6, 'measured effect', format('%%s to %%s', s.period_start, s.period_end), s.computed_at, NULL,
               format('%%s: n %%s, hit rate %%s, mean alpha %%s', s.prompt_version, s.n,
                      COALESCE(round(s.hit_rate::numeric, 4)::text, 'no data'),
                      COALESCE(round(s.mean_alpha_pct::numeric, 4)::text, 'no data'))
        FROM (SELECT DISTINCT v.version FROM versions v WHERE v.interrogation = 'anomaly_detection'
              UNION SELECT p.previous_version FROM versions v JOIN prompt_activations p USING (interrogation, version)
              WHERE v.interrogation = 'anomaly_detection') AS compared (version)
        JOIN scorecards s ON s.prompt_version = compared.version
        WHERE s.period_end = (SELECT max(period_end) FROM scorecards)
    )
    SELECT step, id, at, by, detail FROM links ORDER BY place, at, id"""


def chain(conn: Connection[Any], recommendation_id: str) -> list[Step]:
    """What led to a recommendation and what became of it, in order; links that do not exist yet are missing.

    The measured effect is the newest scorecards of the version made from it and of the version it replaced.

    Raises:
        UnknownRecommendationError: no such recommendation.
    """
    with conn.cursor(row_factory=dict_row) as cur:
        rows = cur.execute(_CHAIN, {"id": recommendation_id}).fetchall()
    if not rows:
        raise UnknownRecommendationError(
            f"there is no recommendation {recommendation_id}; see `llm-pipeline recommendations list`"
        )
    return [Step(**row) for row in rows]


_DECIDED: LiteralString = """
    SELECT part ->> 'recommendation_id'
    FROM llm_prompt_recommendations r, jsonb_array_elements(r.prompt_recommendations) AS parts (part)
    WHERE r.status IN ('approved', 'applied')
    ORDER BY r.reviewed_at DESC NULLS LAST, 1 LIMIT %s"""


def open_chains(conn: Connection[Any], most: int = 10) -> dict[str, list[Step]]:
    """The chains of the recommendations that somebody approved, by id, the latest decided first."""
    return {found: chain(conn, found) for (found,) in conn.execute(_DECIDED, [most]).fetchall()}
