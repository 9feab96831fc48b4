"""Workers in processes of their own that are killed and frozen at random, and the account of what came of it.

A kill is SIGKILL, in whatever the worker does; a frozen worker (SIGSTOP) comes back when its leases have ended, and
then tries to write. Every end of a job and every write of a result is logged by triggers, so that nothing that was
overwritten is missed.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from random import Random

from llm_pipeline.db.connection import connect
from llm_pipeline.jobs.working import Shift, work_on_queue
from llm_pipeline_tests.jobs.queue import check_whole, fill, question, rows, settings, states

PLACES = 4

_LOG = """
CREATE TABLE job_ends (job_id uuid, token bigint, status text, at timestamptz DEFAULT clock_timestamp());
CREATE TABLE result_writes (job_id uuid, token bigint, holder_token bigint);
CREATE FUNCTION log_end() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO job_ends (job_id, token, status) VALUES (NEW.job_id, NEW.fencing_token, NEW.status);
    RETURN NULL;
END $$;
CREATE TRIGGER log_end AFTER UPDATE ON llm_jobs FOR EACH ROW
    WHEN (NEW.status IN ('SUCCEEDED', 'DEADLETTER') OR OLD.status IN ('SUCCEEDED', 'DEADLETTER'))
    EXECUTE FUNCTION log_end();
CREATE FUNCTION log_result() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO result_writes
    SELECT NEW.job_id, (a.request_context ->> 'fencing_token')::bigint, j.fencing_token
    FROM llm_jobs j, llm_audit_trail a WHERE j.job_id = NEW.job_id AND a.id = NEW.audit_trail_id;
    RETURN NULL;
END $$;
CREATE TRIGGER log_result AFTER INSERT OR UPDATE ON entity_facts FOR EACH ROW EXECUTE FUNCTION log_result();
"""


_HOLDERS = "SELECT DISTINCT locked_by FROM llm_jobs WHERE status = 'RUNNING'"


@dataclass(frozen=True)
class Account:
    """What came of it; seconds include the start of the workers."""

    jobs: int
    seconds: float
    kills: int
    freezes: int
    succeeded: int
    dead: int
    dead_reasons: tuple[str, ...]
    claims: int
    calls: int
    expired: int


def worker(url: str, base_url: str, home: str, lease_s: float) -> None:
    """One worker process, until nothing waits, runs or is to be tried again."""
    os.environ.clear()
    used = settings(Path(home), base_url, jobs_lease_s=lease_s)
    asyncio.run(work_on_queue(url, used, Shift(PLACES, until_settled=True)))


def survive(
    url: str,
    base_url: str,
    home: Path,
    *,
    jobs: int,
    workers: int,
    every_s: float,
    lease_s: float,
    seed: int,
    most_hits: int = sys.maxsize,
) -> Account:
    """Fill the queue, let `workers` processes work, hit one of them every `every_s` seconds, at most `most_hits`
    times, until the queue is at rest: three are killed, then one is frozen.

    Raises:
        AssertionError: a job was lost or done twice, or a stale worker wrote something.
    """
    with connect(url) as conn:
        conn.execute(_LOG)
    fill(url, [question(number, max_attempts=5) for number in range(jobs)])
    context, random = get_context("forkserver"), Random(seed)
    # A child imports what the parent was started as: 3 s a worker, unless the fork server has it already.
    started_as = getattr(sys.modules["__main__"], "__spec__", None)
    context.set_forkserver_preload([__name__, *([started_as.name] if started_as else [])])
    kills = freezes = 0
    frozen: dict[int, float] = {}

    def started() -> BaseProcess:
        process = context.Process(target=worker, args=(url, base_url, str(home), lease_s), daemon=True)
        process.start()
        return process

    began = time.monotonic()
    crew = [started() for _ in range(workers)]
    next_hit = began + every_s
    try:
        while set(states(url)) - {"SUCCEEDED", "DEADLETTER"}:
            time.sleep(0.05)
            now = time.monotonic()
            assert now < began + 800, states(url)
            for pid, until in list(frozen.items()):
                if now >= until:
                    _send(pid, signal.SIGCONT)
                    del frozen[pid]
            crew = [one if one.is_alive() else started() for one in crew]
            if now < next_hit or kills + freezes == most_hits:
                continue
            # A worker that still starts holds nothing: to hit it shows nothing.
            holders = {int(one["locked_by"].split(":")[1]) for one in rows(url, _HOLDERS)} - frozen.keys()
            victims = [one for one in crew if one.pid in holders]
            if not victims:
                continue
            next_hit = now + every_s * random.uniform(0.5, 1.5)
            victim = random.choice(victims)
            assert victim.pid is not None
            if (kills + freezes) % 4 != 3:
                _send(victim.pid, signal.SIGKILL)
                kills += 1
            else:
                _send(victim.pid, signal.SIGSTOP)
                frozen[victim.pid] = now + 1.5 * lease_s
                freezes += 1
        seconds = time.monotonic() - began
        for pid in frozen:
            _send(pid, signal.SIGCONT)
        for one in crew:
            one.join(30)
    finally:
        for one in crew:
            if one.is_alive():
                _send(one.pid or 0, signal.SIGKILL)
                one.join()
    check_account(url, jobs)
    ended = states(url)
    (sums,) = rows(url, "SELECT sum(fencing_token)::int AS claims FROM llm_jobs")
    (calls,) = rows(url, "SELECT count(*) AS n FROM llm_audit_trail WHERE NOT cache_hit")
    (expired,) = rows(
        url, "SELECT count(*) AS n FROM llm_jobs WHERE last_error LIKE 'LeaseExpired%%' OR attempt_count > 1"
    )
    reasons = rows(url, "SELECT DISTINCT left(last_error, 12) AS why FROM llm_jobs WHERE status = 'DEADLETTER'")
    return Account(
        jobs, seconds, kills, freezes, ended.get("SUCCEEDED", 0), ended.get("DEADLETTER", 0),
        tuple(one["why"] for one in reasons), sums["claims"], calls["n"], expired["n"],
    )  # fmt: skip


def check_account(url: str, jobs: int) -> None:
    """Every job ended once, with its result or its reason, and only by the worker that held it."""
    check_whole(url)
    assert sum(states(url).values()) == jobs
    assert rows(url, "SELECT job_id FROM job_ends GROUP BY 1 HAVING count(*) <> 1") == []
    assert rows(url, "SELECT count(*) AS n FROM job_ends") == [{"n": jobs}]
    assert rows(url, "SELECT job_id FROM result_writes GROUP BY 1 HAVING count(*) <> 1") == []
    assert rows(url, "SELECT * FROM result_writes WHERE token <> holder_token") == []
    # Every result is the one that its own question called for.
    wrong = rows(
        url,
        """SELECT j.job_id FROM llm_jobs j JOIN entity_facts f ON f.job_id = j.job_id
           WHERE position(f.statement IN (j.input_json -> 'texts' -> 0 ->> 'text')) = 0""",
    )
    assert wrong == []


def _send(pid: int, what: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, what)
