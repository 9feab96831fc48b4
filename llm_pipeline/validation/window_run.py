"""One run of the gate over a window: reading pages, asking batches, storing each with the calls that explain it.

Each batch is stored in one transaction with its audit rows, so a killed run leaves whole batches and pending
disclosures, nothing in between.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from llm_pipeline.llm.audit import Attempt, write_attempts
from llm_pipeline.llm.batch import BatchOutcome, BatchQuestion
from llm_pipeline.llm.gateway import Gateway
from llm_pipeline.llm.interrogation import Interrogation
from llm_pipeline.llm.runner import run_batch
from llm_pipeline.llm.spool import spool_attempts
from llm_pipeline.llm.together import together
from llm_pipeline.settings import Settings
from llm_pipeline.validation import store
from llm_pipeline.validation.contract import RecordAnswer
from llm_pipeline.validation.facts import compute_facts
from llm_pipeline.validation.interrogation import GateItem, gate_work
from llm_pipeline.validation.knowledge import Knowledge
from llm_pipeline.validation.report import ModelCall, Undecided, ValidationReport, worst_flags
from llm_pipeline.validation.stored_rows import BatchResult, Decision, TableShapes
from llm_pipeline.validation.verdict import decide

# A page is what is read, computed and held at once: large enough that its two statements are few per batch, small
# enough that computing its facts (about 0.25 ms a record) does not keep finished calls waiting for long.
BATCHES_PER_PAGE = 8
BATCHES_PER_MESSAGE = 40


def spool_folder(settings: Settings) -> Path:
    """Where audit rows wait while the database is away."""
    return settings.llm_pipeline_home / "spool"


@dataclass(frozen=True)
class _Batch:
    items: tuple[GateItem, ...]
    question: BatchQuestion


@dataclass(frozen=True)
class _Ground:
    """What is read once, before the first page."""

    knowledge: Knowledge
    shapes: TableShapes


class WindowRun:
    """A run under way; `report` grows with every batch that is stored."""

    def __init__(
        self,
        pool: AsyncConnectionPool[Any],
        gateway: Gateway,
        interrogation: Interrogation,
        report: ValidationReport,
        now: datetime,
        batch_size: int,
        cap: int | None,
        progress: Callable[[str], None] | None,
    ) -> None:
        self.report = report
        self._pool, self._gateway, self._now = pool, gateway, now
        self._batch_size, self._cap, self._progress = batch_size, cap, progress
        self._interrogation = interrogation
        self._work = gate_work(interrogation)
        self._workers = gateway.settings.llm_concurrency + 2  # two more than calls in flight: storing costs no place
        self._queue: asyncio.Queue[_Batch | None] = asyncio.Queue(maxsize=self._workers)
        self._ground: _Ground | None = None

    async def work(self) -> ValidationReport:
        """Decide all there is.

        Raises:
            psycopg.Error: the database refused or went away; calls that were made are spooled.
        """
        try:
            async with together() as group:
                group.create_task(self._produce())
                for _ in range(self._workers):
                    group.create_task(self._consume())
        finally:
            self._spool(self._gateway.abandoned)
            self._gateway.abandoned.clear()
        return self.report

    async def _produce(self) -> None:
        after = (-1, 0)
        while page := await self._read(after):
            after = page[-1].place
            records = [one.record for one in page]
            async with self._pool.connection() as conn, conn.cursor(row_factory=dict_row) as cur:
                neighbours = await store.read_neighbours(cur, records)
            facts = compute_facts(records, self._known().knowledge.context(neighbours))
            self.report.selected += len(page)
            items = [(one.failed_before, GateItem(one.record, facts[one.record.record_id])) for one in page]
            # Disclosures that failed before are asked apart, so that they cannot drag others down with them.
            batches = [
                some[first : first + self._batch_size]
                for some in ([item for f, item in items if not f], [item for f, item in items if f])
                for first in range(0, len(some), self._batch_size)
            ]
            await self._enqueue(batches)
        for _ in range(self._workers):
            await self._queue.put(None)

    def _known(self) -> _Ground:
        assert self._ground is not None  # read before the first page
        return self._ground

    async def _read(self, after: tuple[int, int]) -> list[store.PendingRecord]:
        report, limit = self.report, self._batch_size * BATCHES_PER_PAGE
        if self._cap is not None:
            limit = min(limit, self._cap - report.selected)
            report.capped = limit <= 0
        if limit <= 0:
            return []
        async with self._pool.connection() as conn, conn.cursor(row_factory=dict_row) as cur:
            report.snapshot = report.snapshot or await store.read_snapshot(cur)
            page = await store.read_page(cur, report.start, report.end, after, limit, self._now)
            if page and self._ground is None:
                self._ground = _Ground(await Knowledge.read(cur, self._now), await store.read_shapes(cur))
        return page

    async def _enqueue(self, batches: Sequence[Sequence[GateItem]]) -> None:
        questions = [self._work.build(items) for items in batches]
        if self._gateway.cache is not None:
            keys = [await self._gateway.cache_key(self._interrogation, one.messages, one.schema) for one in questions]
            await self._gateway.cache.preload(keys)
        for items, question in zip(batches, questions, strict=True):
            await self._queue.put(_Batch(tuple(items), question))

    async def _consume(self) -> None:
        while (batch := await self._queue.get()) is not None:
            outcome = await run_batch(self._gateway, self._interrogation, batch.items, self._work, first=batch.question)
            await self._store(batch.items, outcome)

    async def _store(self, items: Sequence[GateItem], outcome: BatchOutcome[RecordAnswer]) -> None:
        decisions = tuple(
            Decision(decide(item.record, item.facts, answer.value), answer.audit_id)
            for item in items
            if (answer := outcome.answers.get(item.record_id))
        )
        undecided = tuple(
            Undecided(item.record_id, failure.error_class, failure.message)
            for item in items
            if (failure := outcome.failures.get(item.record_id))
        )
        attempts = _with_status(outcome.attempts, decisions)
        result = BatchResult(decisions, undecided, tuple(_foreign(attempts)))
        try:
            try:
                stored = await self._write(attempts, result)
            except (psycopg.OperationalError, psycopg.InterfaceError):
                raise  # the database is away
            except psycopg.Error:
                result, stored = await self._write_singly(attempts, result)
        except BaseException:  # also cancelled, because the database went away under another batch
            self._spool(attempts)
            raise
        if outcome.fatal is not None:
            self.report.stopped = str(outcome.fatal)
        self._count(result, attempts, stored)

    async def _write(self, attempts: Sequence[Attempt], result: BatchResult) -> store.Stored:
        async with (
            self._pool.connection() as conn,
            conn.transaction(),
            conn.cursor(row_factory=dict_row) as cur,
        ):
            if attempts:
                await write_attempts(cur, attempts)
            return await store.apply_batch(cur, result, self._now, self._interrogation.key, self._known().shapes)

    async def _write_singly(self, attempts: Sequence[Attempt], result: BatchResult) -> tuple[BatchResult, store.Stored]:
        """A batch that the database refused as a whole (a check or trigger of somebody's table), record by record:
        one that it refuses alone stays undecided, with the database's reason."""
        stored = [await self._write(attempts, replace(result, decisions=()))]
        taken: list[Decision] = []
        refused: list[Undecided] = []
        for decision in result.decisions:
            try:
                stored.append(await self._write((), BatchResult((decision,))))
                taken.append(decision)
            except (psycopg.OperationalError, psycopg.InterfaceError):
                raise
            except psycopg.Error as error:
                refused.append(Undecided(decision.verdict.record_id, type(error).__name__, str(error)))
        stored.append(await self._write((), BatchResult(undecided=tuple(refused))))
        whole = replace(result, decisions=tuple(taken), undecided=(*result.undecided, *refused))
        decided = frozenset[str]().union(*(one.decided for one in stored))
        return whole, store.Stored(decided, frozenset[str]().union(*(one.failed for one in stored)))

    def _spool(self, attempts: Sequence[Attempt]) -> None:
        spool_attempts(spool_folder(self._gateway.settings), attempts)

    def _count(self, result: BatchResult, attempts: Sequence[Attempt], stored: store.Stored) -> None:
        report = self.report
        report.batches += 1
        report.undecided.extend(one for one in result.undecided if one.disclosure_id in stored.failed)
        given = len(result.decisions) + len(result.undecided)
        report.decided_elsewhere += given - len(stored.decided) - len(stored.failed)
        report.claims += len(result.foreign)
        report.add_calls(_calls(attempts))
        for verdict in (decision.verdict for decision in result.decisions):
            report.claims += len(verdict.claims)
            if verdict.record_id in stored.decided:
                report.statuses[verdict.status] += 1
                report.issues.update(issue.issue_type for issue in verdict.issues)
                report.add_worst(worst_flags(verdict))
        if self._progress and report.batches % BATCHES_PER_MESSAGE == 0:
            self._progress(f"{report.decided} disclosures decided, {len(report.undecided)} undecided so far")


def _foreign(attempts: Sequence[Attempt]) -> Iterator[tuple[str, str]]:
    """Ids in answers that their call did not ask about, each with the call's audit row."""
    for one in attempts:
        asked = set(one.request_context["record_ids"])
        named = [entry["record_id"] for entry in (one.parsed_output or {}).get("records", ())]
        yield from ((name, one.id) for name in dict.fromkeys(named) if name not in asked)


def _with_status(attempts: Sequence[Attempt], decisions: Sequence[Decision]) -> tuple[Attempt, ...]:
    """The audit rows, with `ungrounded` for answers of which a part was refused."""
    refused = {decision.audit_id for decision in decisions if decision.verdict.claims}
    return tuple(
        replace(one, status="ungrounded") if one.id in refused and one.status == "ok" else one for one in attempts
    )


def _calls(attempts: Sequence[Attempt]) -> list[ModelCall]:
    return [
        ModelCall(
            attempt=one.attempt,
            ok=one.parse_success,
            cache_hit=one.cache_hit,
            latency_ms=one.latency_ms,
            input_tokens=one.input_tokens,
            output_tokens=one.output_tokens,
            cost_usd=one.cost_usd,
            model=one.model_used,
        )
        for one in attempts
    ]
