"""The queue of interrogations: claims against the bare SKIP LOCKED floor, whole jobs, and workers that are killed.

The floor of a claim is the least that a queue in PostgreSQL can do: one statement that marks the next rows of a narrow
table with the same index, over the same connections, in the same run, the two taking turns.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import psycopg

from benchmarks.validation import LATENCY_MS, floor_seconds
from llm_pipeline.db.connection import connect
from llm_pipeline.db.migrations import migrate
from llm_pipeline.embedded.postgres import EmbeddedPostgres
from llm_pipeline.jobs.store import JobEnd, claim, end
from llm_pipeline.jobs.working import Shift, work_on_queue
from llm_pipeline.offline_model.process import running
from llm_pipeline_tests.jobs.crashing import survive
from llm_pipeline_tests.jobs.queue import fill, question, settings, states

BACKLOG = 20_000
SECONDS = 2.0
ROUNDS = 3
WORKERS = 16
JOBS = 5_000

_BARE = """
CREATE TABLE IF NOT EXISTS bare_queue (
    id bigint PRIMARY KEY, status text COLLATE "C" NOT NULL, priority integer NOT NULL,
    available_at timestamptz NOT NULL, created_at timestamptz NOT NULL);
CREATE INDEX IF NOT EXISTS bare_queue_to_claim ON bare_queue (status, priority DESC, available_at, created_at);
TRUNCATE bare_queue;
INSERT INTO bare_queue SELECT n, 'NEW', 0, now(), now() FROM generate_series(1, %(n)s) n;
"""
_JOBS = """
INSERT INTO llm_jobs (interrogation_key, input_json, idempotency_key)
SELECT 'benchmark', jsonb_build_object('number', n), 'benchmark-' || n FROM generate_series(1, %(n)s) n
"""
_BARE_CLAIM = """
UPDATE bare_queue SET status = 'RUNNING' WHERE id IN (
    SELECT id FROM bare_queue WHERE status = 'NEW' AND available_at <= now()
    ORDER BY priority DESC, available_at, created_at LIMIT %s FOR UPDATE SKIP LOCKED)
RETURNING id
"""


def bare(conn: psycopg.Connection[Any], worker: str, most: int) -> int:
    """The floor: mark the next rows, nothing else."""
    return len(conn.execute(_BARE_CLAIM, [most]).fetchall())


def ours(conn: psycopg.Connection[Any], worker: str, most: int) -> int:
    """A claim of the queue: lease, token, attempt, the whole job."""
    return len(claim(conn, worker, most, 60.0))


def ours_to_the_end(conn: psycopg.Connection[Any], worker: str, most: int) -> int:
    """A claim, and each job's fenced end in a transaction of its own."""
    claimed = claim(conn, worker, most, 60.0)
    for job in claimed:
        with conn.transaction(), conn.cursor() as cur:
            assert end(cur, job, JobEnd("SUCCEEDED"))
    return len(claimed)


def refill(url: str) -> None:
    """A full backlog in both tables, analysed."""
    with connect(url) as conn:
        conn.execute("TRUNCATE llm_jobs")
        for statement in _BARE.split(";")[:-1]:
            conn.execute(statement, {"n": BACKLOG} if "%(n)s" in statement else None)
        conn.execute(_JOBS, {"n": BACKLOG})
    with connect(url, autocommit=True) as conn:
        conn.execute("VACUUM ANALYZE bare_queue")
        conn.execute("VACUUM ANALYZE llm_jobs")


def claiming(url: str, take: Callable[[Any, str, int], int], most: int, name: str, results: Any, ready: Any) -> None:
    """One worker process: claims for `SECONDS`, after all are ready."""
    with connect(url, autocommit=True) as conn:
        ready.wait()
        taken, until = 0, time.perf_counter() + SECONDS
        while time.perf_counter() < until:
            found = take(conn, name, most)
            if not found:
                break
            taken += found
        results.put(taken / (SECONDS - max(0.0, until - time.perf_counter())))


