"""The commands about provenance: `lineage verify` and `audit`. Thin; `cli.py` adds them."""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import UTC, datetime

import click

from llm_pipeline.cli import _embedded, fail, main, reported, say, usable_settings

SHOWN = 20


@main.group()
def lineage() -> None:
    """Where disclosures come from, and whether that can be proved."""


@lineage.command("verify")
@click.argument("disclosure_ids", nargs=-1, metavar="[ID]...")
@click.option("--all", "everything", is_flag=True, help="Every disclosure, filing and partition.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@reported
def verify(disclosure_ids: tuple[str, ...], everything: bool, as_json: bool) -> None:
    """Recompute chains, hashes, order, row and Merkle roots; name the first broken link of each. Exit 1 if any is."""
    from llm_pipeline.db.connection import connect, resolve_url
    from llm_pipeline.lineage.examine import UnknownDisclosureError
    from llm_pipeline.lineage.service import Helpers, verify_ids, verify_scope
    from llm_pipeline.lineage.store import Scope

    if everything == bool(disclosure_ids):
        raise click.UsageError("give ids, or --all for every disclosure")
    settings, now, began = usable_settings(), datetime.now(UTC), time.monotonic()
    with _embedded(settings):
        url = resolve_url(settings)
        with connect(url) as conn:
            if everything:
                helpers = Helpers(os.cpu_count() or 1, url)
                report = verify_scope(conn, Scope(), now=now, helpers=helpers, progress=_progress)
            else:
                try:
                    report = verify_ids(conn, disclosure_ids, now=now)
                except UnknownDisclosureError as error:
                    fail(str(error))
    seconds = round(time.monotonic() - began, 1)
    if as_json:
        click.echo(json.dumps({**report.as_json(), "seconds": seconds}))
    else:
        for identifier, broken in list(report.breaks.items())[:SHOWN]:
            click.echo(f"{identifier}: {broken}")
        for broken in report.shared[:SHOWN]:
            click.echo(str(broken))
        left = max(0, len(report.breaks) - SHOWN) + max(0, len(report.shared) - SHOWN)
        if left:
            click.echo(f"and {left} more: --json names all")
        click.echo(f"{report.line} ({seconds} s)")
    if not report.holds:
        fail(f"{len(report.breaks)} disclosures and {len(report.shared)} accounts of filings or partitions are broken")


def _progress(done: int, total: int) -> None:
    if sys.stderr.isatty():
        say(f"{done} of {total} disclosures")


@main.command()
@click.argument("disclosure_id")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@reported
def audit(disclosure_id: str, as_json: bool) -> None:
    """Verify one disclosure and have a model report on its provenance, now. Exit 1 if it is broken or has no report."""
    import asyncio

    from llm_pipeline.interrogations.lineage_audit.report_lines import report_lines
    from llm_pipeline.lineage.auditing import audit_now

    settings = usable_settings()
    with _embedded(settings):
        done = asyncio.run(audit_now(settings, disclosure_id, now=datetime.now(UTC)))
    if done.report is None:
        fail(done.reason)
    if as_json:
        click.echo(json.dumps(done.report, default=str))
    else:
        for line in report_lines(done.report):
            click.echo(line)
    if done.report["status"] == "broken":
        fail(f"the provenance of {disclosure_id} is broken: {done.report['findings']['first_break']}")
