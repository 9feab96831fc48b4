"""The answer to a chat request on the wire: whole or streamed, with metrics, or broken as planned.

Belongs here: bodies of /api/chat answers, the cut at num_predict, and the faults that concern the connection.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from llm_pipeline.offline_model.answers import Json
from llm_pipeline.offline_model.chat_request import ChatRequest
from llm_pipeline.offline_model.faults import TRANSPORT_KINDS, Firing
from llm_pipeline.offline_model.misbehaviour import Spoken
from llm_pipeline.offline_model.prompt import tokens_of
from llm_pipeline.offline_model.wire import JSON, NDJSON, Reply

PIECE = 512
"""Characters in one streamed line. Real servers send a token a line; this keeps a stream at a few dozen
lines."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Tokens and nanoseconds of a call, for the metrics of its last line."""

    prompt_tokens: int
    answer_tokens: int
    started_ns: int

    def metrics(self) -> Json:
        total = max(time.perf_counter_ns() - self.started_ns, 4_000)
        return {
            "total_duration": total,
            "load_duration": 1_000,
            "prompt_eval_count": self.prompt_tokens,
            "prompt_eval_duration": total // 4,
            "eval_count": self.answer_tokens,
            "eval_duration": total // 2,
        }


def _stamp() -> str:
    ns = time.time_ns()
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ns // 10**9)) + f".{ns % 10**9:09d}Z"


def _dump(value: Json) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _frame(request: ChatRequest, spoken: Spoken, **more: Any) -> Json:
    message = {"role": "assistant", "content": spoken.content}
    if spoken.thinking:
        message["thinking"] = spoken.thinking
    return {"model": request.model, "created_at": _stamp(), "message": message, **more}


def loaded(request: ChatRequest) -> bytes:
    """The answer to a request without messages, which only loads a model."""
    return _dump(_frame(request, Spoken(""), done=True, done_reason="load"))


def _shortened(request: ChatRequest, spoken: Spoken, prompt: int, halve: bool) -> tuple[Spoken, str]:
    limits = [request.num_predict] if request.num_predict else []
    if not request.shift:
        limits.append(max(request.num_ctx - prompt, 1))
    if halve:
        limits.append(max(tokens_of(spoken.content) // 2, 1))
    if limits and tokens_of(spoken.content) > min(limits):
        return Spoken(spoken.content[: min(limits) * 4]), "length"
    return spoken, "stop"


_EARLY: dict[str, tuple[int, str, bytes]] = {
    "http_500": (
        500,
        JSON,
        _dump({"error": "an error was encountered while running the model: unexpected EOF"}),
    ),
    "http_500_option": (500, JSON, _dump({"error": 'option "num_ctx" must be of type integer'})),
    "http_502": (502, "text/html", b"<html><head><title>502 Bad Gateway</title></head></html>\r\n"),
    "http_503": (
        503,
        JSON,
        _dump({"error": "server busy, please try again.  maximum pending requests exceeded"}),
    ),
}
_RUNNER_DIED = _dump({"error": "an error was encountered while running the model: unexpected EOF"})


def send_early(reply: Reply, firings: Collection[Firing]) -> bool:
    """Send the error that a fault asks for instead of an answer, if one does."""
    for firing in firings:
        if firing.fault.kind in _EARLY:
            reply.send(*_EARLY[firing.fault.kind])
            return True
    return False


def pause_before(firings: Collection[Firing]) -> float:
    """Seconds that faults make the answer late."""
    return sum(firing.fault.seconds for firing in firings if firing.fault.kind == "slow")


async def send_answer(
    reply: Reply, request: ChatRequest, spoken: Spoken, cost: Cost, firings: Collection[Firing]
) -> None:
    """Write the answer, whole or streamed, or as much of it as the faults leave."""
    broken = {f.fault.kind: f.fault for f in firings if f.fault.kind in TRANSPORT_KINDS}
    spoken, reason = _shortened(request, spoken, cost.prompt_tokens, "length" in broken)
    cost = Cost(cost.prompt_tokens, max(tokens_of(spoken.content + spoken.thinking), 1), cost.started_ns)
    if not request.stream:
        if "stall" in broken:
            await asyncio.sleep(broken["stall"].seconds)
            reply.hang_up()
        elif "error_line" in broken:
            reply.send(200, JSON, _RUNNER_DIED)
        elif "done_false" in broken:
            half = Spoken(spoken.content[: len(spoken.content) // 2])
            reply.send(200, JSON, _dump(_frame(request, half, done=False, **cost.metrics())))
        else:
            body = _dump(_frame(request, spoken, done=True, done_reason=reason, **cost.metrics()))
            reply.send(200, JSON, body, only=len(body) // 2 if "cut" in broken else None)
        return
    pieces = [Spoken(spoken.content[i : i + PIECE]) for i in range(0, len(spoken.content), PIECE)]
    if spoken.thinking:
        pieces.insert(0, Spoken("", spoken.thinking))
    if broken.keys() & {"cut", "error_line", "done_false"}:
        pieces = pieces[: max(len(pieces) // 2, 1)]
    elif "stall" in broken:
        pieces = pieces[:1]
    reply.begin(200, NDJSON)
    for piece in pieces:
        reply.chunk(_dump(_frame(request, piece, done=False)) + b"\n")
    if "stall" in broken:
        reply.flush()
        await asyncio.sleep(broken["stall"].seconds)
    if broken.keys() & {"cut", "stall"}:
        reply.hang_up()
        return
    if "error_line" in broken:
        reply.chunk(_RUNNER_DIED + b"\n")
    elif "done_false" not in broken:
        last = _frame(request, Spoken(""), done=True, done_reason=reason, **cost.metrics())
        reply.chunk(_dump(last) + b"\n")
    reply.end()
