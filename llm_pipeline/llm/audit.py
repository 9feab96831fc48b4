"""One row of llm_audit_trail for every attempted call, and the one statement that writes many of them.

The caller writes the attempts in the transaction of the results they explain; `spool.py` keeps them when the
database is away. Writing is idempotent on the id, so a batch may be written again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any, overload

import psycopg

from llm_pipeline.db.bulk import as_jsonb_rows
from llm_pipeline.llm.errors import Status
from llm_pipeline.llm.lake import Artifact


@dataclass(frozen=True)
class CallContext:
    """For whom calls are made; goes into every audit row.

    Attributes:
        service: the part of the pipeline, as `validation_gate`.
        job_id: of llm_jobs, when a queued job asks.
    """

    service: str
    dagster_run_id: str | None = None
    asset_key: str | None = None
    partition_key: str | None = None
    job_id: str | None = None


@dataclass(frozen=True)
class Attempt:
    """One attempted call: retry, re-ask, failure or answer from the cache alike. Field names are columns.

    Attributes:
        prompt_hash: SHA-256 of the template file; `resolved_prompt_sha256` is of the messages as sent.
        model_used: the model that answered, else the one that was asked.
        raw_response: the model's exact words; of a failed call what the server said. Exact bytes are in the
            artifact.
        options: as sent, the real seed included.
        attempt: 1 for the first call of a question, counting retries and re-asks.
        cache_key: of the question, so that an answer found on a retry is found again (see `cache.py`).
        latency_ms: of the HTTP call; 0 from the cache.
    """

    id: str
    created_at: datetime
    service_name: str
    prompt_version: str
    prompt_hash: str
    model_used: str
    input_tokens: int | None
    output_tokens: int | None
    latency_ms: int
    request_context: Mapping[str, Any]
    raw_response: str | None
    parsed_output: Any
    parse_success: bool
    error_message: str | None
    provider: str
    endpoint: str
    model_digest: str | None
    server_version: str | None
    resolved_prompt_sha256: str
    schema_sha256: str
    options: Mapping[str, Any]
    done_reason: str | None
    metrics: Mapping[str, Any]
    attempt: int
    cache_hit: bool
    cache_key: str | None
    cost_usd: float
    status: Status
    job_id: str | None
    dagster_run_id: str | None
    asset_key: str | None
    partition_key: str | None
    request_artifact_id: str | None
    response_artifact_id: str | None
    artifacts: tuple[Artifact, ...] = field(default=())

    def row(self) -> dict[str, Any]:
        """The columns of llm_audit_trail; times as ISO text."""
        values = {name: getattr(self, name) for name in AUDIT_COLUMNS}
        return values | {"created_at": self.created_at.isoformat()}

    def artifact_rows(self) -> list[dict[str, Any]]:
        """The rows of llm_artifacts that belong to this call; times as ISO text."""
        return [asdict(artifact) | {"created_at": artifact.created_at.isoformat()} for artifact in self.artifacts]


AUDIT_COLUMNS = tuple(one.name for one in fields(Attempt) if one.name != "artifacts")
ARTIFACT_COLUMNS = tuple(one.name for one in fields(Artifact))

_COLUMNS = ", ".join(AUDIT_COLUMNS)
_ARTIFACT_COLUMNS = ", ".join(ARTIFACT_COLUMNS)
INSERT_ATTEMPTS = f"""
WITH calls AS (
    INSERT INTO llm_audit_trail ({_COLUMNS})
    SELECT {_COLUMNS} FROM jsonb_populate_recordset(NULL::llm_audit_trail, %s::jsonb)
    ON CONFLICT (id) DO NOTHING
)
INSERT INTO llm_artifacts ({_ARTIFACT_COLUMNS})
SELECT {_ARTIFACT_COLUMNS} FROM jsonb_populate_recordset(NULL::llm_artifacts, %s::jsonb)
ON CONFLICT (id) DO NOTHING
"""  # noqa: S608 - column names are those of the dataclasses


def insert_attempts(attempts: Iterable[Attempt]) -> tuple[str, tuple[str, str]]:
    """The one statement that stores audit rows and their artifacts, and its values, safe for jsonb."""
    given = list(attempts)
    rows = as_jsonb_rows([attempt.row() for attempt in given])
    artifacts = as_jsonb_rows([row for attempt in given for row in attempt.artifact_rows()])
    return INSERT_ATTEMPTS, (rows, artifacts)


@overload
def write_attempts(cur: psycopg.Cursor[Any], attempts: Iterable[Attempt]) -> psycopg.Cursor[Any]: ...


@overload
def write_attempts(
    cur: psycopg.AsyncCursor[Any], attempts: Iterable[Attempt]
) -> Awaitable[psycopg.AsyncCursor[Any]]: ...


def write_attempts(cur: Any, attempts: Iterable[Attempt]) -> Any:
    """Store attempts in the caller's transaction, once each. To be awaited with an async cursor.

    Raises:
        psycopg.Error: the database refused; then `spool.spool_attempts` keeps them.
    """
    statement, values = insert_attempts(attempts)
    return cur.execute(statement, values)
