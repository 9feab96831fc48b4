"""Asking a model: cache, call, retry, re-ask; every attempt accounted for. Knows nothing of items or batches.

What the caller can rely on
- `ask` never raises for a fault of network, server or model: the `Reply` has the answer or the error, and
  always the attempts, which the caller writes together with the results.
- One request is tried at most `llm_max_attempts` times (2 for a timeout), plus one re-ask that shows the
  model its errors: at most `llm_max_attempts + 1` calls an `ask`.
- `reply.error.fatal` says that nothing will succeed with this model in this run: wrong address, no
  permission, model not pulled, or no connection at all after the retries. The gateway remembers it: later
  `ask`s return the same error at once, without a call and without attempts (`Reply.attempts` is empty), so
  40 batches do not fail one by one.
- At most `llm_concurrency` calls are in flight; waiting, backing off and bookkeeping hold no place.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from math import ceil
from types import TracebackType
from typing import Any, Self

from llm_pipeline.llm.attempt_record import Question, Recorder
from llm_pipeline.llm.audit import Attempt, CallContext
from llm_pipeline.llm.cache import AnswerCache, cache_key
from llm_pipeline.llm.chat_request import chat_body, messages_with_error, sha256_of
from llm_pipeline.llm.checked_answer import validated
from llm_pipeline.llm.client import OllamaClient, Timeouts
from llm_pipeline.llm.errors import ConnectionCut, ContextOverflow, LlmError, Unreachable
from llm_pipeline.llm.interrogation import Interrogation
from llm_pipeline.llm.lake import Lake
from llm_pipeline.llm.model_facts import ModelFacts, server_warnings
from llm_pipeline.llm.prompts import Messages
from llm_pipeline.llm.reply import Answer, Reply
from llm_pipeline.llm.schema import Schema
from llm_pipeline.llm.server_answer import ServerAnswer, read_answer
from llm_pipeline.llm.tokens import estimate_prompt
from llm_pipeline.settings import Settings

log = logging.getLogger(__name__)

LONGEST_PAUSE_S = 60.0
DENSEST = 6.0
"""No tokenizer needs more than this many times the estimate; a server that says so miscounts."""


class Gateway:
    """Calls to one model server for one purpose. Use as an async context manager.

    Attributes:
        abandoned: attempts whose `ask` or batch was cancelled before it handed them over; to be spooled.
        failures_in_a_row: questions since the last answer.

    Args:
        base_url: of the server; the bundled offline model is recognised by what answers.
        cache: earlier answers; None asks anew each time.
        clock: aware UTC now, for audit rows.
        sleep: waits between tries.
    """

    def __init__(
        self,
        settings: Settings,
        lake: Lake,
        *,
        base_url: str,
        context: CallContext,
        clock: Callable[[], datetime],
        cache: AnswerCache | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.settings = settings
        self.cache = cache
        self._clock, self._sleep = clock, sleep
        self._places = asyncio.Semaphore(settings.llm_concurrency)
        timeouts = Timeouts(settings.llm_connect_timeout_s, settings.llm_idle_timeout_s, settings.llm_total_timeout_s)
        self._client = OllamaClient(
            base_url, timeouts=timeouts, api_key=settings.ollama_api_key, connections=settings.llm_concurrency
        )
        self._recorder = Recorder(settings, lake, context, self._client.endpoint)
        self._facts: dict[str, asyncio.Task[ModelFacts]] = {}
        self._facts_asked: Counter[str] = Counter()
        self._fatal: dict[str, LlmError] = {}
        self._jitter = random.Random()  # noqa: S311 - spreads retries, guards nothing
        self._density: dict[str, float] = {}
        self.failures_in_a_row = 0
        self.abandoned: list[Attempt] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._facts.values():
            task.cancel()
        await self._client.__aexit__(kind, error, trace)

    async def facts(self, model: str) -> ModelFacts:
        """What the server says about itself and a model; asked once, up to 3 times while it says nothing."""
        task = self._facts.get(model)
        silent = task is not None and task.done() and task.result() == ModelFacts()
        if task is None or (silent and self._facts_asked[model] < 3):
            task = self._facts[model] = asyncio.create_task(self._client.facts(model))
            self._facts_asked[model] += 1
        return await asyncio.shield(task)

    def forget(self) -> None:
        """Forget which models cannot be used and what the server said of them: for callers that live for days, while
        servers come back and models are pulled anew."""
        for learnt in (self._fatal, self._facts, self._facts_asked):
            learnt.clear()

    async def warnings(self, model: str) -> tuple[str, ...]:
        """What an operator should know about this server and model; empty when all is well."""
        return server_warnings(model, await self.facts(model), self.settings.llm_num_ctx)

    def tokens(self, model: str, messages: Messages) -> int:
        """Tokens a prompt will need: the estimate, raised by as much as this model was seen to need more."""
        return ceil(estimate_prompt(messages) * self._density.get(model, 1.0))

    async def overflow(self, interrogation: Interrogation, messages: Messages) -> ContextOverflow | None:
        """Why a prompt must not be sent: with its answer it needs more than the window; None when it fits."""
        options = await self.options(interrogation)
        room = options["num_ctx"] - options["num_predict"]
        needed = self.tokens(interrogation.model, messages)
        if needed <= room:
            return None
        return ContextOverflow(
            f"the prompt needs about {needed} tokens, there is room for {room} (LLM_NUM_CTX less LLM_NUM_PREDICT)",
            prompt_tokens=needed,
            window=options["num_ctx"],
        )

    async def options(self, interrogation: Interrogation, seed_offset: int = 0) -> dict[str, Any]:
        """The options a call is sent with.

        `num_ctx` never goes beyond what the model was trained for, `num_predict` never beyond half of that.
        """
        sent = interrogation.options.sent(seed_offset)
        length = (await self.facts(interrogation.model)).context_length
        window = min(sent["num_ctx"], length or sent["num_ctx"])
        return sent | {"num_ctx": window, "num_predict": min(sent["num_predict"], window // 2)}

    async def cache_key(
        self,
        interrogation: Interrogation,
        messages: Messages,
        schema: Schema | None = None,
        seed_offset: int = 0,
    ) -> str | None:
        """The cache key that `ask` would use; None without caching or when the model's digest is unknown."""
        if self.cache is None:
            return None
        digest = (await self.facts(interrogation.model)).digest
        shape = sha256_of(interrogation.schema if schema is None else schema)
        return cache_key(digest, interrogation, messages, shape, await self.options(interrogation, seed_offset))

    async def ask(
        self,
        interrogation: Interrogation,
        messages: Messages,
        schema: Schema | None = None,
        contract: type[Answer] | None = None,
        request_context: Mapping[str, Any] | None = None,
        *,
        seed_offset: int = 0,
    ) -> Reply[Answer]:
        """Ask one question.

        Args:
            schema: sent as `format`; the interrogation's own unless ids were bound.
            contract: what the answer must satisfy; the interrogation's own unless given.
            request_context: what the caller wants to find in the audit row (ids, window); no secrets.
            seed_offset: added to the configured seed, to ask the identical question once more.

        Raises:
            UnsafeSchemaError: the contract asks for what servers do not enforce.
        """
        model = interrogation.model
        if model in self._fatal:
            return Reply(None, (), self._fatal[model])
        shape = interrogation.schema if schema is None else schema
        checked: type[Any] = contract or interrogation.contract
        options = await self.options(interrogation, seed_offset)
        question = Question(
            interrogation=interrogation,
            body=self._body(interrogation, messages, shape, options),
            prompt_sha256=sha256_of(messages),
            schema_sha256=sha256_of(shape),
            options=options,
            request_context=request_context or {},
            cache_key=await self.cache_key(interrogation, messages, shape, seed_offset),
            attempt=1,
        )
        hit = await self._from_cache(question, checked)
        return hit or await self._until_answered(question, messages, shape, checked)

    async def send_again(self, question: Question, messages: Messages, contract: type[Answer]) -> Reply[Answer]:
        """Send the exact bytes of `question.body`, whatever the settings say now: no cache, no re-ask, no other seed.

        The same bytes are tried again where that can help. Otherwise as `ask`.

        Args:
            messages: those in the body.
        """
        model, attempts = question.interrogation.model, list[Attempt]()
        if model in self._fatal:
            return Reply(None, (), self._fatal[model])
        try:
            while True:
                parsed, error, attempt = await self._call(question, messages, contract)
                attempts.append(attempt)
                if error is None:
                    return Reply(parsed, tuple(attempts), None)
                if not error.retry or error.new_seed or len(attempts) >= self._tries(error):
                    return self._gave_up(model, tuple(attempts), error)
                await self._pause(len(attempts), error)
                question = replace(question, attempt=question.attempt + 1)
        except BaseException:  # cancelled: the calls were made all the same
            self.abandoned.extend(attempts)
            raise

    def _tries(self, error: LlmError) -> int:
        return min(self.settings.llm_max_attempts, error.max_tries or 99)

    async def _from_cache(self, question: Question, contract: type[Any]) -> Reply[Any] | None:
        if self.cache is None or question.cache_key is None:
            return None
        cached = await self.cache.find(question.cache_key)
        if cached is None:
            return None
        try:
            parsed = validated(cached.raw_response, contract)
        except LlmError as error:
            log.warning("answer %s in the cache is not usable any more: %s", cached.audit_id, error)
            return None
        facts = await self.facts(question.interrogation.model)
        return Reply(parsed, (self._recorder.from_cache(question, facts, cached, parsed, self._clock()),), None)

    async def _until_answered(
        self, question: Question, messages: Messages, shape: Schema, contract: type[Any]
    ) -> Reply[Any]:
        attempts: list[Attempt] = []
        try:
            return await self._try(question, messages, shape, contract, attempts)
        except BaseException:  # cancelled: the calls were made all the same
            self.abandoned.extend(attempts)
            raise

    async def _try(
        self,
        question: Question,
        messages: Messages,
        shape: Schema,
        contract: type[Any],
        attempts: list[Attempt],
    ) -> Reply[Any]:
        asked, tries, reasked = messages, 1, False
        while True:
            parsed, error, attempt = await self._call(question, asked, contract)
            attempts.append(attempt)
            if error is None:
                self.failures_in_a_row = 0
                return Reply(parsed, tuple(attempts), None)
            options = question.options
            if error.reask and not reasked:
                reasked = True
                said = attempt.raw_response or ""
                asked = messages_with_error(messages, said, error, options["num_ctx"], options["num_predict"])
            elif error.retry and tries < self._tries(error):
                await self._pause(tries, error)
                tries += 1
                if error.new_seed:
                    options = {**options, "seed": options["seed"] + 1}
            else:
                return self._gave_up(question.interrogation.model, tuple(attempts), error)
            question = replace(
                question,
                body=self._body(question.interrogation, asked, shape, options),
                prompt_sha256=sha256_of(asked),
                options=options,
                attempt=question.attempt + 1,
            )

    async def _call(
        self, question: Question, messages: Messages, contract: type[Any]
    ) -> tuple[Any, LlmError | None, Attempt]:
        facts = await self.facts(question.interrogation.model)
        async with self._places:
            at = self._clock()
            exchange = await self._client.chat(question.body)
        if exchange.http_status:
            answer = read_answer(
                exchange.http_status,
                exchange.body,
                num_ctx=question.options["num_ctx"],
                prompt_chars=sum(len(message["content"]) for message in messages),
                content_type=exchange.content_type,
                retry_after=exchange.headers.get("retry-after"),
                cut=exchange.fault,
            )
        else:
            answer = read_answer(200, b"", num_ctx=0, prompt_chars=0, cut=exchange.fault)
        parsed, error = None, answer.error
        if error is None:
            try:
                parsed = validated(answer.text, contract)
            except LlmError as fault:
                error = fault
        self._learn(question.interrogation.model, messages, answer)
        attempt = await self._recorder.called(question, facts, exchange, answer, parsed, error, at)
        return parsed, error, attempt

    def _learn(self, model: str, messages: Messages, answer: ServerAnswer) -> None:
        """So that after one overflow the other batches are split before they are sent."""
        told = answer.error.prompt_tokens if isinstance(answer.error, ContextOverflow) else answer.input_tokens
        seen = min((told or 0) / max(estimate_prompt(messages), 1), DENSEST)
        self._density[model] = max(self._density.get(model, 1.0), seen)

    def _gave_up(self, model: str, attempts: tuple[Attempt, ...], error: LlmError) -> Reply[Any]:
        if not isinstance(error, ContextOverflow):
            self.failures_in_a_row += 1
        if isinstance(error, Unreachable) and not isinstance(error, ConnectionCut):
            error.fatal = True
        if error.fatal:
            self._fatal[model] = error
            log.error("no further calls of %s in this run: %s", model, error)
        return Reply(None, attempts, error)

    async def _pause(self, tries: int, error: LlmError) -> None:
        pause = self.settings.llm_backoff_s * 2 ** (tries - 1) * self._jitter.uniform(0.75, 1.25)
        pause = min(max(pause, error.retry_after_s or 0.0), LONGEST_PAUSE_S)
        log.warning("%s: %s; trying again in %.1f s", type(error).__name__, error, pause)
        await self._sleep(pause)

    def _body(
        self, interrogation: Interrogation, messages: Messages, shape: Schema, options: Mapping[str, Any]
    ) -> bytes:
        return chat_body(interrogation.model, messages, shape, options, self.settings.llm_keep_alive)
