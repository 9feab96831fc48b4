"""Asking about many items: split to fit, re-ask what is missing, bisect what fails, account for every item.

How many questions (`Gateway.ask`) a batch of n items may cost
- 1 when all goes well; one more for items that the answer left out, doubled or garbled.
- Failing parts are halved, breadth first, so that one bad item costs about 2·log2(n) questions.
- After 2 + 2·ceil(log2 n) questions in a row without a single item answered (12 for 25 items) the batch
  gives up: the model is at fault, not an item. Prompts that are too long do not count, they only need
  smaller parts.
- Never more than 2n + 1; none after a fatal error; no halving while the gateway's last 50 questions failed.
Each question is at most `llm_max_attempts` + 1 calls.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil, log2
from typing import Any, Generic, TypeVar

from llm_pipeline.llm.batch import BatchOutcome, BatchQuestion, Collected, ItemAnswer, ItemFailure
from llm_pipeline.llm.errors import ContextOverflow, LlmError, MissingAnswer
from llm_pipeline.llm.gateway import Gateway
from llm_pipeline.llm.interrogation import Interrogation
from llm_pipeline.llm.reply import Reply

Item = TypeVar("Item")
Value = TypeVar("Value")

HOPELESS = 50
PRELOADED = 64
"""Batches whose cached answers are fetched in one statement."""


@dataclass(frozen=True)
class BatchWork(Generic[Item, Value]):
    """What the caller knows about its items.

    Attributes:
        identify: the id of an item, unique in a batch.
        build: the question for some items.
        collect: what an answer (an instance of the interrogation's contract) says about the ids that were
            asked; `collect_by_id` does the bookkeeping.
    """

    identify: Callable[[Item], str]
    build: Callable[[Sequence[Item]], BatchQuestion]
    collect: Callable[[Any, Sequence[str]], Collected[Value]]


@dataclass(frozen=True)
class _Part:
    ids: tuple[str, ...]
    reasked: bool = False
    seed_offset: int = 0


async def run_batch(
    gateway: Gateway,
    interrogation: Interrogation,
    items: Sequence[Item],
    work: BatchWork[Item, Value],
    *,
    first: BatchQuestion | None = None,
) -> BatchOutcome[Value]:
    """Ask about all items of one batch.

    Args:
        first: the question for the whole batch, when it was built already.

    Raises:
        ValueError: two items have the same id.
    """
    run = _Run(gateway, interrogation, items, work, first)
    return await run.outcome()


async def run_batches(
    gateway: Gateway,
    interrogation: Interrogation,
    batches: Sequence[Sequence[Item]],
    work: BatchWork[Item, Value],
) -> AsyncIterator[BatchOutcome[Value]]:
    """Ask about many batches, a few more at a time than calls may be in flight; outcomes come when done.

    Memory stays flat: only batches under way are held. Cached answers are fetched in one statement for 64
    batches. Closing the iterator cancels what is under way (its finished calls: `Gateway.abandoned`).
    """
    limit = gateway.settings.llm_concurrency + 2
    under_way: set[asyncio.Task[BatchOutcome[Value]]] = set()
    try:
        async for items, first in _prepared(gateway, interrogation, batches, work):
            if len(under_way) >= limit:
                done, under_way = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    yield task.result()
            under_way.add(asyncio.create_task(run_batch(gateway, interrogation, items, work, first=first)))
        while under_way:
            done, under_way = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                yield task.result()
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)


async def _prepared(
    gateway: Gateway,
    interrogation: Interrogation,
    batches: Sequence[Sequence[Item]],
    work: BatchWork[Item, Value],
) -> AsyncIterator[tuple[Sequence[Item], BatchQuestion | None]]:
    for start in range(0, len(batches), PRELOADED):
        some = batches[start : start + PRELOADED]
        if gateway.cache is None:
            for items in some:
                yield items, None
            continue
        questions = [work.build(items) for items in some]
        keys = [await gateway.cache_key(interrogation, one.messages, one.schema) for one in questions]
        await gateway.cache.preload(keys)
        for items, question in zip(some, questions, strict=True):
            yield items, question


class _Run(Generic[Item, Value]):
    """One batch under way."""

    def __init__(
        self,
        gateway: Gateway,
        interrogation: Interrogation,
        items: Sequence[Item],
        work: BatchWork[Item, Value],
        first: BatchQuestion | None,
    ) -> None:
        self._gateway, self._interrogation, self._work, self._first = gateway, interrogation, work, first
        self._items = {work.identify(item): item for item in items}
        if len(self._items) != len(items):
            raise ValueError("two items of one batch have the same id")
        self._answers: dict[str, ItemAnswer[Value]] = {}
        self._failures: dict[str, ItemFailure] = {}
        self._attempts: list[Any] = []
        self._foreign: list[str] = []
        self._fatal: LlmError | None = None
        self._last: LlmError | None = None
        self._asked = self._in_vain = 0
        self._patience = 2 + 2 * ceil(log2(max(len(items), 1)))

    async def outcome(self) -> BatchOutcome[Value]:
        try:
            await self._until_accounted_for()
        except BaseException:  # cancelled, or a mistake in `build` or `collect`: the calls were made all the same
            self._gateway.abandoned.extend(self._attempts)
            raise
        assert self._answers.keys() | self._failures.keys() == self._items.keys()
        assert not self._answers.keys() & self._failures.keys()
        return BatchOutcome(self._answers, self._failures, tuple(self._attempts), tuple(self._foreign), self._fatal)

    async def _until_accounted_for(self) -> None:
        queue = deque([_Part(tuple(self._items))] if self._items else [])
        while queue:
            part = queue.popleft()
            if self._fatal is not None:
                self._fail(part, self._fatal)
            elif self._last and (self._in_vain >= self._patience or self._asked > 2 * len(self._items)):
                self._fail(part, self._last, f"given up after {self._asked} questions for this batch; the last: ")
            else:
                queue.extend(await self._ask(part))

    async def _ask(self, part: _Part) -> Iterator[_Part]:
        question, self._first = self._first or self._work.build([self._items[one] for one in part.ids]), None
        options = await self._gateway.options(self._interrogation)
        room = options["num_ctx"] - options["num_predict"]
        overflow = await self._gateway.overflow(self._interrogation, question.messages)
        if overflow is not None:
            return self._smaller(part, overflow, room)
        self._asked += 1
        reply: Reply[Any] = await self._gateway.ask(
            self._interrogation,
            question.messages,
            question.schema,
            request_context=question.request_context,
            seed_offset=part.seed_offset,
        )
        self._attempts.extend(reply.attempts)
        if reply.error is not None:
            return self._smaller(part, reply.error, room)
        collected = self._work.collect(reply.answer, part.ids)
        self._foreign.extend(collected.foreign)
        for one in part.ids:
            if one in collected.answers:
                self._answers[one] = ItemAnswer(collected.answers[one], str(reply.audit_id))
        self._in_vain = 0 if collected.answers else self._in_vain + 1
        return self._unanswered(part, collected)

    def _smaller(self, part: _Part, error: LlmError, room: int) -> Iterator[_Part]:
        """The parts to ask instead of one that failed as a whole."""
        self._last = error
        if not isinstance(error, ContextOverflow):
            self._in_vain += 1
        if error.fatal:
            self._fatal = error
        if not error.split or len(part.ids) == 1 or self._gateway.failures_in_a_row >= HOPELESS:
            self._fail(part, error)
            return iter(())
        pieces = 2
        if isinstance(error, ContextOverflow) and error.prompt_tokens and room > 0:
            pieces = max(2, ceil(error.prompt_tokens / room))
        return _split(part.ids, pieces, part.reasked)

    def _unanswered(self, part: _Part, collected: Collected[Value]) -> Iterator[_Part]:
        """The parts to ask for the items that a valid answer did not answer."""
        left = tuple(one for one in part.ids if one not in collected.answers)
        if not left:
            return iter(())
        problem = collected.problems.get(left[0]) or MissingAnswer(f"the answer leaves {left[0]} out")
        self._last = problem
        if not part.reasked and len(left) < len(part.ids):
            return iter([_Part(left, reasked=True)])
        if len(part.ids) > 1:
            return _split(left, 2, reasked=True)
        if not part.reasked:  # the identical question again would bring the identical answer
            return iter([_Part(left, reasked=True, seed_offset=1)])
        self._fail(part, problem)
        return iter(())

    def _fail(self, part: _Part, error: LlmError, why: str = "") -> None:
        audit_id = self._attempts[-1].id if self._attempts else None
        for one in part.ids:
            self._failures[one] = ItemFailure(type(error).__name__, f"{why}{error}", audit_id)


def _split(ids: tuple[str, ...], pieces: int, reasked: bool) -> Iterator[_Part]:
    size = ceil(len(ids) / min(pieces, len(ids)))
    return (_Part(ids[start : start + size], reasked) for start in range(0, len(ids), size))
