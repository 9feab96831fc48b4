"""The tables of the prompt registry: versions, activations, evaluations, labelled cases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, LiteralString

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from llm_pipeline.db.bulk import as_jsonb_rows, json_text
from llm_pipeline.llm.audit import Attempt, write_attempts
from llm_pipeline.prompt_registry.comparison import Comparison
from llm_pipeline.prompt_registry.trial import Original, SetFacts, Side


@dataclass(frozen=True)
class RegisteredVersion:
    """A version as the registry lists it; `verdict` is that of its newest evaluation."""

    interrogation: str
    version: str
    status: str
    origin: str
    template_sha256: str
    created_at: datetime
    created_by: str | None
    why: str | None
    recommendation_id: str | None
    activated_at: datetime | None
    evaluation_id: str | None
    verdict: str | None


@dataclass(frozen=True)
class Activation:
    """A change of the active version."""

    interrogation: str
    version: str
    previous_version: str | None
    kind: str
    activated_at: datetime
    activated_by: str
    why: str
    evaluation_id: str | None


@dataclass(frozen=True)
class StoredEvaluation:
    """What an evaluation found, without its cases."""

    id: str
    interrogation: str
    version: str
    against: str
    model: str
    sets: list[dict[str, Any]]
    repeats: int
    verdict: str
    reasons: list[str]
    created_at: datetime


@dataclass(frozen=True)
class StoredCase:
    """A labelled case in force."""

    case_id: str
    record: dict[str, Any]
    facts: dict[str, Any] | None
    label: dict[str, Any]
    created_by: str
    why: str


_VERSIONS: LiteralString = """
SELECT p.interrogation, p.version, p.status, p.origin, p.template_sha256, p.created_at, p.created_by, p.why,
    p.recommendation_id, p.activated_at, e.id::text AS evaluation_id, e.verdict
FROM prompt_versions p
LEFT JOIN LATERAL (SELECT id, verdict FROM prompt_evaluations e
                   WHERE e.interrogation = p.interrogation AND e.version = p.version
                   ORDER BY created_at DESC LIMIT 1) e ON true
WHERE %(key)s::text IS NULL OR p.interrogation = %(key)s
ORDER BY p.interrogation, string_to_array(p.version, '.')::numeric[]
"""

_HISTORY: LiteralString = """
SELECT interrogation, version, previous_version, kind, activated_at, activated_by, why, evaluation_id::text
FROM prompt_activations WHERE interrogation = %s ORDER BY seq
"""

_EVALUATIONS: LiteralString = """
SELECT id::text, interrogation, version, against, model, sets, repeats, verdict, reasons, created_at
FROM prompt_evaluations WHERE interrogation = %s AND version = %s ORDER BY created_at DESC, id
"""

_CASES: LiteralString = """
SELECT case_id, record, facts, label, created_by, why FROM labelled_cases
WHERE interrogation = %s AND withdrawn_at IS NULL ORDER BY case_id
"""

_ORIGINALS: LiteralString = """
WITH asked AS (
    SELECT * FROM unnest(%(attempts)s::text[], %(originals)s::uuid[]) AS a (attempt, original)
), failed AS MATERIALIZED (
    SELECT cache_key, created_at FROM llm_audit_trail
    WHERE cache_key = ANY(%(keys)s) AND NOT cache_hit AND status IN ('invalid', 'truncated', 'refused')
)
SELECT asked.attempt, o.latency_ms, o.cost_usd::float8,
    EXISTS (SELECT FROM failed f WHERE f.cache_key = o.cache_key AND f.created_at <= o.created_at)
FROM asked JOIN llm_audit_trail o ON o.id = asked.original
"""


def read_versions(conn: Connection[Any], key: str | None = None) -> list[RegisteredVersion]:
    """All versions of a prompt, or of all prompts, lowest first."""
    with conn.cursor(row_factory=class_row(RegisteredVersion)) as cur:
        return cur.execute(_VERSIONS, {"key": key}).fetchall()


def read_history(conn: Connection[Any], key: str) -> list[Activation]:
    """Every change of a prompt's active version, oldest first."""
    with conn.cursor(row_factory=class_row(Activation)) as cur:
        return cur.execute(_HISTORY, [key]).fetchall()


def read_evaluations(conn: Connection[Any], key: str, version: str) -> list[StoredEvaluation]:
    """All evaluations of a version, newest first."""
    with conn.cursor(row_factory=class_row(StoredEvaluation)) as cur:
        return cur.execute(_EVALUATIONS, [key, version]).fetchall()


def read_cases(conn: Connection[Any], key: str) -> list[StoredCase]:
    """The labelled cases of a prompt that are in force."""
    with conn.cursor(row_factory=class_row(StoredCase)) as cur:
        return cur.execute(_CASES, [key]).fetchall()


