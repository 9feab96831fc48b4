"""From the bytes of a /api/chat response to the model's text, or to the error it really is. Pure.

HTTP 200 is not success: only `done` true with `done_reason` "stop", inside the context window, is an answer.
Streams (one JSON object per line) and single objects are read alike, so a stored response can be read again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import from_json, to_json

from llm_pipeline.db.bulk import SURROGATE
from llm_pipeline.llm.errors import (
    Aborted,
    ContextOverflow,
    LlmError,
    RemoteModel,
    RequestRefused,
    Truncated,
)
from llm_pipeline.llm.refusals import error_of, reported_error

CHARS_PER_TOKEN_AT_MOST = 8
"""Fewer prompt tokens than characters/8 means that the server cut the prompt without saying so."""


@dataclass(frozen=True)
class ServerAnswer:
    """What a server sent, complete or not.

    Attributes:
        text: the model's words so far, exactly.
        model: the model that answered, as the server names it; "" when it did not say.
        done_reason: None when the server did not say.
        metrics: every other field of the last line (counts; durations in ns), plus `thinking_chars`.
        error: None only when `text` is a complete answer.
    """

    text: str = ""
    model: str = ""
    done_reason: str | None = None
    metrics: dict[str, Any] = field(default_factory=dict)
    error: LlmError | None = None

    @property
    def input_tokens(self) -> int | None:
        """Tokens of the prompt, cached ones included; None when the server did not say."""
        return _whole(self.metrics.get("prompt_eval_count"))

    @property
    def output_tokens(self) -> int | None:
        """Tokens of the answer; None when the server did not say."""
        return _whole(self.metrics.get("eval_count"))


def read_answer(
    http_status: int,
    body: bytes,
    *,
    num_ctx: int,
    prompt_chars: int,
    content_type: str = "",
    retry_after: str | None = None,
    cut: LlmError | None = None,
) -> ServerAnswer:
    """Read one response.

    Args:
        num_ctx: the context window that was asked for, in tokens.
        prompt_chars: characters of all messages, to notice a prompt that was cut.
        cut: the fault that ended the transfer early; then the body is what had arrived.
    """
    if http_status != 200:
        text, detail = reported_error(body)
        return ServerAnswer(error=error_of(http_status, text, detail, retry_after))
    lines = _lines(body, whole=cut is None)
    if lines is None:
        start = body[:80].decode("utf-8", "replace")
        fault = cut or RequestRefused(
            f"HTTP 200 but not Ollama's format ({content_type or 'no content type'}): {start!r}; "
            "is the base URL that of an Ollama server?",
            http_status=200,
            fatal=True,
        )
        return ServerAnswer(error=fault)
    return _judge(_collect(lines), lines, num_ctx, prompt_chars, cut)


def _lines(body: bytes, whole: bool) -> list[dict[str, Any]] | None:
    rows = [row for row in body.split(b"\n") if row.strip()]
    try:
        values = from_json(b"[" + b",".join(rows) + b"]", allow_inf_nan=False)
    except ValueError:
        values = []
        for row in rows:
            try:
                values.append(json.loads(row))  # slower, but takes lone surrogates
            except (ValueError, RecursionError):
                if whole:
                    return None
                break
    return values if all(isinstance(value, dict) for value in values) else None


def _collect(lines: list[dict[str, Any]]) -> ServerAnswer:
    texts: list[str] = []
    thinking = 0
    for line in lines:
        message = line.get("message")
        if isinstance(message, dict):
            content, thought = message.get("content"), message.get("thinking")
            texts.append(content if isinstance(content, str) else "")
            thinking += len(thought) if isinstance(thought, str) else 0
    last = lines[-1] if lines else {}
    metrics = {key: value for key, value in last.items() if key not in ("message", "model", "error")}
    if thinking:
        metrics["thinking_chars"] = thinking
    reason, model = last.get("done_reason"), next((line["model"] for line in lines if "model" in line), "")
    return ServerAnswer(_joined(texts), str(model), reason if isinstance(reason, str) else None, metrics)


def _joined(texts: list[str]) -> str:
    """The pieces as one text; a character whose two surrogates came in two pieces becomes whole again."""
    text = "".join(texts)
    if not SURROGATE.search(text):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _judge(
    answer: ServerAnswer, lines: list[dict[str, Any]], num_ctx: int, prompt_chars: int, cut: LlmError | None
) -> ServerAnswer:
    def failed(error: LlmError) -> ServerAnswer:
        return ServerAnswer(answer.text, answer.model, answer.done_reason, answer.metrics, error)

    for line in lines:
        if "remote_host" in line:
            return failed(
                RemoteModel(
                    f"the answer comes from {line['remote_host']!r}, not from the configured server; "
                    "use a local model (OLLAMA_NO_CLOUD=1 on the server)",
                    fatal=True,
                )
            )
        if "error" in line:
            text, detail = reported_error(_as_body(line["error"]))
            return failed(error_of(200, text, detail))
    if cut is not None:
        return failed(cut)
    if not lines or lines[-1].get("done") is not True:
        return failed(Aborted("the generation ended without `done` (repeated tokens or a lost runner)"))
    if answer.done_reason == "length":
        return failed(Truncated(f"the answer was cut at {answer.output_tokens or '?'} tokens (done_reason length)"))
    if answer.done_reason != "stop":
        return failed(Aborted(f"done_reason is {answer.done_reason!r}, not 'stop'"))
    overflow = _overflow(answer, num_ctx, prompt_chars)
    return failed(overflow) if overflow else answer


def _overflow(answer: ServerAnswer, num_ctx: int, prompt_chars: int) -> ContextOverflow | None:
    prompt = answer.input_tokens
    if prompt is None:
        return None
    if prompt + (answer.output_tokens or 0) > num_ctx:
        return ContextOverflow(
            f"{prompt} prompt and {answer.output_tokens or 0} answer tokens in a window of {num_ctx}: "
            "the server cut or shifted it",
            prompt_tokens=prompt,
            window=num_ctx,
        )
    cached = _whole(answer.metrics.get("prompt_eval_cached_count")) or 0
    if prompt and prompt + cached < prompt_chars // CHARS_PER_TOKEN_AT_MOST:
        return ContextOverflow(
            f"{prompt} prompt tokens for {prompt_chars} characters: the server cut it without saying so",
            prompt_tokens=None,
            window=num_ctx,
        )
    return None


def _as_body(error: Any) -> bytes:
    return error.encode("utf-8", "replace") if isinstance(error, str) else to_json({"error": error})


def _whole(value: Any) -> int | None:
    usable = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31
    return value if usable else None
