"""The commands about the queue: `jobs enqueue|run|status|retry`. Thin; `cli.py` adds them."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import click

from llm_pipeline.cli import _embedded, fail, main, reported, say, usable_settings
from llm_pipeline.settings import Settings

AS_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
PRIORITY = click.IntRange(-1_000_000, 1_000_000)


@main.group()
def jobs() -> None:
    """The queue of interrogations."""


@contextmanager
def _database() -> Iterator[tuple[Settings, str]]:
    """The settings and the address of the migrated database, for the time of a command."""
    from llm_pipeline.db.connection import resolve_url
    from llm_pipeline.db.migrations import migrate

    settings = usable_settings()
    with _embedded(settings):
        url = resolve_url(settings)
        migrate(url)
        yield settings, url


@jobs.command("enqueue")
@click.argument("key")
@click.argument("given", metavar="INPUT_JSON|@FILE|-")
@click.option(
    "--priority",
    default=0,
    type=PRIORITY,
    show_default=True,
    help="Higher is served first.",
)
@click.option("--model", help="Ask this model instead of the configured one.")
@click.option("--idempotency-key", help="The same key is the same job; default: the hash of KEY and the input.")
@click.option("--max-attempts", default=3, show_default=True, type=click.IntRange(1, 100), help="Attempts at a job.")
@AS_JSON
@reported
def jobs_enqueue(
    key: str,
    given: str,
    priority: int,
    model: str | None,
    idempotency_key: str | None,
    max_attempts: int,
    as_json: bool,
) -> None:
    """Queue questions of the interrogation KEY: one as JSON, or many as JSON lines in a file or on stdin (-)."""
    from llm_pipeline.db.connection import connect
    from llm_pipeline.interrogations.registry import InvalidInputError, UnknownInterrogationError, discover
    from llm_pipeline.jobs.enqueue import enqueue
    from llm_pipeline.jobs.job import NewJob

    registry = discover()
    lines = _lines(given)
    if idempotency_key is not None and len(lines) > 1:
        raise click.UsageError("--idempotency-key is for one input; these are several")
    new = []
    for number, line in enumerate(lines, 1):
        where = f"input {number}: " if len(lines) > 1 else ""
        try:
            checked = registry.checked(key, json.loads(line))
        except UnknownInterrogationError as error:
            raise click.UsageError(str(error)) from error
        except (ValueError, InvalidInputError) as error:
            raise click.UsageError(f"{where}{error}. Nothing was queued") from error
        new.append(NewJob(key, checked, priority, idempotency_key, model, max_attempts))
    if not new:
        raise click.UsageError("no input: nothing was queued")
    with _database() as (_, url), connect(url) as conn, conn.cursor() as cur:
        done = enqueue(cur, new)
    if as_json:
        click.echo(json.dumps({"queued": len(done.job_ids), "known": done.known, "job_ids": list(done.job_ids)}))
    else:
        click.echo(f"{len(done.job_ids)} queued, {done.known} in the queue already")


def _lines(given: str) -> list[str]:
    if given == "-":
        text = sys.stdin.read()
    elif given.startswith("@"):
        file = Path(given[1:])
        if not file.is_file():
            raise click.UsageError(f"there is no file {file}")
        text = file.read_text(encoding="utf-8")
    else:
        return [given]
    return [line for line in text.splitlines() if line.strip()]


@jobs.command("run")
@click.option("--once", "mode", flag_value="once", help="Work on what can be claimed now, then end.")
@click.option("--loop", "mode", flag_value="loop", help="Wait for jobs until told to stop (SIGTERM, Ctrl-C).")
@click.option("--workers", default=0, type=click.IntRange(0, 256), help="Jobs at a time; default: LLM_CONCURRENCY.")
@click.option("--drain", is_flag=True, help="With --once: also wait for retries and for what other workers hold.")
@AS_JSON
@reported
def jobs_run(mode: str | None, workers: int, drain: bool, as_json: bool) -> None:
    """Work on the queue. Any number of these may run at once, on any number of machines."""
    from llm_pipeline.interrogations.registry import RegistryError
    from llm_pipeline.jobs.working import Shift, work_on_queue

    if mode is None:
        raise click.UsageError("say --once or --loop")
    if mode == "loop" and drain:
        raise click.UsageError("--drain goes with --once; --loop never ends by itself")
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING, stream=sys.stderr)
    with _database() as (settings, url):
        shift = Shift(workers, forever=mode == "loop", until_settled=drain)
        try:
            report = asyncio.run(work_on_queue(url, settings, shift, stop_on_signals=True))
        except RegistryError as error:
            fail(str(error))
    if as_json:
        click.echo(json.dumps(report.as_json()))
    else:
        told = report.as_json()
        names = ("claimed", "succeeded", "failed", "dead", "released", "stale", "calls", "cache_hits")
        click.echo(", ".join(f"{told[name]} {name.replace('_', ' ')}" for name in names))
    for job_id, reason in report.dead.items():
        say(f"dead: {job_id}: {reason}")
    if report.unusable:
        key, why = next(iter(report.unusable.items()))
        fail(f"{key} could not be asked, its jobs wait: {why}")
    if report.total("DEADLETTER"):
        fail(f"{report.total('DEADLETTER')} jobs are dead-lettered; `llm-pipeline jobs retry --all` queues them again")


@jobs.command("status")
@AS_JSON
@reported
def jobs_status(as_json: bool) -> None:
    """Counts by interrogation and status, the oldest waiting job, and why jobs are dead."""
    from llm_pipeline.db.connection import connect
    from llm_pipeline.jobs.account import STATES, queue_status

    with _database() as (_, url), connect(url) as conn:
        found = queue_status(conn)
    if as_json:
        value: dict[str, Any] = {
            "counts": found.counts,
            "oldest_waiting": found.oldest_waiting.isoformat() if found.oldest_waiting else None,
            "dead": [{**vars(one), "at": one.at.isoformat() if one.at else None} for one in found.dead],
        }
        click.echo(json.dumps(value))
        return
    if not found.counts:
        click.echo("the queue is empty")
    for key, counts in found.counts.items():
        click.echo(f"{key}: " + ", ".join(f"{counts[state]} {state}" for state in STATES if state in counts))
    if found.oldest_waiting is not None:
        click.echo(f"oldest waiting: {found.oldest_waiting.isoformat(timespec='seconds')}")
    for one in found.dead:
        click.echo(f"dead: {one.job_id} {one.interrogation_key}, {one.attempts} attempts: {one.reason}")


@jobs.command("retry")
@click.argument("job_ids", nargs=-1, type=click.UUID)
@click.option("--key", help="All dead jobs of this interrogation.")
@click.option("--all", "everything", is_flag=True, help="All dead jobs.")
@AS_JSON
@reported
def jobs_retry(job_ids: tuple[UUID, ...], key: str | None, everything: bool, as_json: bool) -> None:
    """Queue dead jobs again, with all their attempts: by id, by interrogation, or all."""
    from llm_pipeline.db.connection import connect
    from llm_pipeline.jobs.account import retry_dead

    if sum((bool(job_ids), key is not None, everything)) != 1:
        raise click.UsageError("say which: job ids, --key KEY, or --all")
    wanted = [str(one) for one in job_ids] or None
    with _database() as (_, url), connect(url) as conn:
        queued = retry_dead(conn, job_ids=wanted, interrogation_key=key)
    if as_json:
        click.echo(json.dumps({"queued": list(queued)}))
    else:
        click.echo(f"{len(queued)} queued again")
    missing = sorted(set(wanted or ()) - set(queued))
    if missing:
        fail(f"not dead, or not there: {', '.join(missing)}")
