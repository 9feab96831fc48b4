"""A worker: claims jobs, has some under way at a time, keeps their leases, and ends in good order.

Belongs here: the life of jobs in one process. What an attempt does is in `answering.py`, what is written in
`settling.py`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path

import psycopg

from llm_pipeline.interrogations.queued import EvidenceMissingError
from llm_pipeline.interrogations.registry import Registry
from llm_pipeline.jobs.answering import Answering, of_job, prepare
from llm_pipeline.jobs.database import FIRST_PAUSE_S, LONGEST_PAUSE_S, Database
from llm_pipeline.jobs.job import ClaimedJob, Hold
from llm_pipeline.jobs.report import WorkReport
from llm_pipeline.jobs.settling import ResultNotStoredError, Settlement, Written, settle
from llm_pipeline.jobs.store import TakenBack, claim, release, renew, seconds_to_next, take_back_expired
from llm_pipeline.jobs.trouble import trouble_before_asking
from llm_pipeline.llm.audit import Attempt, write_attempts
from llm_pipeline.llm.gateway import Gateway
from llm_pipeline.llm.lake import Lake
from llm_pipeline.llm.spool import load_spool, spool_attempts

log = logging.getLogger(__name__)

GRACE_S = 20.0
"""A worker told to stop lets its jobs finish for so long, then gives them back."""
FIRST_REST_POLLS = 3
LONGEST_REST_POLLS = 60
"""How long an interrogation is left alone whose model cannot be used, doubling, in times of `jobs_poll_s`."""
FACTS_AGE_S = 300.0
"""A model that was pulled anew while a worker runs is noticed after so long."""


@dataclass(frozen=True)
class Plan:
    """How a worker works.

    Attributes:
        name: that no other worker has.
        places: jobs under way at a time.
        most: jobs to claim at most; None: no limit.
        forever: wait for more jobs instead of ending when none can be claimed.
        until_settled: with `forever` off, also wait for jobs that others hold or that wait for their next attempt.
        without: interrogations that this worker never claims.
    """

    name: str
    places: int
    most: int | None = None
    forever: bool = False
    until_settled: bool = False
    without: frozenset[str] = frozenset()


@dataclass
class _Underway:
    job: ClaimedJob
    task: asyncio.Task[None]
    asking: bool = False
    settled: bool = False


@dataclass
class _Resting:
    until: float
    pause_s: float
    over: bool = False


@dataclass
class Worker:
    """One worker at work. `run` returns when there is nothing (more) to do, or when told to stop.

    Attributes:
        control: connections for claims and leases alone: evidence that takes long to gather must not cost a lease.
    """

    database: Database
    control: Database
    gateway: Gateway
    registry: Registry
    answering: Answering
    lake: Lake
    plan: Plan
    clock: Callable[[], datetime]
    report: WorkReport = field(default_factory=WorkReport)

    def __post_init__(self) -> None:
        self._underway: dict[Hold, _Underway] = {}
        self._resting: dict[str, _Resting] = {}
        self._facts_from = time.monotonic()
        self._wake = asyncio.Event()
        self._stopping = False
        self._broken: BaseException | None = None
        self._outage_pause_s = FIRST_PAUSE_S

    @property
    def _lease_s(self) -> float:
        return self.gateway.settings.jobs_lease_s

    @property
    def _spool(self) -> Path:
        return self.gateway.settings.llm_pipeline_home / "spool"

    def stop(self) -> None:
        """Claim nothing more; `run` returns when the jobs under way are finished or given back."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> WorkReport:
        """Work.

        Raises:
            psycopg.OperationalError: the database is away and the plan does not say to wait for it.
        """
        beside = [asyncio.create_task(self._keep_leases())]
        if self.plan.forever:
            beside.append(asyncio.create_task(self.control.listen(self._wake.set)))
        for task in beside:
            task.add_done_callback(self._ended)
        try:
            await self._until_done()
        finally:
            await self._end_underway()
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            await self._keep_abandoned()
        if self._broken is not None:
            raise self._broken
        return self.report

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A worker that keeps no leases must not go on."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self._broken = error
            self.stop()

    async def _until_done(self) -> None:
        while not self._stopping:
            self._wake.clear()
            self._end_rests()
            claimed, room = await self._claim(), self.plan.places - len(self._underway)
            for job in claimed:
                self._start(job)
            if claimed and len(claimed) == room:
                pass  # full: wait for a place
            elif not claimed and not self._underway and not self.plan.forever:
                due = await self._due() if self.plan.until_settled and self._may_claim else None
                if due is None:
                    return
            await self._rest()

    @property
    def _may_claim(self) -> bool:
        return self.plan.most is None or self.report.claimed < self.plan.most

    async def _rest(self) -> None:
        """Until a job ends, one arrives, one falls due, or the time to look again has come."""
        pause = self.gateway.settings.jobs_poll_s
        if self._outage_pause_s > FIRST_PAUSE_S:
            pause = self._outage_pause_s
        elif len(self._underway) < self.plan.places and self._may_claim:
            due = await self._due()
            pause = pause if due is None else min(pause, max(due, 0.05))
        with suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self._wake.wait()

    async def _claim(self) -> list[ClaimedJob]:
        room = self.plan.places - len(self._underway)
        if self.plan.most is not None:
            room = min(room, self.plan.most - self.report.claimed)
        if room <= 0:
            return []
        without = self._left_alone

        def work(conn: psycopg.Connection) -> tuple[list[ClaimedJob], TakenBack]:
            found, back = claim(conn, self.plan.name, room, self._lease_s, without), TakenBack(0, 0)
            if len(found) < room:
                back = take_back_expired(conn)
                if back.waiting:
                    found += claim(conn, self.plan.name, room - len(found), self._lease_s, without)
            return found, back

        try:
            claimed, back = await self.control.run(work)
        except psycopg.OperationalError as error:
            self._outage(error)
            return []
        self._outage_pause_s = FIRST_PAUSE_S
        self.report.claimed += len(claimed)
        self._count(back)
        return claimed

    def _outage(self, error: psycopg.OperationalError) -> None:
        if not self.plan.forever:
            self._broken = error
            self.stop()
            return
        self._outage_pause_s = min(self._outage_pause_s * 2, LONGEST_PAUSE_S)
        log.warning("no jobs claimed, the database is away (%s)", str(error).strip().partition("\n")[0])

    def _count(self, back: TakenBack) -> None:
        if back.waiting or back.dead:
            log.warning("%d jobs of silent workers wait again, %d are dead", back.waiting, back.dead)
        self.report.taken_back += back.waiting + back.dead

    async def _due(self) -> float | None:
        try:
            return await self.control.run(lambda conn: seconds_to_next(conn, self._left_alone))
        except psycopg.OperationalError as error:
            self._outage(error)
            return 0.0

    def _start(self, job: ClaimedJob) -> None:
        task = asyncio.create_task(self._work_on(job), name=f"job {job.job_id}")
        self._underway[job.hold] = _Underway(job, task)

    async def _work_on(self, job: ClaimedJob) -> None:
        underway = self._underway[job.hold]
        try:
            underway.asking = True
            done = await self._attempt(job)
            underway.asking = False
            await self._settle(done)
            underway.settled = True
        except asyncio.CancelledError:
            if not self._stopping:
                log.warning("job %s is not ours any more; its question was given up", job.job_id)
                self.report.outcomes[job.interrogation_key, "stale"] += 1
                underway.settled = True
        except Exception as error:  # noqa: BLE001 - told when the worker ends; the lease brings the job back
            self._broken = error
            self.stop()
        finally:
            if underway.settled or self._broken is not None:
                self._underway.pop(job.hold, None)
            self._wake.set()

    async def _attempt(self, job: ClaimedJob) -> Settlement:
        try:
            prepared = await self.database.run_patiently(
                lambda conn: prepare(conn, self.lake, self.registry, job, self.clock()), self._lease_s
            )
            return await self.answering.answer(prepared)
        except Exception as error:  # noqa: BLE001 - whatever an interrogation's code raises is that attempt's end, told
            if not isinstance(error, EvidenceMissingError):
                log.warning("job %s: %s: %s", job.job_id, type(error).__name__, error)
            return self.answering.troubled(job, trouble_before_asking(error))

    async def _settle(self, done: Settlement) -> None:
        """Write it, also over a restart of the server; what cannot be written leaves its audit rows on disk."""
        try:
            done, written = await self._written(done)
        except psycopg.OperationalError as error:
            spool_attempts(self._spool, done.attempts)
            log.error("job %s: not written, the database is away (%s); its lease will end", done.job.job_id, error)
            self.report.add(done, None)
            if not self.plan.forever:
                self._broken = error
                self.stop()
            return
        except asyncio.CancelledError:  # the worker ends while the database is away
            spool_attempts(self._spool, done.attempts)
            raise
        self.report.add(done, written)
        if written == "stale":
            log.warning("job %s: another worker had it by then; its result was not written", done.job.job_id)
        if done.how is None and done.why:
            self._leave_alone(done.job, done.why)
        elif done.how is not None and done.how.status == "SUCCEEDED":
            self._resting.pop(done.job.interrogation_key, None)
            self.report.unusable.pop(done.job.interrogation_key, None)

    async def _written(self, done: Settlement) -> tuple[Settlement, Written]:
        """Write it as far as the database takes it, and say what was written."""
        try:
            return done, await self._write(done)
        except (ResultNotStoredError, psycopg.Error) as error:
            if isinstance(error, psycopg.OperationalError) or done.how is None:
                raise
            log.warning("job %s: %s", done.job.job_id, error)
            done = self.answering.not_stored(done, error)
        try:
            return done, await self._write(done)
        except psycopg.OperationalError:
            raise
        except psycopg.Error as error:  # not even its audit rows: they are kept on disk, and the job has its reason
            log.error("job %s: its audit rows are refused and kept in %s: %s", done.job.job_id, self._spool, error)
            spool_attempts(self._spool, done.attempts)
            done = replace(done, attempts=(), claims=())
            return done, await self._write(done)

    async def _write(self, done: Settlement) -> Written:
        patience = self._lease_s if not self._stopping else FIRST_PAUSE_S
        return await self.database.run_patiently(lambda conn: settle(conn, done, self.clock()), patience)

    def _leave_alone(self, job: ClaimedJob, why: str) -> None:
        """No more of this interrogation for now: nothing can succeed while its model is not usable."""
        key, now = job.interrogation_key, time.monotonic()
        known = self._resting.get(key)
        if known is not None and not known.over:
            return
        poll = self.gateway.settings.jobs_poll_s
        pause = poll * FIRST_REST_POLLS if known is None else min(known.pause_s * 2, poll * LONGEST_REST_POLLS)
        self._resting[key] = _Resting(now + pause, pause)
        self.report.unusable[key] = why
        log.error("%s is left alone%s: %s", key, f" for {pause:.0f} s" if self.plan.forever else "", why)

    def _end_rests(self) -> None:
        if not self.plan.forever:
            return
        now = time.monotonic()
        if now > self._facts_from + FACTS_AGE_S:
            self.gateway.forget()
            self._facts_from = now
        for key, resting in self._resting.items():
            if resting.until <= now and not resting.over:
                resting.over = True
                self.report.unusable.pop(key, None)
                self.gateway.forget()

    @property
    def _left_alone(self) -> frozenset[str]:
        """Interrogations that nothing is claimed of now."""
        return self.plan.without.union(key for key, resting in self._resting.items() if not resting.over)

    async def _keep_leases(self) -> None:
        """Renew the leases of what is under way, three times as often as they end; give up what was lost."""
        while True:
            await asyncio.sleep(self._lease_s / 3)
            held = [one.job for one in self._underway.values()]
            try:
                kept = await self.control.run(partial(self._renew, held))
            except psycopg.OperationalError as error:
                log.warning("leases not renewed, the database is away (%s)", str(error).strip().partition("\n")[0])
                continue
            for job in held:
                underway = self._underway.get(job.hold)
                if underway is not None and underway.asking and job.hold not in kept:
                    underway.task.cancel()

    def _renew(self, held: list[ClaimedJob], conn: psycopg.Connection) -> frozenset[Hold]:
        """Ours first, so that an outage longer than a lease does not cost a job that is still under way."""
        kept = renew(conn, held, self._lease_s)
        self._count(take_back_expired(conn))
        try:
            load_spool(conn, self._spool)
        except (psycopg.DataError, psycopg.IntegrityError, OSError) as error:
            log.error("audit rows in %s cannot be loaded: %s", self._spool, error)
        return kept

    async def _end_underway(self) -> None:
        """Let the jobs under way finish for a while, then give them back."""
        tasks = [one.task for one in self._underway.values()]
        if not tasks:
            return
        self._stopping = True
        _, left = await asyncio.wait(tasks, timeout=GRACE_S if self._broken is None else 0.0)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=GRACE_S)
        back = [one.job for one in self._underway.values() if not one.settled]
        if back:
            log.info("giving %d jobs back", len(back))
            try:
                await self.database.run(lambda conn: release(conn, back))
                self.report.outcomes.update((job.interrogation_key, "released") for job in back)
            except psycopg.OperationalError as error:
                log.error("%d jobs not given back, the database is away (%s); their leases will end", len(back), error)
        self._underway.clear()

    async def _keep_abandoned(self) -> None:
        """Audit rows of calls whose question was given up: into the database, or onto disk."""
        abandoned = [_named(one) for one in self.gateway.abandoned]
        self.gateway.abandoned.clear()
        if not abandoned:
            return

        def write(conn: psycopg.Connection) -> None:
            with conn.transaction(), conn.cursor() as cur:
                write_attempts(cur, abandoned)

        try:
            await self.database.run(write)
        except psycopg.Error:
            spool_attempts(self._spool, abandoned)


def _named(attempt: Attempt) -> Attempt:
    """An attempt with the job that its request context names."""
    context = attempt.request_context
    if "job_id" not in context:
        return attempt
    return of_job(attempt, str(context["interrogation"]), str(context["job_id"]))
