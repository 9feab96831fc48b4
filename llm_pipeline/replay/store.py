"""The SQL of replay: past calls in, comparisons out. Nothing here writes a production table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection, AsyncCursor, Connection
from psycopg.rows import class_row, dict_row

from llm_pipeline.db.bulk import as_jsonb_rows
from llm_pipeline.replay.errors import UnknownCallError
from llm_pipeline.replay.past_call import CallRow

REPLAY_SERVICE, SHADOW_SERVICE = "replay", "shadow"
"""What audit rows of this package name as their service; such calls are never originals themselves."""

_COLUMNS = """
    a.id::text AS audit_id, a.created_at, a.service_name, a.prompt_version, a.prompt_hash, a.model_used, a.endpoint,
    a.model_digest, a.server_version, a.resolved_prompt_sha256, a.schema_sha256, a.input_tokens, a.output_tokens,
    coalesce(a.latency_ms, 0) AS latency_ms, a.status, a.request_context ->> 'request' AS kept_request,
    q.lake_uri AS request_uri, q.content_sha256 AS request_sha256,
    r.lake_uri AS response_uri, r.content_sha256 AS response_sha256"""
_ARTIFACTS = """
    LEFT JOIN llm_artifacts q ON q.id = a.request_artifact_id
    LEFT JOIN llm_artifacts r ON r.id = a.response_artifact_id"""

_CALL = f"""
SELECT {_COLUMNS}, a.parsed_output, a.raw_response
FROM llm_audit_trail named
JOIN llm_audit_trail a
    ON a.id = CASE WHEN named.cache_hit THEN (named.request_context ->> 'cached_from')::uuid ELSE named.id END
{_ARTIFACTS}
WHERE named.id = %s
"""  # noqa: S608 - constants above

# Calls that were made without a cache have no key; what the key is made of tells them apart just as well.
_QUESTION = """coalesce(a.cache_key, concat_ws(' ', a.model_digest, a.prompt_hash, a.resolved_prompt_sha256,
                                                a.schema_sha256, a.options::text))"""
_ORIGINALS = f"""
SELECT * FROM (
    SELECT DISTINCT ON ({_QUESTION}) {_COLUMNS}
    FROM llm_audit_trail a {_ARTIFACTS}
    WHERE a.service_name = %(interrogation)s AND a.created_at >= %(start)s AND a.created_at < %(end)s
      AND a.status IN ('ok', 'ungrounded') AND a.parse_success AND NOT a.cache_hit
    ORDER BY {_QUESTION}, a.created_at, a.id
) originals
ORDER BY created_at, audit_id
LIMIT %(most)s
"""  # noqa: S608 - constants above


def call_row(conn: Connection[Any], audit_id: str) -> CallRow:
    """A call by the id of its audit row; of an answer from the cache, the call that it came from.

    Raises:
        UnknownCallError: there is none.
    """
    try:
        wanted = UUID(audit_id)
    except ValueError:
        raise UnknownCallError(f"{audit_id!r} is not the id of an audit row") from None
    with conn.cursor(row_factory=class_row(CallRow)) as cur:
        row = cur.execute(_CALL, [wanted]).fetchone()
    if row is None:
        raise UnknownCallError(f"llm_audit_trail has no call {audit_id}, or the call that its answer came from is gone")
    return row


async def original_calls(
    conn: AsyncConnection[Any], interrogation: str, start: datetime, end: datetime, most: int | None
) -> list[CallRow]:
    """The answered calls of an interrogation made in [start, end), the earliest of each question, oldest first."""
    values = {"interrogation": interrogation, "start": start, "end": end, "most": most}
    async with conn.cursor(row_factory=class_row(CallRow)) as cur:
        return await (await cur.execute(_ORIGINALS, values)).fetchall()


async def parsed_answers(conn: AsyncConnection[Any], audit_ids: Sequence[str]) -> dict[str, Any]:
    """The parsed answers of some calls, by audit id."""
    found = await conn.execute(
        "SELECT id::text, parsed_output FROM llm_audit_trail WHERE id = ANY(%s::uuid[])", [list(audit_ids)]
    )
    return dict(await found.fetchall())


async def template_texts(conn: AsyncConnection[Any], interrogation: str) -> list[tuple[str, str, str, str]]:
    """Every registered template of an interrogation: version, SHA-256, status, text."""
    found = await conn.execute(
        "SELECT version, template_sha256, status, template FROM prompt_versions WHERE interrogation = %s",
        [interrogation],
    )
    return await found.fetchall()


async def write_replay(cur: AsyncCursor[Any], comparison: Mapping[str, Any]) -> None:
    """A row of replay_comparisons, once."""
    await cur.execute(
        """INSERT INTO replay_comparisons
           SELECT * FROM jsonb_populate_recordset(NULL::replay_comparisons, %s::jsonb)
           ON CONFLICT (audit_id) DO NOTHING""",
        [as_jsonb_rows([comparison])],
    )


async def open_run(cur: AsyncCursor[Any], run: Mapping[str, Any]) -> None:
    """Store a shadow run that begins; one that is run again keeps its first start and starts over otherwise."""
    await cur.execute(
        """INSERT INTO shadow_runs
           SELECT * FROM jsonb_populate_recordset(NULL::shadow_runs, %s::jsonb)
           ON CONFLICT (id) DO UPDATE SET status = EXCLUDED.status, calls = EXCLUDED.calls,
               refused = EXCLUDED.refused, baseline = EXCLUDED.baseline, error = NULL, finished_at = NULL""",
        [as_jsonb_rows([run])],
    )


async def close_run(cur: AsyncCursor[Any], run_id: str, status: str, error: str | None, now: datetime) -> None:
    """The end of a shadow run."""
    await cur.execute(
        "UPDATE shadow_runs SET status = %s, error = %s, finished_at = %s WHERE id = %s", [status, error, now, run_id]
    )


_COMPARE = """
INSERT INTO shadow_comparisons
    (run_id, baseline_audit_id, item_id, baseline_label, candidate_label, agree, candidate_audit_id, input_tokens,
     output_tokens, latency_ms, error)