def jobs_a_second(url: str, take: Callable[[Any, str, int], int], most: int, workers: int) -> float:
    """Jobs claimed a second by so many processes together."""
    context = get_context("fork")
    results, ready = context.Queue(), context.Barrier(workers)
    crew = [context.Process(target=claiming, args=(url, take, most, f"w{n}", results, ready)) for n in range(workers)]
    for one in crew:
        one.start()
    rates = [results.get(timeout=60) for _ in crew]
    for one in crew:
        one.join()
    return sum(rates)


def claims(url: str) -> None:
    """Print the table of claims."""
    print("| workers | jobs a claim | bare, jobs/s | queue, jobs/s | ratio | queue with ends, jobs/s |")
    print("|---|---|---|---|---|---|")
    for workers, most in ((1, 1), (1, 25), (4, 1), (4, 25), (16, 25)):
        rates: dict[str, list[float]] = {"bare": [], "ours": [], "ended": []}
        for _ in range(ROUNDS):
            for name, take in (("bare", bare), ("ours", ours), ("ended", ours_to_the_end)):
                refill(url)
                rates[name].append(jobs_a_second(url, take, most, workers))
        floor, mine, ended = (median(rates[name]) for name in ("bare", "ours", "ended"))
        print(f"| {workers} | {most} | {floor:,.0f} | {mine:,.0f} | {mine / floor:.2f} | {ended:,.0f} |", flush=True)


def whole_jobs(url: str) -> None:
    """Print how long whole jobs take: evidence, bundle, call, grounding, result, audit."""
    count = 400
    with running(latency_ms=LATENCY_MS) as base_url, tempfile.TemporaryDirectory() as folder:
        floor = asyncio.run(floor_seconds(base_url, count))
        with connect(url) as conn:
            conn.execute("TRUNCATE llm_jobs, entity_facts")
        fill(url, [question(number) for number in range(count)])
        used = settings(Path(folder), base_url, llm_concurrency=8)
        began = time.perf_counter()
        report = asyncio.run(work_on_queue(url, used, Shift(places=10)))
        seconds = time.perf_counter() - began
    assert report.total("SUCCEEDED") == count
    print(f"{count} jobs of entity_facts, {LATENCY_MS:.0f} ms a call, 8 calls in flight: bare calls {floor:.2f} s, ")
    print(f"the queue {seconds:.2f} s, ratio {seconds / floor:.2f}")


def killed(url: str) -> None:
    """Print what came of many jobs while workers are killed and frozen; raises when one is lost or done twice."""
    with connect(url) as conn:
        conn.execute("TRUNCATE llm_jobs, entity_facts, llm_audit_trail, llm_artifacts, ungrounded_claims")
    with running(latency_ms=LATENCY_MS) as base_url, tempfile.TemporaryDirectory() as folder:
        account = survive(url, base_url, Path(folder), jobs=JOBS, workers=WORKERS, every_s=2.0, lease_s=10.0, seed=1)
    assert sum(states(url).values()) == JOBS
    print(
        f"{WORKERS} worker processes, {JOBS:,} jobs, {account.seconds:.0f} s: {account.kills} kills, {account.freezes} "
        f"freezes; {account.succeeded:,} succeeded once, {account.dead} dead ({', '.join(account.dead_reasons)}), "
        f"0 lost, 0 twice, 0 results of stale workers; {account.claims:,} claims, {account.calls:,} calls on record"
    )


def main(only: str | None = None) -> None:
    """Print the tables of benchmarks/README.md; `only`: one of claims, whole_jobs, killed."""
    with tempfile.TemporaryDirectory(prefix="llm-pipeline-bench-") as folder:
        with EmbeddedPostgres(Path(folder)).running() as url:
            migrate(url)
            for number, part in enumerate((claims, whole_jobs, killed)):
                if only in (None, part.__name__):
                    print("" if number == 0 else "\n", end="")
                    part(url)


if __name__ == "__main__":
    main(*sys.argv[1:2])
