"""Candidates before a model: cases -> answers -> grounding -> decisions and signals in the database.

Belongs here: putting the parts together. One call asks about one filer, or one group of filers, on one as-of date. A
candidate that was decided on the same evidence is not asked about again. Each case is stored in one transaction with
the audit rows that explain it, so a killed run leaves whole cases and undecided candidates, nothing in between.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from llm_pipeline.anomalies.case import Case
from llm_pipeline.anomalies.decision import Decision, decide_case
from llm_pipeline.anomalies.decision_store import (
    apply_decisions,
)
from llm_pipeline.anomalies.interrogation import KEY, anomaly_interrogation, anomaly_template, case_work
from llm_pipeline.anomalies.report import SignalReport
from llm_pipeline.anomalies.room import STEP, in_steps, longest_answer
from llm_pipeline.llm.audit import Attempt, write_attempts
from llm_pipeline.llm.gateway import Gateway
from llm_pipeline.llm.interrogation import Interrogation
from llm_pipeline.llm.prompt_versions import active_template_async, register_prompts
from llm_pipeline.llm.runner import PRELOADED, run_batch
from llm_pipeline.llm.spool import load_spool, spool_attempts
from llm_pipeline.llm.together import together
from llm_pipeline.settings import Settings

SIZES: tuple[int | None, ...] = (None, 18, 9, 3, 1)
"""Most trades shown: all that a case shows, then fewer where a model's window has no room. With nine, a call needs
about 3,300 tokens."""
TOO_LONG = frozenset({"ContextOverflow", "Truncated"})
"""Failures that a case with fewer trades may not have."""

Progress = Callable[[str], None]


class ModelUnusableError(RuntimeError):
    """No candidate could be decided because the model server or the model is not usable; the message says why."""


def prepare(conn: Connection[Any], settings: Settings, now: datetime) -> None:
    """Before a run: bring in audit rows that an earlier run had to leave on disk, and register the prompt.

    Raises:
        PromptVersionConflictError: the prompt's text changed without a new version.
        psycopg.Error: the database refused.
    """
    load_spool(conn, settings.llm_pipeline_home / "spool")
    register_prompts(conn, [anomaly_template()], now)


async def judge_cases(
    pool: AsyncConnectionPool[Any],
    gateway: Gateway,
    cases: Sequence[Case],
    report: SignalReport,
    *,
    now: datetime,
    progress: Progress | None = None,
) -> SignalReport:
    """Ask about every case and store what came of it; the report is filled and returned.

    Args:
        pool: open; at least two connections.

    Raises:
        ModelUnusableError: not one candidate was decided, because every call would fail (model missing, no server).
        UnknownPromptError: the registry has no active version of the prompt (`prepare` sees to it).
        psycopg.Error: the database refused or went away; what was decided before is stored, audit rows of the cases
            under way are spooled to disk.
    """
    async with pool.connection() as conn:
        interrogation = anomaly_interrogation(gateway.settings, await active_template_async(conn, KEY))
    report.prompt_version = interrogation.version
    run = _Run(pool, gateway, interrogation, report, now, progress)
    for first in range(0, len(cases), PRELOADED):
        await run.some(cases[first : first + PRELOADED])
    if report.stopped and not report.decided:
        raise ModelUnusableError(report.stopped)
    return report


@dataclass(frozen=True)
class _Asked:
    """A case as it is asked about: how large (index of `SIZES`), and with how long an answer."""

    case: Case
    interrogation: Interrogation
    rung: int


class _Run:
    """One run under way."""

    def __init__(
        self,
        pool: AsyncConnectionPool[Any],
        gateway: Gateway,
        interrogation: Interrogation,
        report: SignalReport,
        now: datetime,
        progress: Progress | None,
    ) -> None:
        self._pool, self._gateway, self._report, self._now, self._progress = pool, gateway, report, now, progress
        self._interrogation = interrogation
        # two more than calls in flight, so that storing costs no place
        self._places = asyncio.Semaphore(gateway.settings.llm_concurrency + 2)

    async def some(self, cases: Sequence[Case]) -> None:
        """Ask about some cases; their cached answers are fetched in one statement."""
        if self._gateway.cache is not None:
            keys = []
            for asked in [await self._fitting(case) for case in cases]:
                question = case_work(asked.interrogation, asked.case).build(asked.case.candidates)
                keys.append(await self._gateway.cache_key(asked.interrogation, question.messages, question.schema))
            await self._gateway.cache.preload(keys)
        async with together() as group:
            for case in cases:
                group.create_task(self._judge(case))
        if self._progress:
            self._progress(f"{self._report.decided} of {self._report.candidates} candidates decided")

    async def _fitting(self, case: Case, first: int = 0) -> _Asked:
        """The case with as many trades as the model's window has room for; the smallest if none fits.

        An answer about few trades is short: where the configured longest answer leaves no room, it is given what it
        can need at most.

        Args:
            first: index of the largest size that is tried.
        """
        options = await self._gateway.options(self._interrogation)
        window, predict, model = options["num_ctx"], options["num_predict"], self._interrogation.model
        for rung in range(first, len(SIZES)):
            most = SIZES[rung]
            tried = case if most is None else case.smaller(most)
            prompt = self._gateway.tokens(model, case_work(self._interrogation, tried).build(tried.candidates).messages)
            # A tenth less: how densely a model counts is only learnt from its answers, while others are under way.
            if prompt <= 0.9 * (window - predict):
                return _Asked(tried, self._interrogation, rung)
            answer = in_steps(self._gateway.tokens(model, ({"content": longest_answer(tried)},)))
            shorter = min(answer, predict)
            if prompt + shorter <= 0.95 * window:
                break
        else:  # the smallest: few answers are as long as they may be
            left = (window - prompt) // STEP * STEP
            shorter = left if shorter / 2 <= left < shorter else shorter
        own = replace(self._interrogation, options=replace(self._interrogation.options, num_predict=shorter))
        return _Asked(tried, own, rung)

    async def _ask(self, case: Case) -> tuple[list[Decision], list[Attempt], list[tuple[str, str]]]:
        """Decisions about every candidate of a case; those that were too long are asked about alone, then with fewer
        trades."""
        decisions: list[Decision] = []
        attempts: list[Attempt] = []
        foreign: list[tuple[str, str]] = []
        waiting = deque([await self._fitting(case)])
        while waiting:
            asked = waiting.popleft()
            work = case_work(asked.interrogation, asked.case)
            try:
                outcome = await run_batch(self._gateway, asked.interrogation, asked.case.candidates, work)
            except BaseException:  # cancelled: the calls before this one were made all the same
                self._gateway.abandoned.extend(attempts)
                raise
            if outcome.fatal is not None:
                self._report.stopped = str(outcome.fatal)
            attempts += outcome.attempts
            foreign += [(one, outcome.attempts[-1].id) for one in outcome.foreign]
            alone = len(asked.case.candidates) == 1
            last = outcome.fatal is not None or (alone and asked.rung + 1 == len(SIZES))
            for decision in decide_case(asked.case, outcome):
                name = decision.candidate.candidate_id
                failure = outcome.failures.get(name)
                if last or failure is None or failure.error_class not in TOO_LONG:
                    decisions.append(decision)
                else:
                    waiting.append(await self._fitting(case.only([name]), asked.rung + 1 if alone else 0))
        return decisions, attempts, foreign

    async def _judge(self, case: Case) -> None:
        async with self._places:
            decisions, made, foreign = await self._ask(case)
            attempts = _with_status(made, decisions)
            try:
                async with (
                    self._pool.connection() as conn,
                    conn.transaction(),
                    conn.cursor(row_factory=dict_row) as cur,
                ):
                    await write_attempts(cur, attempts)
                    await apply_decisions(cur, decisions, foreign, KEY, self._now)
            except psycopg.Error:
                spool_attempts(self._gateway.settings.llm_pipeline_home / "spool", attempts)
                raise
        report = self._report
        report.cases += 1
        report.add_attempts(attempts)
        for decision in decisions:
            report.outcomes[decision.outcome] += 1
            report.claims.update(claim.reason_code for claim in decision.claims)
            if decision.outcome == "failed":
                report.failures[decision.candidate.candidate_id] = decision.explanation


def _with_status(attempts: Sequence[Attempt], decisions: Sequence[Decision]) -> tuple[Attempt, ...]:
    """The audit rows, with `ungrounded` for answers of which a part was refused."""
    refused = {decision.audit_id for decision in decisions if decision.claims}
    return tuple(
        replace(one, status="ungrounded") if one.id in refused and one.status == "ok" else one for one in attempts
    )