SELECT g.run_id, g.baseline_audit_id, g.item_id, g.baseline_label, g.candidate_label,
       g.candidate_label = g.baseline_label, g.candidate_audit_id, a.input_tokens, a.output_tokens, a.latency_ms,
       g.error
FROM jsonb_populate_recordset(NULL::shadow_comparisons, %s::jsonb) g
LEFT JOIN llm_audit_trail a ON a.id = g.candidate_audit_id
ON CONFLICT (run_id, baseline_audit_id, item_id) DO UPDATE SET
    baseline_label = EXCLUDED.baseline_label, candidate_label = EXCLUDED.candidate_label, agree = EXCLUDED.agree,
    candidate_audit_id = EXCLUDED.candidate_audit_id, input_tokens = EXCLUDED.input_tokens,
    output_tokens = EXCLUDED.output_tokens, latency_ms = EXCLUDED.latency_ms, error = EXCLUDED.error
"""


async def write_comparisons(cur: AsyncCursor[Any], rows: Iterable[Mapping[str, Any]]) -> None:
    """What came of one original call, in place of what an earlier attempt at the same run found."""
    given = list(rows)
    if given:
        await cur.execute(
            "DELETE FROM shadow_comparisons WHERE run_id = %s AND baseline_audit_id = %s AND NOT item_id = ANY(%s)",
            [given[0]["run_id"], given[0]["baseline_audit_id"], [row["item_id"] for row in given]],
        )
        await cur.execute(_COMPARE, [as_jsonb_rows(given)])


def read_run(conn: Connection[Any], run_id: str) -> dict[str, Any]:
    """A row of shadow_runs.

    Raises:
        UnknownCallError: there is none.
    """
    try:
        wanted = UUID(run_id)
    except ValueError:
        raise UnknownCallError(f"{run_id!r} is not the id of a shadow run") from None
    with conn.cursor(row_factory=dict_row) as cur:
        row = cur.execute("SELECT * FROM shadow_runs WHERE id = %s", [wanted]).fetchone()
    if row is None:
        raise UnknownCallError(f"there is no shadow run {run_id}")
    return row


def label_pairs(conn: Connection[Any], run_id: str) -> list[tuple[str, str | None, int]]:
    """Of a shadow run: how many items have (baseline label, candidate label)."""
    return conn.execute(
        """SELECT baseline_label, candidate_label, count(*)::int FROM shadow_comparisons
           WHERE run_id = %s GROUP BY 1, 2 ORDER BY 1, 2""",
        [run_id],
    ).fetchall()


def disagreements(conn: Connection[Any], run_id: str, most: int) -> list[dict[str, Any]]:
    """The first items that were decided differently, with both calls."""
    with conn.cursor(row_factory=dict_row) as cur:
        return cur.execute(
            """SELECT item_id, baseline_label, candidate_label, baseline_audit_id::text, candidate_audit_id::text
               FROM shadow_comparisons WHERE run_id = %s AND NOT agree
               ORDER BY item_id, baseline_audit_id LIMIT %s""",
            [run_id, most],
        ).fetchall()
