"""Ollama's paths on top of the wire, and the server's own control paths under /offline/.

Belongs here: routing, and the course of one chat call: check, count, wait, answer.
"""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from llm_pipeline.offline_model import MODEL_NAME, identity
from llm_pipeline.offline_model.answers import EvidenceError, Json, Rules, honest_answer, rules_for
from llm_pipeline.offline_model.calls import CallLog
from llm_pipeline.offline_model.chat_answer import Cost, loaded, pause_before, send_answer, send_early
from llm_pipeline.offline_model.chat_request import RefusedError, check_fits, is_model, read_body, read_chat
from llm_pipeline.offline_model.faults import NO_FAULTS, FaultDice, FaultPlan, plan_from_json
from llm_pipeline.offline_model.misbehaviour import speak
from llm_pipeline.offline_model.prompt import Question, UnreadablePromptError, read_question
from llm_pipeline.offline_model.wire import JSON, TEXT, Reply, Request

_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


@dataclass(frozen=True)
class Behaviour:
    """How a server works.

    Attributes:
        latency_ms: time every chat answer takes; it waits, it does not compute.
        slots: answers in the making at once, the others queue as with OLLAMA_NUM_PARALLEL; None means no
        limit. faults: planned misbehaviour.
        control: whether /offline/faults may be used and calls are counted per record.
    """

    latency_ms: float = 0.0
    slots: int | None = None
    faults: FaultPlan = NO_FAULTS
    control: bool = False

    def __post_init__(self) -> None:
        if self.latency_ms < 0:
            raise ValueError(f"latency_ms must not be negative: {self.latency_ms}")
        if self.slots is not None and self.slots < 1:
            raise ValueError(f"slots must be at least 1: {self.slots}")


HONEST = Behaviour()
"""No wait, no limit, no faults."""


def _send_json(reply: Reply, value: Json, status: int = 200) -> None:
    reply.send(status, JSON, json.dumps(value, separators=(",", ":")).encode())


def _records_of(question: Question, rules: Rules) -> dict[str, str]:
    """Record id to the record's JSON text, for faults that look at records."""
    items = question.evidence.get(rules.ASKED)
    if not isinstance(items, list):
        return {}
    return {str(i.get(rules.ITEMS[1])): json.dumps(i, ensure_ascii=False) for i in items if isinstance(i, dict)}


class OfflineModel:
    """The server's state and its request handler (an instance is a `wire.Handler`).

    Attributes:
        held: while it is set no chat call is answered, so that what happens "while the model thinks" needs no clock. Of
            servers in a thread: the test sets it and takes it back.
    """

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.log = CallLog()
        self.dice = FaultDice(behaviour.faults)
        self.held = False
        self._slots = asyncio.Semaphore(behaviour.slots) if behaviour.slots else nullcontext()
        self._num_ctx: int | None = None

    async def __call__(self, request: Request, reply: Reply) -> None:
        """Answer one request."""
        host = request.headers.get("host", "localhost")
        name = host if host.endswith("]") else host.rpartition(":")[0] or host
        if name.lower() not in _LOOPBACK:
            reply.send(403, "", b"")  # as Ollama: a web page that rebinds its DNS name to loopback gets nothing
            return
        match (request.method, request.path):
            case ("POST", "/api/chat"):
                await self._chat(request, reply)
            case ("GET", "/api/version"):
                _send_json(reply, {"version": identity.VERSION})
            case ("GET", "/api/tags"):
                _send_json(reply, identity.tags())
            case ("GET", "/api/ps"):
                _send_json(reply, identity.loaded_models(self._num_ctx))
            case ("POST", "/api/show"):
                self._show(request, reply)
            case ("GET", "/"):
                reply.send(200, TEXT, f"{MODEL_NAME} is running".encode())
            case (_, path) if path.startswith("/offline/"):
                self._control(request, reply)
            case (_, "/api/chat" | "/api/version" | "/api/tags" | "/api/ps" | "/api/show" | "/"):
                reply.send(405, TEXT, b"405 method not allowed")
            case _:
                reply.send(404, TEXT, b"404 page not found")

    def _show(self, request: Request, reply: Reply) -> None:
        try:
            value = read_body(request.body, "ShowRequest")
        except RefusedError as refused:
            _send_json(reply, {"error": str(refused)}, refused.status)
            return
        name = value.get("model") or value.get("name")
        if not name:
            _send_json(reply, {"error": "model is required"}, 400)
        elif not is_model(name):
            _send_json(reply, {"error": f"model '{name}' not found"}, 404)
        else:
            _send_json(reply, identity.show())

    def _control(self, request: Request, reply: Reply) -> None:
        match (request.method, request.path):
            case ("GET", "/offline/calls"):
                _send_json(reply, {**self.log.as_json(), "faults_fired": dict(self.dice.fired)})
            case ("GET", "/offline/faults"):
                _send_json(reply, self.dice.plan.as_json())
            case ("POST", "/offline/faults" | "/offline/reset") if not self.behaviour.control:
                _send_json(reply, {"error": f"{MODEL_NAME} was started without --control"}, 403)
            case ("POST", "/offline/faults"):
                try:
                    self.set_faults(plan_from_json(json.loads(request.body or b"{}")))
                except ValueError as error:
                    _send_json(reply, {"error": str(error)}, 400)
                else:
                    _send_json(reply, self.dice.plan.as_json())
            case ("POST", "/offline/reset"):
                self.reset()
                _send_json(reply, self.log.as_json())
            case _:
                reply.send(404, TEXT, b"404 page not found")

    def set_faults(self, plan: FaultPlan) -> None:
        """Replace the plan; the counts of its conditions start anew."""
        self.dice = FaultDice(plan)

    def reset(self) -> None:
        """Set every counter to zero; calls that are under way stay counted as in flight."""
        in_flight = self.log.in_flight
        self.log = CallLog()
        self.log.in_flight = self.log.in_flight_max = in_flight
        self.dice = FaultDice(self.dice.plan)

    async def _chat(self, request: Request, reply: Reply) -> None:
        self.log.begin()
        try:
            async with self._slots:
                await self._answer(request.body, reply, time.perf_counter_ns())
        except RefusedError as refused:
            _send_json(reply, {"error": str(refused)}, refused.status)
        except (UnreadablePromptError, EvidenceError, LookupError) as error:
            _send_json(reply, {"error": f"{MODEL_NAME}: {error}"}, 400)
        finally:
            self.log.end(reply.status)

    async def _answer(self, body: bytes, reply: Reply, started_ns: int) -> None:
        request = read_chat(body)
        self._num_ctx = request.num_ctx
        if not request.messages:
            reply.send(200, JSON, loaded(request))
            return
        tokens = check_fits(request)
        question = read_question(request.messages)
        rules = rules_for(question.interrogation)
        counted: dict[str, Any] = {}
        if self.behaviour.control or self.dice.plan.faults:
            counted = _records_of(question, rules)
        firings = self.dice.throw(question.interrogation, question.text, counted)
        self.log.asked(question.interrogation, counted, tokens)
        pause = self.behaviour.latency_ms / 1000 + pause_before(firings)
        if pause:
            await asyncio.sleep(pause)
        while self.held:  # noqa: ASYNC110 - set from another thread, which an event of asyncio does not bear
            await asyncio.sleep(0.01)
        if send_early(reply, firings):
            return
        honest = honest_answer(rules, question.evidence, question.system)
        spoken = speak(question.evidence, honest, rules, firings)
        await send_answer(reply, request, spoken, Cost(tokens, 0, started_ns), firings)
