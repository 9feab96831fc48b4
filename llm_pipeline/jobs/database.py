"""The queue's connections: blocking statements in threads, and patience while the server restarts."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self, TypeVar

import psycopg

from llm_pipeline.db.connection import async_connect, is_pooled, thread_pool
from llm_pipeline.jobs.store import CHANNEL
from llm_pipeline.llm.cache import CachedAnswer, lookup

log = logging.getLogger(__name__)

Result = TypeVar("Result")

CONNECTION_TIMEOUT_S = 5.0
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0


class Database:
    """Use as an async context manager; needs no server to open.

    Args:
        size: most statements at a time.
    """

    def __init__(self, url: str, size: int) -> None:
        self._url = url
        self._pool = thread_pool(url, size, CONNECTION_TIMEOUT_S)
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="queue")

    async def __aenter__(self) -> Self:
        self._pool.open(wait=False)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self._pool.close, 2.0)
        self._threads.shutdown(wait=False)

    async def run(self, work: Callable[[psycopg.Connection[Any]], Result]) -> Result:
        """What `work` returns, given a connection in autocommit; it ends even if the waiting task is cancelled.

        Raises:
            psycopg.Error: of the work; OperationalError also when there is no connection.
        """

        def on_connection() -> Result:
            with self._pool.connection() as conn:
                return work(conn)

        return await asyncio.get_running_loop().run_in_executor(self._threads, on_connection)

    async def run_patiently(self, work: Callable[[psycopg.Connection[Any]], Result], patience_s: float) -> Result:
        """As `run`, again and again while the server is away; `work` must bear being repeated.

        Raises:
            psycopg.OperationalError: still away after `patience_s` seconds.
        """
        until, pause = time.monotonic() + patience_s, FIRST_PAUSE_S
        while True:
            try:
                return await self.run(work)
            except psycopg.OperationalError as error:
                if time.monotonic() + pause > until:
                    raise
                log.warning("the database is away (%s); trying again in %.1f s", _first_line(error), pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_S)

    async def cached_answers(self, keys: Sequence[str]) -> dict[str, CachedAnswer]:
        """Earlier answers, for `AnswerCache`."""
        return await self.run(lambda conn: lookup(conn, keys))

    async def listen(self, wake: Callable[[], None]) -> None:
        """Call `wake` whenever jobs arrive, for ever, over restarts of the server. A transaction pooler cannot pass
        notifications on: then this returns at once, and polling is what there is."""
        if is_pooled(self._url):
            return
        while True:
            try:
                async with await async_connect(self._url, autocommit=True) as conn:
                    await conn.execute(f"LISTEN {CHANNEL}")
                    wake()  # for what came while nobody listened
                    async for _ in conn.notifies():
                        wake()
            except psycopg.OperationalError as error:
                log.info("not listening for jobs: %s", _first_line(error))
            await asyncio.sleep(LONGEST_PAUSE_S / 5)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
