"""What genuine servers (0.5.4 and 0.32.15) answered, read again: each exchange must mean what it meant."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llm_pipeline.llm.server_answer import ServerAnswer, read_answer

OLD, NEW = "ollama-0.5.4.jsonl", "ollama-0.32.15.jsonl"


def exchanges(folder: Path, name: str) -> Iterator[dict[str, Any]]:
    for line in (folder / name).read_text().splitlines():
        exchange = json.loads(line)
        if exchange["path"] == "/api/chat":
            yield exchange


def read(exchange: dict[str, Any]) -> ServerAnswer:
    request = exchange["request"] if isinstance(exchange["request"], dict) else {}
    messages = request.get("messages")
    chars = sum(len(m["content"]) for m in messages) if isinstance(messages, list) else 0
    options = request.get("options") or {}
    window = options.get("num_ctx", 4096)
    return read_answer(
        exchange["status"], exchange["body"].encode(), num_ctx=window, prompt_chars=chars,
        content_type=exchange["content_type"] or "",
    )  # fmt: skip


EXPECTED = {
    "chat-unknown-model": ("ModelMissing", "ModelMissing"),
    "chat-no-model": ("RequestRefused", "RequestRefused"),
    "bad-json": ("RequestRefused", "RequestRefused"),
    "get-on-post": ("RequestRefused", "RequestRefused"),
    "chat-schema": (None, None),
    "chat-schema-stream": (None, None),
    "chat-schema-rnd": (None, None),
    "chat-format-xml": ("RequestRefused", "RequestRefused"),
    "chat-format-badtype": ("RequestRefused", "RequestRefused"),
    "chat-empty-messages(load)": ("Aborted", "Aborted"),
    "num_predict-cut": ("Truncated", "Truncated"),
    "num_predict-cut-stream": ("Truncated", "Truncated"),
    "overflow-chat": ("ContextOverflow", "ContextOverflow"),
    "overflow-chat-truncfalse": ("ContextOverflow", "ContextOverflow"),
    "option-wrongtype": ("RequestRefused", "RequestRefused"),
    "cors-origin": ("RequestRefused", "RequestRefused"),
    "keepalive-bad": ("RequestRefused", "RequestRefused"),
    "think-false-nonthinking": (None, None),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_recorded_exchange_is_named_for_what_it_was(name: str, recorded: Path) -> None:
    for file, expected in zip((OLD, NEW), EXPECTED[name], strict=True):
        (exchange,) = [one for one in exchanges(recorded, file) if one["name"] == name]
        error = read(exchange).error
        assert (type(error).__name__ if error else None) == expected, f"{file}: {error!r}"


def test_no_recorded_exchange_is_misread_and_only_done_stop_is_an_answer(recorded: Path) -> None:
    read_any = 0
    for file in (OLD, NEW):
        for exchange in exchanges(recorded, file):
            answer = read(exchange)
            read_any += 1
            if answer.error is None:
                assert exchange["status"] == 200
                assert '"done_reason":"stop"' in exchange["body"]
                assert answer.text
                assert answer.input_tokens
            else:
                assert str(answer.error)
    assert read_any > 80


def test_the_counts_inside_the_nested_error_are_found(recorded: Path) -> None:
    (exchange,) = [one for one in exchanges(recorded, NEW) if one["name"] == "overflow-chat-truncfalse"]
    error = read(exchange).error
    assert (error.prompt_tokens, error.window) == (3017, 512)  # type: ignore[union-attr]
