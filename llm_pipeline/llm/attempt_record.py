"""From one exchange with a server to its audit row and artifacts. No network, no retries.

The lake being away does not lose a call: then the request is kept in the row's `request_context` and the
failure is named there.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from pydantic import BaseModel

from llm_pipeline.llm.audit import Attempt, CallContext
from llm_pipeline.llm.cache import CachedAnswer
from llm_pipeline.llm.client import Exchange
from llm_pipeline.llm.errors import LlmError
from llm_pipeline.llm.interrogation import Interrogation
from llm_pipeline.llm.lake import Artifact, ArtifactType, Lake, LakeError
from llm_pipeline.llm.model_facts import ModelFacts
from llm_pipeline.llm.server_answer import ServerAnswer
from llm_pipeline.settings import Settings

OFFLINE_MODEL = "offline-rules"
"""What the bundled rule-based server calls itself; it is no Ollama model and the audit trail says so."""

_SAID_LIMIT = 20_000


@dataclass(frozen=True)
class Question:
    """One question as the gateway asks it; `body` is the exact request of the current attempt."""

    interrogation: Interrogation
    body: bytes
    prompt_sha256: str
    schema_sha256: str
    options: Mapping[str, Any]
    request_context: Mapping[str, Any]
    cache_key: str | None
    attempt: int


@dataclass(frozen=True)
class Recorder:
    """Everything about audit rows that stays the same for all calls of a gateway."""

    settings: Settings
    lake: Lake
    context: CallContext
    endpoint: str

    async def called(
        self,
        question: Question,
        facts: ModelFacts,
        exchange: Exchange,
        answer: ServerAnswer,
        parsed: BaseModel | None,
        error: LlmError | None,
        at: datetime,
    ) -> Attempt:
        """The row of a call that was made; its request and response are in the lake when this returns."""
        audit_id, notes = str(uuid4()), dict(question.request_context)
        artifacts: tuple[Artifact, ...] = ()
        try:
            if self.lake.local:  # about 0.2 ms, less than a change of thread
                artifacts = self._store(audit_id, question.body, exchange, at)
            else:
                artifacts = await asyncio.to_thread(self._store, audit_id, question.body, exchange, at)
        except LakeError as fault:
            notes |= {"lake_error": str(fault), "request": question.body.decode("utf-8", "replace")}
        said = answer.text or (exchange.body[:_SAID_LIMIT].decode("utf-8", "replace") if error else "")
        tokens_in, tokens_out = answer.input_tokens, answer.output_tokens
        return self._row(
            question,
            facts,
            id=audit_id,
            created_at=at,
            model_used=answer.model or question.interrogation.model,
            input_tokens=tokens_in,
            output_tokens=tokens_out,
            latency_ms=exchange.latency_ms,
            request_context=notes,
            raw_response=said or None,
            parsed_output=parsed.model_dump(mode="json") if parsed is not None else None,
            parse_success=parsed is not None,
            error_message=f"{type(error).__name__}: {error}" if error else None,
            done_reason=answer.done_reason,
            metrics=answer.metrics | ({"http_status": exchange.http_status} if error else {}),
            cache_hit=False,
            cost_usd=self._cost(tokens_in, tokens_out),
            status=error.status if error else "ok",
            request_artifact_id=artifacts[0].id if artifacts else None,
            response_artifact_id=artifacts[1].id if len(artifacts) > 1 else None,
            artifacts=artifacts,
        )

    def from_cache(
        self, question: Question, facts: ModelFacts, cached: CachedAnswer, parsed: BaseModel, at: datetime
    ) -> Attempt:
        """The row of an answer that was not asked for again; it points at the first answer's artifacts."""
        return self._row(
            question,
            facts,
            id=str(uuid4()),
            created_at=at,
            model_used=cached.model_used,
            input_tokens=cached.input_tokens,
            output_tokens=cached.output_tokens,
            latency_ms=0,
            request_context={**question.request_context, "cached_from": cached.audit_id},
            raw_response=cached.raw_response,
            parsed_output=parsed.model_dump(mode="json"),
            parse_success=True,
            error_message=None,
            done_reason="stop",
            metrics={},
            cache_hit=True,
            cost_usd=0.0,
            status="ok",
            request_artifact_id=cached.request_artifact_id,
            response_artifact_id=cached.response_artifact_id,
        )

    def _row(self, question: Question, facts: ModelFacts, *, model_used: str, **values: Any) -> Attempt:
        asked = question.interrogation
        offline = model_used.removesuffix(":latest") == OFFLINE_MODEL
        return Attempt(
            service_name=self.context.service,
            prompt_version=asked.version,
            prompt_hash=asked.template.sha256,
            model_used=model_used,
            provider=OFFLINE_MODEL if offline else "ollama",
            endpoint=self.endpoint,
            model_digest=facts.digest,
            server_version=facts.server_version,
            resolved_prompt_sha256=question.prompt_sha256,
            schema_sha256=question.schema_sha256,
            options=question.options,
            attempt=question.attempt,
            cache_key=question.cache_key,
            job_id=self.context.job_id,
            dagster_run_id=self.context.dagster_run_id,
            asset_key=self.context.asset_key,
            partition_key=self.context.partition_key,
            **values,
        )

    def _store(self, audit_id: str, body: bytes, exchange: Exchange, at: datetime) -> tuple[Artifact, ...]:
        files: list[tuple[ArtifactType, bytes]] = [("request_json", body)]
        if exchange.http_status:
            files.append(("response_json", response_json(exchange)))
        return tuple(self.lake.write(audit_id, kind, content, at) for kind, content in files)

    def _cost(self, tokens_in: int | None, tokens_out: int | None) -> float:
        paid = (tokens_in or 0) * self.settings.llm_usd_per_million_input_tokens
        paid += (tokens_out or 0) * self.settings.llm_usd_per_million_output_tokens
        return round(paid / 1_000_000, 8)


def response_json(exchange: Exchange) -> bytes:
    """A response as it is stored: status, content type and the exact body, so that it can be read again."""
    value: dict[str, Any] = {
        "http_status": exchange.http_status,
        "content_type": exchange.content_type,
        "complete": exchange.fault is None,
    }
    try:
        value["body"] = exchange.body.decode()
    except UnicodeDecodeError:
        value["body_base64"] = base64.b64encode(exchange.body).decode()
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
