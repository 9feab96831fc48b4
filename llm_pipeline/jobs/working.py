"""Working on the queue: opens what a worker needs, lets it work, closes it again. Commands and Dagster call this."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from uuid import uuid4

from llm_pipeline.db.connection import connect
from llm_pipeline.interrogations.registry import Registry, discover
from llm_pipeline.jobs.answering import Answering
from llm_pipeline.jobs.database import Database
from llm_pipeline.jobs.report import WorkReport
from llm_pipeline.jobs.templates import active_templates
from llm_pipeline.jobs.worker import Plan, Worker
from llm_pipeline.llm.audit import CallContext
from llm_pipeline.llm.cache import AnswerCache
from llm_pipeline.llm.lake import Lake
from llm_pipeline.llm.open_gateway import open_gateway
from llm_pipeline.llm.spool import load_spool
from llm_pipeline.settings import Settings

SERVICE = "jobs"
MOST_STATEMENTS = 12
"""At a time: a statement takes a millisecond, a call of a model a hundred times as long."""


@dataclass(frozen=True)
class Shift:
    """How long and how wide one worker works; see `Plan`.

    Attributes:
        places: jobs at a time; 0: as many as calls may be in flight.
        only: the one interrogation to work on; None: all.
    """

    places: int = 0
    most: int | None = None
    forever: bool = False
    until_settled: bool = False
    only: str | None = None


def worker_name() -> str:
    """A name that no other worker has, by which an operator finds the process."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:6]}"


async def work_on_queue(
    url: str,
    settings: Settings,
    shift: Shift,
    *,
    registry: Registry | None = None,
    dagster_run_id: str | None = None,
    stop_on_signals: bool = False,
) -> WorkReport:
    """Claim, ask, ground and store until the shift is over.

    Args:
        registry: the project's own unless given.
        stop_on_signals: SIGTERM and SIGINT end the shift in good order.

    Raises:
        RegistryError, PromptError: an interrogation is not usable; nothing was claimed.
        OfflineModelStartError: the bundled model does not start.
        psycopg.OperationalError: the database is away, and the shift is not for ever.
    """
    registry = registry or discover()
    with connect(url) as conn:
        templates = active_templates(conn, registry, _now())
        conn.commit()
        load_spool(conn, settings.llm_pipeline_home / "spool")
    places = shift.places or settings.llm_concurrency
    others = frozenset(registry.interrogations) - {shift.only} if shift.only else frozenset()
    plan = Plan(worker_name(), places, shift.most, shift.forever, shift.until_settled, others)
    lake = Lake(settings.lake)
    async with Database(url, min(places + 2, MOST_STATEMENTS)) as database, Database(url, 2) as control:
        context = CallContext(service=SERVICE, dagster_run_id=dagster_run_id)
        cache = AnswerCache(database.cached_answers)
        async with open_gateway(settings, context, cache=cache, lake=lake) as gateway:
            answering = Answering(gateway, templates, Random())  # noqa: S311 - spreads retries, guards nothing
            worker = Worker(database, control, gateway, registry, answering, lake, plan, _now)
            with _stopping(worker) if stop_on_signals else nullcontext():
                return await worker.run()


@contextmanager
def _stopping(worker: Worker) -> Iterator[None]:
    """For the time of a block, the signals to end a process stop the worker instead."""
    loop = asyncio.get_running_loop()
    before = {one: signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)}
    for one in before:
        loop.add_signal_handler(one, worker.stop)
    try:
        yield
    finally:
        for one, handler in before.items():
            loop.remove_signal_handler(one)
            signal.signal(one, handler)


def _now() -> datetime:
    return datetime.now(UTC)
