"""What a POST to /api/chat asks for, checked in Ollama's order and refused with Ollama's texts (0.32).

Belongs here: the request's body, its options and the context window. The answer is `chat_answer.py`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from llm_pipeline.offline_model import MODEL_NAME
from llm_pipeline.offline_model.answers import Json
from llm_pipeline.offline_model.prompt import prompt_tokens

DEFAULT_NUM_CTX = 4096

_DURATION = re.compile(r"[-+]?(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|ms|s|m|h))+|0")
_INTEGER_OPTIONS = ("num_ctx", "num_predict", "seed", "top_k", "num_keep", "repeat_last_n")


class RefusedError(Exception):
    """A request answered with an HTTP error; `str()` is the text of `{"error": ...}`."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What counts of a request's body. `num_predict` None means no limit."""

    model: str
    messages: list[Json]
    stream: bool
    num_ctx: int
    num_predict: int | None
    shift: bool


def is_model(name: object) -> bool:
    """Whether a request's model name means this model; Ollama adds `:latest` and ignores case."""
    return isinstance(name, str) and name.lower().removesuffix(":latest") == MODEL_NAME


def read_body(body: bytes, go_type: str) -> Json:
    """A request's JSON object, refused with Ollama's texts where it is none.

    Raises:
        RefusedError: 400.
    """
    if not body.strip():
        raise RefusedError(400, "missing request body")
    try:
        value = json.loads(body)
    except ValueError as error:
        raise RefusedError(400, "unexpected EOF") from error
    if not isinstance(value, dict):
        raise RefusedError(400, f"json: cannot unmarshal {_go_name(value)} into Go value of type api.{go_type}")
    return value


def _go_name(value: Any) -> str:
    names = {list: "array", str: "string", bool: "bool", dict: "object"}
    return names.get(type(value), "number")


def _option(options: Json, name: str, default: int) -> int:
    value = options.get(name)
    return default if value is None else int(value)


def read_chat(body: bytes) -> ChatRequest:
    """The chat request in a body.

    Raises:
        RefusedError: with the status and text that Ollama 0.32 gives for the same mistake.
    """
    value = read_body(body, "ChatRequest")
    if not value.get("model"):
        raise RefusedError(400, "model is required")
    messages = value.get("messages") or []
    if not isinstance(messages, list) or not all(isinstance(m, dict) for m in messages):
        told = _go_name(messages)
        raise RefusedError(
            400,
            f"json: cannot unmarshal {told} into Go struct field ChatRequest.messages of type []api.Message",
        )
    keep_alive = value.get("keep_alive")
    if isinstance(keep_alive, str) and not _DURATION.fullmatch(keep_alive):
        raise RefusedError(400, f'time: invalid duration "{keep_alive}"')
    if not is_model(value["model"]):
        raise RefusedError(404, f"model '{value['model']}' not found")
    if value.get("think") not in (None, False):
        raise RefusedError(400, f'"{value["model"]}" does not support thinking')
    if value.get("tools"):
        raise RefusedError(400, f"{MODEL_NAME} does not support tools")
    wanted = value.get("format")
    if wanted not in (None, "", "json") and not isinstance(wanted, dict):
        text = json.dumps(json.dumps(wanted))
        raise RefusedError(500, f'invalid format: {text}; expected "json" or a valid JSON Schema object')
    options = value.get("options") or {}
    for name in _INTEGER_OPTIONS:
        if not isinstance(options.get(name), int | None) or isinstance(options.get(name), bool):
            raise RefusedError(500, f'option "{name}" must be of type integer')
    num_predict = _option(options, "num_predict", -1)
    return ChatRequest(
        model=value["model"],
        messages=messages,
        stream=value.get("stream") is not False,
        num_ctx=_option(options, "num_ctx", DEFAULT_NUM_CTX),
        num_predict=num_predict if num_predict > 0 else None,
        shift=value.get("shift") is not False,
    )


def check_fits(request: ChatRequest) -> int:
    """The prompt's tokens.

    Raises:
        RefusedError: 400 exceed_context_size_error, an error inside an error as 0.32 sends it. Unlike a real
        server
            it never cuts a prompt silently, whatever `truncate` says: rules cannot judge half of the
            evidence.
    """
    tokens = prompt_tokens(request.messages)
    if tokens <= request.num_ctx:
        return tokens
    inner = {
        "code": 400,
        "message": f"request ({tokens} tokens) exceeds the available context size "
        f"({request.num_ctx} tokens), try increasing it",
        "type": "exceed_context_size_error",
        "n_prompt_tokens": tokens,
        "n_ctx": request.num_ctx,
    }
    raise RefusedError(400, json.dumps({"error": inner}, separators=(",", ":")))
