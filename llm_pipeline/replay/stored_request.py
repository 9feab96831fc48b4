"""The exact bytes of a request as the gateway sent and stored them, and what is in them. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llm_pipeline.hashing import sha256_hex
from llm_pipeline.llm.prompts import Messages
from llm_pipeline.llm.schema import Schema
from llm_pipeline.replay.errors import BrokenRequestError

_FIRST_LINE = "Interrogation: "


@dataclass(frozen=True)
class StoredRequest:
    """One request for /api/chat; `schema` is its `format`, ids bound."""

    body: bytes
    model: str
    messages: Messages
    schema: Schema
    options: Mapping[str, Any]

    @property
    def sha256(self) -> str:
        """Of the exact bytes."""
        return sha256_hex(self.body)

    @property
    def interrogation(self) -> str:
        """The key that the first line of the system message names; "" when it names none."""
        first = self.messages[0]["content"].split("\n", 1)[0]
        return first.removeprefix(_FIRST_LINE) if first.startswith(_FIRST_LINE) else ""


def read_request(body: bytes, audit_id: str) -> StoredRequest:
    """Take a request apart.

    Raises:
        BrokenRequestError: it is none that the gateway sends.
    """
    try:
        value = json.loads(body)
        messages = tuple({"role": str(one["role"]), "content": str(one["content"])} for one in value["messages"])
        request = StoredRequest(body, str(value["model"]), messages, dict(value["format"]), dict(value["options"]))
        whole = bool(messages) and {"num_ctx", "num_predict"} <= request.options.keys()
    except (ValueError, KeyError, TypeError) as error:
        raise BrokenRequestError(
            f"the stored request of call {audit_id} is not one of the gateway: {error!r}"
        ) from error
    if not whole:
        raise BrokenRequestError(f"the stored request of call {audit_id} has no messages or no num_ctx and num_predict")
    return request
