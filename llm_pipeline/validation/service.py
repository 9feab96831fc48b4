"""The validation gate at work: pending disclosures -> facts -> model -> verdicts -> database.

Belongs here: putting the parts together. Rules are in `facts.py`, the model's part in `llm_pipeline/llm`, what an answer
is worth in `verdict.py`, SQL in `store.py`. Each batch is stored in one transaction with the audit rows that explain
it, so a killed run leaves whole batches and pending disclosures, nothing in between.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool
from pydantic import ValidationError

from llm_pipeline.llm.audit import Attempt, write_attempts
from llm_pipeline.llm.batch import BatchOutcome, BatchQuestion
from llm_pipeline.llm.gateway import Gateway
from llm_pipeline.llm.interrogation import Interrogation
from llm_pipeline.llm.prompt_versions import register_prompts
from llm_pipeline.llm.runner import run_batch
from llm_pipeline.llm.spool import load_spool, spool_attempts
from llm_pipeline.settings import Settings
from llm_pipeline.validation import store
from llm_pipeline.validation.contract import GateAnswer, RecordAnswer
from llm_pipeline.validation.facts import compute_facts
from llm_pipeline.validation.interrogation import GateItem, gate_interrogation, gate_template, gate_work
from llm_pipeline.validation.knowledge import Knowledge
from llm_pipeline.validation.report import ModelCall, Undecided, ValidationReport, WindowAccount, WorstFlag
from llm_pipeline.validation.verdict import Verdict, decide

# A page is what is read, computed and held at once: large enough that its two statements are few per batch, small
# enough that computing its facts (about 0.25 ms a record) does not keep finished calls waiting for long.
BATCHES_PER_PAGE = 8
ACTION_WEIGHT = {"info": 1, "warning": 2, "critical": 3}

Progress = Callable[[str], None]


class ModelUnusableError(RuntimeError):
    """No disclosure could be decided because the model server or the model is not usable; the message says why."""


@dataclass(frozen=True)
class _Batch:
    items: tuple[GateItem, ...]
    question: BatchQuestion


def prepare(conn: Connection[Any], settings: Settings, now: datetime) -> None:
    """Before a run: bring in audit rows that an earlier run had to leave on disk, and register the prompt.

    Raises:
        PromptVersionConflictError: the prompt's text changed without a new version.
        psycopg.Error: the database refused.
    """
    load_spool(conn, settings.llm_pipeline_home / "spool")
    register_prompts(conn, [gate_template()], now)


async def validate_window(
    pool: AsyncConnectionPool[Any],
    gateway: Gateway,
    *,
    start: date,
    end: date,
    now: datetime,
    batch_size: int,
    cap: int | None = None,
    progress: Progress | None = None,
) -> ValidationReport:
    """Give the pending disclosures of the days [start, end) a verdict.

    Args:
        pool: open; at least two connections.
        cap: most disclosures to take on; None takes all.

    Raises:
        ModelUnusableError: not one disclosure was decided, because every call would fail (model missing, no server).
        psycopg.Error: the database refused or went away; what was decided before is stored, audit rows of the
            batches under way are spooled to disk.
    """
    run = _Run(pool, gateway, start, end, now, batch_size, cap, progress)
    try:
        await run.work()
    except ExceptionGroup as group:  # of the task group; its first error made it cancel the others
        raise group.exceptions[0] from group
    report = run.report
    if report.stopped and not report.decided:
        raise ModelUnusableError(report.stopped)
    return report


class _Run:
    """One run under way."""

    def __init__(
        self,
        pool: AsyncConnectionPool[Any],
        gateway: Gateway,
        start: date,
        end: date,
        now: datetime,
        batch_size: int,
        cap: int | None,
        progress: Progress | None,
    ) -> None:
        self.report = ValidationReport(start, end)
        self._pool, self._gateway, self._now = pool, gateway, now
        self._batch_size, self._cap, self._progress = batch_size, cap, progress
        self._interrogation: Interrogation = gate_interrogation(gateway.settings)
        self._work = gate_work(self._interrogation)
        workers = gateway.settings.llm_concurrency + 2  # two more than calls in flight, so that storing costs no place
        self._queue: asyncio.Queue[_Batch | None] = asyncio.Queue(maxsize=workers)
        self._workers = workers

    async def work(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._produce())
            for _ in range(self._workers):
                group.create_task(self._consume())

    async def _produce(self) -> None:
        after = (-1, 0)
        knowledge: Knowledge | None = None
        while page := await self._read(after):
            after = page[-1].place
            records = [one.record for one in page]
            async with self._pool.connection() as conn, conn.cursor(row_factory=dict_row) as cur:
                knowledge = knowledge or await Knowledge.read(cur, self._now)
                neighbours = await store.read_neighbours(cur, records)
            facts = compute_facts(records, knowledge.context(neighbours))
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

    async def _read(self, after: tuple[int, int]) -> list[store.PendingRecord]:
        limit = self._batch_size * BATCHES_PER_PAGE
        if self._cap is not None:
            limit = min(limit, self._cap - self.report.selected)
        if limit <= 0:
            return []
        async with self._pool.connection() as conn, conn.cursor(row_factory=dict_row) as cur:
            return await store.read_page(cur, self.report.start, self.report.end, after, limit)

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
            store.Decision(decide(item.record, item.facts, answer.value), answer.audit_id)
            for item in items
            if (answer := outcome.answers.get(item.record_id))
        )
        failures = tuple(
            Undecided(item.record_id, failure.error_class, failure.message)
            for item in items
            if (failure := outcome.failures.get(item.record_id))
        )
        attempts = _with_status(outcome.attempts, decisions)
        foreign = tuple((one, attempts[-1].id) for one in outcome.foreign)
        try:
            async with (
                self._pool.connection() as conn,
                conn.pipeline(),  # BEGIN, both statements and COMMIT in two round trips instead of four
                conn.transaction(),
                conn.cursor(row_factory=dict_row) as cur,
            ):
                await write_attempts(cur, attempts)
                result = store.BatchResult(decisions, failures, foreign)
                stored = await store.apply_batch(cur, result, self._now, self._interrogation.key)
        except psycopg.Error:
            spool_attempts(self._gateway.settings.llm_pipeline_home / "spool", attempts)
            raise
        self._count(decisions, failures, attempts, stored, outcome)

    def _count(
        self,
        decisions: Sequence[store.Decision],
        failures: Sequence[Undecided],
        attempts: Sequence[Attempt],
        stored: set[str],
        outcome: BatchOutcome[RecordAnswer],
    ) -> None:
        report = self.report
        report.batches += 1
        report.undecided.extend(failures)
        report.decided_elsewhere += len(decisions) - len(stored)
        if outcome.fatal is not None:
            report.stopped = str(outcome.fatal)
        report.add_calls(_calls(attempts))
        for decision in decisions:
            verdict = decision.verdict
            report.claims += len(verdict.claims)
            if verdict.record_id in stored:
                report.statuses[verdict.status] += 1
                report.issues.update(issue.issue_type for issue in verdict.issues)
                report.add_worst(_worst(verdict))
        if self._progress and report.batches % 40 == 0:
            self._progress(f"{report.decided} disclosures decided, {len(report.undecided)} undecided so far")


@dataclass(frozen=True)
class StoredAnswers:
    """The model's answers of a run as they are in the database: how many, and which no longer fit the contract."""

    checked: int
    invalid: list[str]


def check_window(
    conn: Connection[Any], start: date, end: date, *, run_id: str, now: datetime, pending_hours: int
) -> tuple[WindowAccount, StoredAnswers, int]:
    """What the database says after a run: where every disclosure stands, whether the run's stored answers still fit
    the contract, and how many disclosures of any day are overdue."""
    checked, invalid = 0, []
    for audit_id, answer in store.read_answers(conn, run_id):
        checked += 1
        try:
            GateAnswer.model_validate(answer)
        except ValidationError as error:
            invalid.append(f"{audit_id}: {error.errors()[0]['msg']}")
    account = store.account_for(conn, start, end)
    return account, StoredAnswers(checked, invalid), store.count_overdue(conn, now, pending_hours)


def _with_status(attempts: Sequence[Attempt], decisions: Sequence[store.Decision]) -> tuple[Attempt, ...]:
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


def _worst(verdict: Verdict) -> list[WorstFlag]:
    base = 10 if verdict.status == "reject" else 0
    return [
        WorstFlag(
            weight=base + ACTION_WEIGHT[issue.severity],
            disclosure_id=verdict.record_id,
            status=verdict.status,
            issue_type=issue.issue_type,
            field=issue.field,
            description=issue.description,
        )
        for issue in verdict.issues
    ]
