"""From an error a server reports (HTTP status and text) to the class that says what helps. Pure.

Ollama's texts are matched as observed on 0.5.4 and 0.32; newer ones wrap llama.cpp's JSON inside the `error`
string, proxies send HTML or nothing at all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic_core import from_json

from llm_pipeline.llm.errors import (
    Aborted,
    ContextOverflow,
    LlmError,
    ModelMissing,
    RequestRefused,
    RunnerDied,
    ServerBusy,
)

_BUSY = frozenset({408, 425, 429, 502, 503, 504})
_PERMANENT_FOR_ALL = frozenset({301, 302, 303, 307, 308, 401, 402, 403, 404, 405, 407, 410, 421})
_RUNNER_DIED = (
    "unexpected eof",
    "unexpectedly stopped",
    "timed out waiting",
    "runner process has terminated",
)
_OVERFLOW = ("exceed_context_size", "exceeds the available context size", "exceeds the context length")
_TOKENS = re.compile(r"\((\d+) tokens\).{0,80}?\((\d+) tokens\)")
_TAG = re.compile(r"<[^>]{0,500}>|\s+")


def error_of(
    http_status: int, text: str, detail: Mapping[str, Any] | None = None, retry_after: str | None = None
) -> LlmError:
    """The error a response means.

    Args:
        http_status: of the response; 200 for an `{"error": ...}` line inside a stream.
        text: the message as `reported_error` gives it.
        detail: the inner error object of newer servers.
        retry_after: the header, when the server sent one.
    """
    detail = detail or {}
    low = text.lower()
    said = f"HTTP {http_status}: {text or 'empty body'}"
    if str(detail.get("type", "")) == "exceed_context_size_error" or any(mark in low for mark in _OVERFLOW):
        counts = _TOKENS.search(text)
        return ContextOverflow(
            said,
            http_status=http_status,
            prompt_tokens=_count(detail.get("n_prompt_tokens")) or (int(counts[1]) if counts else None),
            window=_count(detail.get("n_ctx")) or (int(counts[2]) if counts else None),
        )
    if http_status == 413:
        return ContextOverflow(f"{said} (the proxy's limit on request size)", http_status=http_status)
    if "token repeat limit" in low:
        return Aborted(said, http_status=http_status)
    if http_status in _BUSY or http_status >= 520 or (http_status == 200 and "server busy" in low):
        return ServerBusy(said, http_status=http_status, retry_after_s=_seconds(retry_after))
    if http_status in (200, 500) and any(mark in low for mark in _RUNNER_DIED):
        return RunnerDied(said, http_status=http_status)
    if "model" in low and "not found" in low:
        return ModelMissing(f"{said}; pull it on the server first", http_status=http_status, fatal=True)
    fatal = http_status in _PERMANENT_FOR_ALL or "requires more system memory" in low
    return RequestRefused(said, http_status=http_status, fatal=fatal)


def reported_error(body: bytes) -> tuple[str, Mapping[str, Any]]:
    """The message and the inner error object of an error body, whatever shape it has.

    Understands `{"error": "text"}`, `{"error": "<JSON>"}`, `{"error": {...}}`, plain text, HTML and nothing.
    The message is one line of at most 2,000 characters.
    """
    text = body[:100_000].decode("utf-8", "replace").strip()
    detail: Mapping[str, Any] = {}
    for _ in range(3):
        value = _json_object(text)
        if value is None:
            break
        inner = value.get("error", value.get("message"))
        if isinstance(inner, dict):
            detail, inner = inner, inner.get("message")
        if not isinstance(inner, str):
            break
        text = inner.strip()
    return _TAG.sub(" ", text).strip()[:2000], detail


def _json_object(text: str) -> dict[str, Any] | None:
    if not text.startswith("{"):
        return None
    try:
        value = from_json(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _seconds(header: str | None) -> float | None:
    return float(header) if header and header.strip().isascii() and header.strip().isdigit() else None