_APPLIED: LiteralString = """
UPDATE llm_prompt_recommendations r SET status = 'applied'
FROM prompt_versions v
WHERE v.interrogation = %(interrogation)s AND v.version = %(version)s AND r.status = 'approved'
  AND r.prompt_recommendations @> jsonb_build_array(jsonb_build_object('recommendation_id', v.recommendation_id))
"""


def set_active(conn: Connection[Any], change: Activation) -> None:
    """Make a version the active one and remember who did it, in the caller's transaction.

    The recommendation that it carries out, if it does, is applied from now on.
    """
    values = asdict(change)
    conn.execute(_APPLIED, values)
    conn.execute(
        "UPDATE prompt_versions SET status = 'archived' WHERE interrogation = %(interrogation)s AND status = 'active'",
        values,
    )
    conn.execute(
        "UPDATE prompt_versions SET status = 'active', activated_at = %(activated_at)s"
        " WHERE interrogation = %(interrogation)s AND version = %(version)s",
        values,
    )
    conn.execute(
        "INSERT INTO prompt_activations (interrogation, version, previous_version, kind, activated_at, activated_by,"
        " why, evaluation_id) VALUES (%(interrogation)s, %(version)s, %(previous_version)s, %(kind)s, %(activated_at)s,"
        " %(activated_by)s, %(why)s, %(evaluation_id)s)",
        values,
    )


def keep_attempts(conn: Connection[Any], attempts: Sequence[Attempt]) -> dict[str, Original]:
    """Store attempts in a transaction of their own; what the calls behind answers from the cache were, by attempt."""
    with conn.transaction(), conn.cursor() as cur:
        write_attempts(cur, attempts)
        cached = [one for one in attempts if one.cache_hit]
        if not cached:
            return {}
        rows = cur.execute(
            _ORIGINALS,
            {
                "attempts": [one.id for one in cached],
                "originals": [one.request_context["cached_from"] for one in cached],
                "keys": [one.cache_key for one in cached],
            },
        ).fetchall()
    return {attempt: Original(latency, cost or 0.0, failed) for attempt, latency, cost, failed in rows}


def write_evaluation(
    conn: Connection[Any],
    values: Mapping[str, Any],
    sets: Iterable[SetFacts],
    sides: tuple[Side, Side],
    comparison: Comparison,
) -> None:
    """Store an evaluation with its cases, in one (sub)transaction.

    Args:
        values: id, interrogation, version, against, model, model_digest, repeats, created_at.
        sides: of the examined and of the active version.
    """
    version, against = sides
    metrics = {
        "figures": comparison.as_json()["figures"],
        "version": list(version.measures),
        "against": list(against.measures),
    }
    cases = [
        {
            "evaluation_id": values["id"],
            "set_name": own.case.set_name,
            "case_id": own.case.case_id,
            "kind": own.case.kind,
            "right_of_version": own.right,
            "right_of_against": against.tallies[key].right,
            "undecided_of_version": own.undecided,
            "undecided_of_against": against.tallies[key].undecided,
        }
        for key, own in version.tallies.items()
    ]
    row = {
        **values,
        "sets": [asdict(one) for one in sets],
        "metrics": metrics,
        "verdict": comparison.verdict,
        "reasons": list(comparison.reasons),
    }
    with conn.transaction():
        for table, rows in (("prompt_evaluations", [row]), ("prompt_evaluation_cases", cases)):
            conn.execute(
                f"INSERT INTO {table} SELECT * FROM jsonb_populate_recordset(NULL::{table}, %s)",  # noqa: S608
                [as_jsonb_rows(rows)],
            )


def write_case(conn: Connection[Any], values: Mapping[str, Any]) -> bool:
    """Store a labelled case; False when there is one of this id already."""
    row = {k: Jsonb(v, dumps=json_text) if isinstance(v, dict) else v for k, v in values.items()}
    done = conn.execute(
        "INSERT INTO labelled_cases (interrogation, case_id, record, facts, label, origin, source_id, created_by, why,"
        " created_at) VALUES (%(interrogation)s, %(case_id)s, %(record)s, %(facts)s, %(label)s, %(origin)s,"
        " %(source_id)s, %(created_by)s, %(why)s, %(created_at)s) ON CONFLICT DO NOTHING",
        row,
    )
    return done.rowcount == 1


def withdraw_case(conn: Connection[Any], key: str, case_id: str, by: str, why: str, now: datetime) -> bool:
    """Take a labelled case out of force; False when there is none in force."""
    done = conn.execute(
        "UPDATE labelled_cases SET withdrawn_by = %s, withdrawn_why = %s, withdrawn_at = %s"
        " WHERE interrogation = %s AND case_id = %s AND withdrawn_at IS NULL",
        [by, why, now, key, case_id],
    )
    return done.rowcount == 1
