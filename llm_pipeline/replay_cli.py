"""The commands about asking again: `replay`, `shadow run`, `shadow show`, `lake fsck`. Thin; `cli.py` adds them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from llm_pipeline.cli import DAY, _embedded, fail, main, reported, say, usable_settings

if TYPE_CHECKING:
    from llm_pipeline.replay.shadow_plan import ShadowReport


@main.command()
@click.argument("audit_ids", metavar="AUDIT_ID...", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@reported
def replay(audit_ids: tuple[str, ...], as_json: bool) -> None:
    """Send the stored request of a model call again, byte for byte, and show what differs in the answer."""
    from llm_pipeline.db.connection import async_pool, connect, resolve_url
    from llm_pipeline.db.migrations import migrate
    from llm_pipeline.llm.audit import CallContext
    from llm_pipeline.llm.lake import Lake, LakeError
    from llm_pipeline.llm.open_gateway import open_gateway
    from llm_pipeline.replay.errors import ReplayError
    from llm_pipeline.replay.replay import Replay, load_calls, replay_calls, summary_lines
    from llm_pipeline.replay.store import REPLAY_SERVICE

    settings = usable_settings()

    async def send(url: str) -> list[Replay]:
        async with async_pool(url, settings.llm_concurrency) as pool:
            async with open_gateway(settings, CallContext(REPLAY_SERVICE)) as gateway:
                return await replay_calls(pool, gateway, calls)

    with _embedded(settings):
        url = resolve_url(settings)
        migrate(url)
        try:
            with connect(url) as conn:
                calls = load_calls(conn, Lake(settings.lake), audit_ids)
            done = asyncio.run(send(url))
        except (ReplayError, LakeError) as error:
            fail(str(error))
    if as_json:
        found = [one.as_json() for one in done]
        click.echo(json.dumps(found[0] if len(found) == 1 else {"replays": found}))
    else:
        for one in done:
            _print(summary_lines(one))
    if failed := [one for one in done if one.failed]:
        fail(f"{len(failed)} of {len(done)} calls got no usable answer now: {failed[0].error}")


@main.group()
def shadow() -> None:
    """Past calls asked again with another model or prompt version, for comparison only."""


@shadow.command("run")
@click.argument("interrogation")
@click.option("--start", type=DAY, required=True, help="First day of the original calls (UTC).")
@click.option("--end", type=DAY, required=True, help="Last day of the original calls.")
@click.option("--model", help="Model to ask; without it, the one in use.")
@click.option("--version", help="Registered version of the prompt; without it, the active one.")
@click.option(
    "--template",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A prompt that is not registered, as a file.",
)
@click.option("--limit", type=click.IntRange(min=1), help="Most original calls, oldest first.")
@click.option("--estimate", is_flag=True, help="Stop after the cost estimate.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@reported
def shadow_run_command(
    interrogation: str,
    start: datetime,
    end: datetime,
    model: str | None,
    version: str | None,
    template: Path | None,
    limit: int | None,
    estimate: bool,
    as_json: bool,
) -> None:
    """Ask a candidate about the evidence of the calls of a window and compare its decisions with theirs."""
    from llm_pipeline.db.connection import async_pool, connect, resolve_url
    from llm_pipeline.db.migrations import migrate
    from llm_pipeline.llm.audit import CallContext
    from llm_pipeline.llm.cache import pool_cache
    from llm_pipeline.llm.open_gateway import open_gateway
    from llm_pipeline.replay.errors import CandidateError, ReplayError
    from llm_pipeline.replay.shadow_plan import Plan, Window
    from llm_pipeline.replay.shadow_run import Wanted, shadow_run
    from llm_pipeline.replay.shadow_view import view_run
    from llm_pipeline.replay.store import SHADOW_SERVICE

    if end < start:
        raise click.UsageError("--end is before --start")
    settings = usable_settings()
    window = Window(start.replace(tzinfo=UTC), end.replace(tzinfo=UTC) + timedelta(days=1), limit)
    wanted = Wanted(interrogation, window, model, version, template)

    def announce(plan: Plan) -> None:
        say(f"{plan.candidate.key}: {plan.candidate.model} with version {plan.candidate.version}")
        say(plan.estimate.line())

    async def ask(url: str) -> ShadowReport:
        async with async_pool(url, settings.llm_concurrency) as pool:
            async with open_gateway(settings, CallContext(SHADOW_SERVICE), cache=pool_cache(pool)) as gateway:
                return await shadow_run(
                    pool,
                    gateway,
                    wanted,
                    now=datetime.now(UTC),
                    announce=announce,
                    progress=say,
                    estimate_only=estimate,
                )

    with _embedded(settings):
        url = resolve_url(settings)
        migrate(url)
        try:
            report = asyncio.run(ask(url))
        except CandidateError as error:
            raise click.UsageError(str(error)) from error
        except ReplayError as error:
            fail(str(error))
        plan = report.plan
        asked = bool(plan.originals) and not estimate
        view = None
        if asked:
            with connect(url) as conn:
                view = view_run(conn, plan.run_id)
    status = "estimated" if estimate and plan.originals else "done" if asked else "no call in this window"
    if as_json:
        click.echo(json.dumps(_shadow_json(report, status) | (view.as_json() if view else {})))
    elif view:
        _print(view.lines())
    else:
        click.echo(status)
    if report.stopped:
        fail(f"stopped: {report.stopped}")
    if plan.refused:
        audit_id, why = next(iter(plan.refused.items()))
        fail(f"the evidence of {len(plan.refused)} calls was not recovered; the first, {audit_id}: {why}")


@shadow.command("show")
@click.argument("run_id")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@reported
def shadow_show(run_id: str, as_json: bool) -> None:
    """The disagreement matrix of a shadow run."""
    from llm_pipeline.db.connection import connect, resolve_url
    from llm_pipeline.replay.errors import ReplayError
    from llm_pipeline.replay.shadow_view import view_run

    settings = usable_settings()
    with _embedded(settings), connect(resolve_url(settings)) as conn:
        try:
            view = view_run(conn, run_id)
        except ReplayError as error:
            fail(str(error))
    if as_json:
        click.echo(json.dumps(view.as_json()))
    else:
        _print(view.lines())


@main.group()
def lake() -> None:
    """Stored requests and answers of model calls."""


@lake.command("fsck")
@click.option("--strict", is_flag=True, help="Files without a row are a failure too.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@reported
def lake_fsck(strict: bool, as_json: bool) -> None:
    """Read every artifact and compare it with its recorded hash; list missing, changed and orphaned files."""
    from llm_pipeline.db.connection import connect, resolve_url
    from llm_pipeline.llm.lake import Lake, LakeError
    from llm_pipeline.replay.lake_check import check_lake

    settings = usable_settings()
    with _embedded(settings), connect(resolve_url(settings)) as conn:
        try:
            report = check_lake(conn, Lake(settings.lake), say)
        except LakeError as error:
            fail(str(error))
    if as_json:
        click.echo(json.dumps(report.as_json()))
    else:
        _print(f"{one.kind}: {one.place}: {one.detail}" for one in report.listed)
        click.echo(report.line())
    if report.damaged:
        fail(f"{report.damaged} of {report.artifacts} artifacts in {report.lake} are missing or changed")
    if strict and report.stray:
        fail(f"{report.stray} files in {report.lake} belong to no row of llm_artifacts")


def _shadow_json(report: ShadowReport, status: str) -> dict[str, Any]:
    plan = report.plan
    return {
        "id": plan.run_id,
        "outcome": status,
        "interrogation": plan.candidate.key,
        "candidate_model": plan.candidate.model,
        "candidate_version": plan.candidate.version,
        "estimate": plan.estimate.as_json(),
        "refused": plan.refused,
        "model_calls": report.calls,
        "cache_hits": report.cache_hits,
        "cost_usd": report.cost_usd,
        "failures": report.failures,
        "stopped": report.stopped,
    }


def _print(lines: Iterable[str]) -> None:
    """Lines that may hold a model's words: what would steer a terminal is shown as U+FFFD."""
    for line in lines:
        click.echo("".join(one if one.isprintable() else "\ufffd" for one in line))
