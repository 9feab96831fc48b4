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
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any

import polars as pl
import psycopg
from psycopg import Connection
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from llm_pipeline.anomalies.baseline import baselines
from llm_pipeline.anomalies.candidates import Candidate
from llm_pipeline.anomalies.case import BaselineView, Case, group_candidates, open_case
from llm_pipeline.anomalies.decision import Decision, decide_case
from llm_pipeline.anomalies.episode import stages_by_episode
from llm_pipeline.anomalies.intake import book_frame, by_id, newest_first, trades_of
from llm_pipeline.anomalies.interrogation import KEY, anomaly_interrogation, anomaly_template, case_work
from llm_pipeline.anomalies.report import SignalReport
from llm_pipeline.anomalies.room import in_steps, longest_answer
from llm_pipeline.anomalies.service import Known, read_known
from llm_pipeline.anomalies.signal_store import (
    apply_decisions,
    hold_to_evidence,
    judged_until,
    note_failures,
    read_answered,
)
from llm_pipeline.anomalies.store import read_sightings
from llm_pipeline.anomalies.stored_candidate import evidence_sha256
from llm_pipeline.anomalies.thresholds import Thresholds
from llm_pipeline.anomalies.trial import rounded
from llm_pipeline.llm.audit import Attempt, write_attempts
from llm_pipeline.llm.gateway import Gateway
from llm_pipeline.llm.interrogation import Interrogation
from llm_pipeline.llm.prompt_versions import active_template_async, register_prompts
from llm_pipeline.llm.runner import PRELOADED, run_batch
from llm_pipeline.llm.spool import load_spool, spool_attempts
from llm_pipeline.settings import Settings

SHOWN_WINDOW = 30
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


def open_cases(
    conn: Connection[Any], start: date, end: date, thresholds: Thresholds, now: datetime
) -> tuple[list[Case], SignalReport]:
    """The cases that wait for a decision, and the report to fill.

    Episodes first seen, or grown materially, on the as-of dates [start, end); and on later ones up to the last day
    that was judged before, where running this window changed what is asked there. A decision on evidence that changed
    since stands no more, nor does its signal; that is written here.
    """
    judged = judged_until(conn)
    horizon = end if judged is None else max(end, judged + timedelta(days=1))
    stages = [one for few in stages_by_episode(read_sightings(conn, start, horizon)).values() for one in few]
    hold_to_evidence(conn, stages, now)
    answered = read_answered(conn, sorted({one.candidate_id for one in stages}))
    asked = [one for one in stages if start <= one.as_of_date < horizon]
    waiting = [one for one in asked if (one.candidate_id, evidence_sha256(one)) not in answered]
    counted = sum(one.as_of_date < end for one in asked) + sum(one.as_of_date >= end for one in waiting)
    report = SignalReport(start, end, candidates=counted, decided_before=counted - len(waiting))
    report.grown = sum(one.as_of_date != one.first_seen for one in waiting)
    if not waiting:
        return [], report
    waiting.sort(key=lambda one: (one.as_of_date, one.candidate_id))
    known = read_known(conn, waiting[-1].as_of_date + timedelta(days=1))
    there = set(known.frame["record_id"])
    lost = [one for one in waiting if not there.issuperset(one.trade_ids)]
    _fail_lost(conn, lost, report, now)
    cases = [
        _case(known, as_of, group, thresholds)
        for as_of, found in groupby((one for one in waiting if one not in lost), key=lambda one: one.as_of_date)
        for group in group_candidates(list(found))
    ]
    return cases, report


def _fail_lost(conn: Connection[Any], lost: Sequence[Candidate], report: SignalReport, now: datetime) -> None:
    """Candidates with a trade that was deleted or rejected since: nobody is asked about them."""
    decisions = [
        Decision(
            one,
            "failed",
            f"a trade of it is not validated any more: run anomaly_candidates again from {one.first_seen} on",
            None,
        )
        for one in lost
    ]
    if decisions:
        note_failures(conn, decisions, KEY, now)
    for decision in decisions:
        report.outcomes["failed"] += 1
        report.failures[decision.candidate.candidate_id] = decision.explanation


def _case(known: Known, as_of: date, candidates: Sequence[Candidate], thresholds: Thresholds) -> Case:
    keys = {key for one in candidates for key in one.filer_keys}
    ids = {trade for one in candidates for trade in one.trade_ids}
    theirs = known.frame.filter(pl.col("filer_key").is_in(sorted(keys)) | pl.col("record_id").is_in(sorted(ids)))
    trades = trades_of(theirs)
    counted = book_frame(theirs.filter(pl.col("filer_key").is_in(sorted(keys))))
    views = [_view(row) for row in baselines(counted, as_of, SHOWN_WINDOW, thresholds).iter_rows(named=True)]
    context = newest_first(trades, as_of) if len(keys) == 1 else []
    return open_case(as_of, candidates, by_id(trades), context, views)


def _view(row: dict[str, Any]) -> BaselineView:
    def number(name: str) -> Decimal | None:
        return None if row[name] is None else rounded(row[name])

    months = number("months_observed")
    return BaselineView(
        row["filer"],
        row["n_trades"],
        Decimal(0) if months is None else months,
        number("monthly_mean"),
        number("monthly_sd"),
        number("amount_index_mean"),
    )


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
    try:
        for first in range(0, len(cases), PRELOADED):
            await run.some(cases[first : first + PRELOADED])
    except ExceptionGroup as group:  # of the task group; its first error made it cancel the others
        raise group.exceptions[0] from group
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
        async with asyncio.TaskGroup() as group:
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
