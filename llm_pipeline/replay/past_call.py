"""A past call with everything that is stored about it, every artifact verified against its hash on the way in."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from llm_pipeline.llm.chat_request import sha256_of
from llm_pipeline.llm.lake import Lake
from llm_pipeline.llm.server_answer import read_answer
from llm_pipeline.replay.errors import BrokenRequestError, UnknownCallError
from llm_pipeline.replay.stored_request import StoredRequest, read_request


@dataclass(frozen=True)
class CallRow:
    """What llm_audit_trail and llm_artifacts say of a call that reached for a server.

    Attributes:
        kept_request: the request itself, of a call whose request could not be stored in the lake.
        parsed_output, raw_response: None also where they were not read.
    """

    audit_id: str
    created_at: datetime
    service_name: str
    prompt_version: str
    prompt_hash: str
    model_used: str
    endpoint: str
    model_digest: str | None
    server_version: str | None
    resolved_prompt_sha256: str
    schema_sha256: str
    input_tokens: int | None
    output_tokens: int | None
    latency_ms: int
    status: str
    kept_request: str | None
    request_uri: str | None
    request_sha256: str | None
    response_uri: str | None
    response_sha256: str | None
    parsed_output: Any = None
    raw_response: str | None = None


@dataclass(frozen=True)
class PastCall:
    """A call that can be made again.

    Attributes:
        text: the model's words then, "" when it gave none.
    """

    row: CallRow
    request: StoredRequest
    text: str


def load_request(lake: Lake, row: CallRow) -> StoredRequest:
    """The request of a call, byte for byte.

    Raises:
        LakeError: the artifact is missing or damaged.
        UnknownCallError: the request was not stored.
        BrokenRequestError: what is stored is not the request that the audit row describes.
    """
    if row.request_uri and row.request_sha256:
        body = lake.read(row.request_uri, row.request_sha256)
    elif row.kept_request:
        body = row.kept_request.encode()
    else:
        raise UnknownCallError(f"call {row.audit_id} has no stored request: its row of llm_artifacts is gone")
    request = read_request(body, row.audit_id)
    if sha256_of(request.messages) != row.resolved_prompt_sha256:
        raise BrokenRequestError(
            f"the stored request of call {row.audit_id} asks something else than its audit row says"
        )
    return request


def load_call(lake: Lake, row: CallRow) -> PastCall:
    """Request and answer of a call.

    Raises:
        LakeError, UnknownCallError, BrokenRequestError: see `load_request`; the answer's artifact counts too.
    """
    request = load_request(lake, row)
    text = row.raw_response or ""
    if row.response_uri and row.response_sha256:
        stored = json.loads(lake.read(row.response_uri, row.response_sha256))
        body = stored["body"].encode() if "body" in stored else base64.b64decode(stored["body_base64"])
        status = int(stored["http_status"])
        text = read_answer(status, body, num_ctx=request.options["num_ctx"], prompt_chars=0).text
    return PastCall(row, request, text)
