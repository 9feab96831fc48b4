"""The request of one call: its exact bytes, its hashes, and the conversation of a re-ask. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from llm_pipeline.hashing import sha256_hex
from llm_pipeline.llm.errors import LlmError
from llm_pipeline.llm.prompts import Messages
from llm_pipeline.llm.schema import Schema
from llm_pipeline.llm.tokens import fits


def chat_body(model: str, messages: Messages, schema: Schema, options: Mapping[str, Any], keep_alive: str) -> bytes:
    """The body for /api/chat, keys unsorted: models write fields in the schema's order."""
    request = {
        "model": model,
        "messages": messages,
        "stream": True,
        "think": False,
        "truncate": False,
        "shift": False,
        "keep_alive": keep_alive,
        "format": schema,
        "options": options,
    }
    return json.dumps(request, separators=(",", ":")).encode()


def sha256_of(value: Any) -> str:
    """SHA-256 of messages or of a schema as they are sent, key order included."""
    return sha256_hex(json.dumps(value, separators=(",", ":")))


def messages_with_error(messages: Messages, said: str, error: LlmError, num_ctx: int, num_predict: int) -> Messages:
    """The conversation that shows a model its mistake, with its own words where they fit."""
    complaint = {
        "role": "user",
        "content": f"Your answer was not accepted.\n{error}\nAnswer the same question again, completely, as "
        "one JSON object that follows the schema, and nothing else.",
    }
    full = (*messages, {"role": "assistant", "content": said}, complaint)
    return full if fits(full, num_ctx, num_predict) else (*messages, complaint)
