"""A shadow run: the evidence of past calls asked again with another model or prompt. The use case of `shadow run` and
of the asset `shadow_comparisons`.

Nothing is sent before the plan, with its cost estimate, was announced. Answers are cached under the ordinary key: a
question is the same question whoever asks, it is asked only where no such answer exists, and production checks every
answer it finds. So the same window run again pays nothing, and a candidate that is activated later has its answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg_pool import AsyncConnectionPool

from llm_pipeline.llm.audit import write_attempts
from llm_pipeline.llm.cache import lookup_async
from llm_pipeline.llm.gateway import Gateway
from llm_pipeline.llm.interrogation import Interrogation
from llm_pipeline.llm.lake import Lake, LakeError
from llm_pipeline.llm.prompts import Messages
from llm_pipeline.llm.reply import Reply
from llm_pipeline.llm.schema import Schema
from llm_pipeline.llm.spool import spool_attempts
from llm_pipeline.llm.together import together
from llm_pipeline.llm.tokens import estimate_prompt
from llm_pipeline.replay import store
from llm_pipeline.replay.candidate import Templates, candidate_messages
from llm_pipeline.replay.decisions import labels_of, paired
from llm_pipeline.replay.errors import ReplayError
from llm_pipeline.replay.estimate import Expected, add_up, scaled
from llm_pipeline.replay.past_call import CallRow, load_request
from llm_pipeline.replay.shadow_plan import Plan, ShadowReport, Window, run_id_of

PAGE = 64
"""Calls that are held at once with their prompts."""


@dataclass(frozen=True)
class _Question:
    """The candidate's question about an original's evidence; `tokens_then` is the estimate of the original's prompt."""

    original: CallRow
    labels: dict[str, str]
    messages: Messages
    schema: Schema
    tokens_then: int


