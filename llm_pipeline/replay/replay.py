"""Sending a stored request again, byte for byte, and comparing what comes back. The use case of `llm-pipeline replay`.

The new call is audited like any other, under the service `replay` and without a cache key: a replay asks whether the
answer changes, so its answer must never become what production finds in the cache for that question.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

import psycopg
from psycopg import Connection
from psycopg_pool import AsyncConnectionPool
from pydantic import BaseModel

from llm_pipeline.llm.answer_text import answer_json
from llm_pipeline.llm.attempt_record import Question
from llm_pipeline.llm.audit import Attempt, write_attempts
from llm_pipeline.llm.errors import LlmError
from llm_pipeline.llm.gateway import Gateway
from llm_pipeline.llm.interrogation import Interrogation, ModelOptions
from llm_pipeline.llm.lake import Lake
from llm_pipeline.llm.prompts import PromptTemplate
from llm_pipeline.llm.spool import spool_attempts
from llm_pipeline.replay import store
from llm_pipeline.replay.decisions import labels_of, paired
from llm_pipeline.replay.differences import Change, decision_changes, field_changes, text_diff
from llm_pipeline.replay.past_call import PastCall, load_call
from llm_pipeline.replay.subjects import AnyAnswer, find_subject


@dataclass(frozen=True)
class Replay:
    """A call made again beside the call of then.

    Attributes:
        named_id: the audit row that was asked for; another than the original's where that came from the cache.
        attempts: the calls made now, the last one counts.
        error: why there is no answer now; None with one.
    """

    named_id: str
    then: PastCall
    attempts: tuple[Attempt, ...]
    error: str | None
    text: list[str]
    fields: list[Change]
    items: int
    decisions: list[Change]

    @property
    def now(self) -> Attempt:
        """The call that counts."""
        return self.attempts[-1]

    @property
    def request_sha256(self) -> str:
        """Of the request as it was recorded on its way out; of its bytes where the lake was away."""
        stored = [one for one in self.now.artifacts if one.artifact_type == "request_json"]
        return stored[0].content_sha256 if stored else self.then.request.sha256

    @property
    def answer_identical(self) -> bool:
        """Whether the model said the same, character by character, be it usable or not."""
        return self.now.status != "error" and (self.now.raw_response or "") == self.then.text

    @property
    def failed(self) -> bool:
        """Whether there is no usable answer now, and not because there was the same unusable one then."""
        return self.error is not None and not self.answer_identical

    def row(self) -> dict[str, Any]:
        """The columns of replay_comparisons."""
        then = self.then.row
        sent = then.request_sha256 or self.then.request.sha256
        return {
            "audit_id": self.now.id,
            "original_audit_id": then.audit_id,
            "interrogation": self.then.request.interrogation,
            "original_request_sha256": sent,
            "request_sha256": self.request_sha256,
            "request_identical": self.request_sha256 == sent,
            "answer_identical": self.answer_identical,
            "original_status": then.status,
            "status": self.now.status,
            "original_model_digest": then.model_digest,
            "model_digest": self.now.model_digest,
            "original_server_version": then.server_version,
            "server_version": self.now.server_version,
            "changed_fields": [asdict(one) for one in self.fields],
            "changed_decisions": [{"item": one.where, "then": one.then, "now": one.now} for one in self.decisions],
            "created_at": self.now.created_at,
        }

    def as_json(self) -> dict[str, Any]:
        """The comparison with everything that a person may want to see beside it."""
        row = self.row()
        return row | {
            "named_audit_id": self.named_id,
            "created_at": row["created_at"].isoformat(),
            "error": self.error,
            "items": self.items,
            "text_diff": self.text,
            "model": {"then": self.then.row.model_used, "now": self.now.model_used},
            "endpoint": {"then": self.then.row.endpoint, "now": self.now.endpoint},
            "latency_ms": {"then": self.then.row.latency_ms, "now": self.now.latency_ms},
        }


def load_calls(conn: Connection[Any], lake: Lake, audit_ids: Sequence[str]) -> list[tuple[str, PastCall]]:
    """The calls of these audit rows, all artifacts verified, before anything is sent.

    Raises:
        ReplayError: there is no such call, or its request is not what its row says.
        LakeError: an artifact is missing or damaged.
    """
    return [(one, load_call(lake, store.call_row(conn, one))) for one in audit_ids]


async def replay_calls(
    pool: AsyncConnectionPool[Any], gateway: Gateway, calls: Sequence[tuple[str, PastCall]]
) -> list[Replay]:
    """Make each call again and store what came of it; in the order given.

    Raises:
        LlmError: the model server is not usable, so that a call was not even made.
        psycopg.Error: the database refused; the audit rows are spooled.
    """
    tasks = [asyncio.create_task(_replay(pool, gateway, named, call)) for named, call in calls]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        spool_attempts(gateway.settings.llm_pipeline_home / "spool", gateway.abandoned)
        gateway.abandoned.clear()


async def _replay(pool: AsyncConnectionPool[Any], gateway: Gateway, named: str, call: PastCall) -> Replay:
    contract, key = _contract(call), call.request.interrogation
    then_labels = labels_of(key, call.row.parsed_output) if call.row.parsed_output is not None else {}
    reply = await gateway.send_again(_question(gateway, named, call, contract), call.request.messages, contract)
    if not reply.attempts:
        assert reply.error is not None  # without an attempt the gateway has given up on the model
        raise reply.error
    now = reply.attempts[-1]
    answered = reply.error is None
    now_labels = labels_of(key, now.parsed_output) if answered else {}
    replay = Replay(
        named_id=named,
        then=call,
        attempts=reply.attempts,
        error=None if reply.error is None else f"{type(reply.error).__name__}: {reply.error}",
        text=text_diff(_bare(call.text), _bare(now.raw_response or "")),
        fields=field_changes(call.row.parsed_output, now.parsed_output) if answered else [],
        items=len(paired(then_labels, now_labels)),
        decisions=decision_changes(then_labels, now_labels) if answered else [],
    )
    try:
        async with pool.connection() as conn, conn.transaction(), conn.cursor() as cur:
            await write_attempts(cur, reply.attempts)
            await store.write_replay(cur, replay.row())
    except psycopg.Error:
        spool_attempts(gateway.settings.llm_pipeline_home / "spool", reply.attempts)
        raise
    return replay


def _contract(call: PastCall) -> type[BaseModel]:
    subject = find_subject(call.request.interrogation)
    return AnyAnswer if subject is None else subject.contract


def _question(gateway: Gateway, named: str, call: PastCall, contract: type[BaseModel]) -> Question:
    """The question as it was; its template is known by version and hash only, the body holds the whole prompt."""
    row, request = call.row, call.request
    template = PromptTemplate(request.interrogation, row.prompt_version, "", "", "", row.prompt_hash)
    return Question(
        interrogation=Interrogation(
            request.interrogation, template, contract, request.model, ModelOptions.of(gateway.settings)
        ),
        body=request.body,
        prompt_sha256=row.resolved_prompt_sha256,
        schema_sha256=row.schema_sha256,
        options=request.options,
        request_context={"replay_of": row.audit_id, "named": named, "request_sha256": request.sha256},
        cache_key=None,
        attempt=1,
    )


def _bare(text: str) -> str:
    """The JSON in an answer, so that fences do not hide what differs; the text where there is none."""
    with suppress(LlmError):
        return answer_json(text)
    return text


def summary_lines(replay: Replay, shown: int = 20) -> list[str]:
    """What differs, for a person."""
    row, then = replay.row(), replay.then.row
    came_from = "" if replay.named_id == then.audit_id else f" (the call that {replay.named_id} came from)"
    lines = [
        f"call {then.audit_id}{came_from}, {row['interrogation']}, {then.created_at:%Y-%m-%d %H:%M:%S} UTC",
        f"request: {row['request_sha256']}, {'identical' if row['request_identical'] else 'DIFFERENT'}",
        f"model: {then.model_used} {_both(then.model_digest, replay.now.model_digest)}",
        f"server: {_both(then.server_version, replay.now.server_version)}",
        f"audit row of the replay: {replay.now.id}",
    ]
    if replay.failed:
        return [*lines, f"no answer now: {replay.error}"]
    if replay.answer_identical:
        same = f"{replay.items} decisions unchanged" if replay.error is None else f"as unusable as then: {replay.error}"
        return [*lines, f"answer: identical, {same}"]
    lines.append(
        f"answer: different in {len(replay.fields)} fields; status {then.status} then, {replay.now.status} now"
    )
    lines.append(f"decisions: {len(replay.decisions)} of {replay.items} changed")
    lines += [f"  {one.where}: {one.then} -> {one.now}" for one in replay.decisions[:shown]]
    lines += [f"  {one.where}: {one.then!r} -> {one.now!r}" for one in replay.fields[:shown]]
    lines += replay.text[: 3 * shown]
    left_out = max(0, len(replay.fields) - shown) + max(0, len(replay.text) - 3 * shown)
    return [*lines, f"({left_out} more lines with --json)"] if left_out else lines


def _both(then: str | None, now: str | None) -> str:
    if then == now:
        return f"{(then or 'unknown')[:24]} then and now"
    return f"{(then or 'unknown')[:24]} then, {(now or 'unknown')[:24]} now"