class Shadow:
    """A candidate over a window.

    Args:
        pool: open; at least two connections.
        progress: told about every page of calls.
    """

    def __init__(
        self,
        pool: AsyncConnectionPool[Any],
        gateway: Gateway,
        lake: Lake,
        templates: Templates,
        candidate: Interrogation,
        window: Window,
        progress: Callable[[str], None] | None = None,
    ) -> None:
        self._pool, self._gateway, self._lake, self._templates = pool, gateway, lake, templates
        self._candidate, self._window, self._progress = candidate, window, progress

    async def plan(self) -> Plan:
        """Select the calls, recover their evidence and estimate the cost. Sends no question."""
        async with self._pool.connection() as conn:
            rows = await store.original_calls(
                conn, self._candidate.key, self._window.start, self._window.end, self._window.most
            )
        digest = (await self._gateway.facts(self._candidate.model)).digest
        options = await self._gateway.options(self._candidate)
        refused: dict[str, str] = {}
        expected: list[Expected] = []
        for page in _pages(rows):
            questions = await self._questions(page, refused)
            known = await self._known(questions)
            expected += [_expected(one, is_known) for one, is_known in zip(questions, known, strict=True)]
        settings = self._gateway.settings
        return Plan(
            run_id=run_id_of(self._candidate, digest, options, self._window),
            candidate=self._candidate,
            digest=digest,
            window=self._window,
            options=options,
            originals=tuple(one for one in rows if one.audit_id not in refused),
            refused=refused,
            estimate=add_up(
                expected,
                settings.llm_concurrency,
                settings.llm_usd_per_million_input_tokens,
                settings.llm_usd_per_million_output_tokens,
            ),
        )

    async def run(self, plan: Plan, now: datetime) -> ShadowReport:
        """Ask, and store each comparison in one transaction with the audit rows that explain it.

        Raises:
            psycopg.Error: the database refused or went away; calls that were made are spooled.
        """
        report = ShadowReport(plan)
        await self._write(store.open_run, plan.row(now))
        try:
            for number, page in enumerate(_pages(plan.originals), 1):
                if report.stopped is None:
                    await self._ask_page(page, report)
                    if self._progress:
                        done = min(number * PAGE, len(plan.originals))
                        self._progress(f"{done} of {len(plan.originals)} calls compared")
        finally:
            spool_attempts(self._gateway.settings.llm_pipeline_home / "spool", self._gateway.abandoned)
            self._gateway.abandoned.clear()
        status = "complete" if report.stopped is None else "stopped"
        await self._write(store.close_run, plan.run_id, status, report.stopped, now)
        return report

    async def _questions(self, rows: Sequence[CallRow], refused: dict[str, str]) -> list[_Question]:
        """The candidate's questions; what cannot be asked goes to `refused` with the reason."""
        async with self._pool.connection() as conn:
            answers = await store.parsed_answers(conn, [row.audit_id for row in rows])
        return await asyncio.to_thread(self._prepare, rows, answers, refused)

    def _prepare(self, rows: Sequence[CallRow], answers: Mapping[str, Any], refused: dict[str, str]) -> list[_Question]:
        found = []
        for row in rows:
            try:
                request = load_request(self._lake, row)
                then = self._templates.of_sha256(row.prompt_hash, row.prompt_version)
                messages = candidate_messages(request, then, self._candidate, self._candidate.schema)
                labels = labels_of(self._candidate.key, answers[row.audit_id])
            except (ReplayError, LakeError) as error:
                refused[row.audit_id] = str(error)
            else:
                found.append(_Question(row, labels, messages, request.schema, estimate_prompt(request.messages)))
        return found

    async def _known(self, questions: Sequence[_Question]) -> list[bool]:
        keys = [await self._gateway.cache_key(self._candidate, one.messages, one.schema) for one in questions]
        async with self._pool.connection() as conn:
            answers = await lookup_async(conn, [key for key in keys if key])
        return [key in answers for key in keys]

    async def _ask_page(self, page: Sequence[CallRow], report: ShadowReport) -> None:
        refused: dict[str, str] = {}
        questions = await self._questions(page, refused)
        report.failures |= refused  # damaged since the plan was made
        if self._gateway.cache is not None:
            await self._gateway.cache.preload(
                [await self._gateway.cache_key(self._candidate, one.messages, one.schema) for one in questions]
            )
        async with together() as group:
            for one in questions:
                group.create_task(self._compare(one, report))

    async def _compare(self, question: _Question, report: ShadowReport) -> None:
        original, key = question.original, self._candidate.key
        reply = await self._ask(question, report.plan)
        failure = None if reply.error is None else f"{type(reply.error).__name__}: {reply.error}"
        rows = [
            {
                "run_id": report.plan.run_id,
                "baseline_audit_id": original.audit_id,
                "item_id": item,
                "baseline_label": before,
                "candidate_label": None if failure else after,
                "candidate_audit_id": _origin(reply),
                "error": failure,
            }
            for item, (before, after) in paired(question.labels, _labels(key, reply)).items()
        ]
        try:
            async with self._pool.connection() as conn, conn.transaction(), conn.cursor() as cur:
                await write_attempts(cur, reply.attempts)
                await store.write_comparisons(cur, rows)
        except psycopg.Error:
            spool_attempts(self._gateway.settings.llm_pipeline_home / "spool", reply.attempts)
            raise
        report.add(reply.attempts)
        if failure:
            report.failures[original.audit_id] = failure
        if reply.error is not None and reply.error.fatal:
            report.stopped = failure

    async def _ask(self, question: _Question, plan: Plan) -> Reply[Any]:
        overflow = await self._gateway.overflow(self._candidate, question.messages)
        if overflow is not None:  # smaller parts would be other questions than the one that was asked then
            return Reply(None, (), overflow)
        return await self._gateway.ask(
            self._candidate,
            question.messages,
            question.schema,
            request_context={"shadow_run": plan.run_id, "baseline_audit_id": question.original.audit_id},
        )

    async def _write(self, write: Callable[..., Any], *values: Any) -> None:
        async with self._pool.connection() as conn, conn.transaction(), conn.cursor() as cur:
            await write(cur, *values)


def _pages(rows: Sequence[CallRow]) -> Iterator[Sequence[CallRow]]:
    return (rows[first : first + PAGE] for first in range(0, len(rows), PAGE))


def _expected(question: _Question, paid_before: bool) -> Expected:
    row = question.original
    tokens = scaled(row.input_tokens, question.tokens_then, estimate_prompt(question.messages))
    return Expected(tokens, row.output_tokens or 0, row.latency_ms, paid_before)


def _labels(key: str, reply: Reply[Any]) -> dict[str, str]:
    return {} if reply.answer is None else labels_of(key, reply.answer.model_dump(mode="json"))


def _origin(reply: Reply[Any]) -> str | None:
    """The call that gave the answer: of an answer from the cache the one that was paid."""
    if not reply.attempts:
        return None
    last = reply.attempts[-1]
    return str(last.request_context["cached_from"]) if last.cache_hit else last.id
