"""The commands of review: `review list`, `show`, `approve`, `reject`. Thin; `cli.py` adds them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import click
from psycopg import Connection

from llm_pipeline.cli import _embedded, fail, main, reported, say, usable_settings
from llm_pipeline.review.item import KINDS, Decision, Item, Kind, ReviewError


@main.group()
def review() -> None:
    """What waits for a person: quarantined and flagged records, signals, recommendations."""


@review.command("list")
@click.option("--kind", type=click.Choice(KINDS), help="Only this kind.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="Most of each kind.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@reported
def review_list(kind: Kind | None, limit: int, as_json: bool) -> None:
    """What waits: the newest doubts about data and the surest signals first, then the oldest."""
    from llm_pipeline.review.queue import count_waiting, list_waiting

    with _database() as conn:
        counts = [one for one in count_waiting(conn) if kind in (None, one.kind)]
        found = list_waiting(conn, KINDS if kind is None else (kind,), limit=limit)
    if as_json:
        waiting = {one.kind: one.count for one in counts}
        click.echo(json.dumps({"waiting": waiting, "items": [one.as_json() for one in found]}))
        return
    for one in found:
        since = f"{one.since:%Y-%m-%d %H:%M}" if one.since else "unknown time"
        click.echo(f"{one.kind}  {one.item_id}  {since}  {_line(one.what)}")
    say(", ".join(f"{one.count} {one.kind}" for one in counts) + " waiting")


@review.command("show")
@click.argument("item", nargs=-1, required=True, metavar="[KIND] ID")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@reported
def review_show(item: tuple[str, ...], as_json: bool) -> None:
    """One item whole, with what was decided on it before."""
    from llm_pipeline.review.service import show

    kind, ids = _named(item)
    if len(ids) != 1:
        raise click.UsageError("show takes one id")
    with _database() as conn:
        try:
            found = show(conn, ids[0], kind)
        except ReviewError as error:
            fail(str(error))
    if as_json:
        click.echo(json.dumps(found.as_json(), default=str))
        return
    for line in _lines(found):
        click.echo(line)


def _decision(name: str, decision: Decision, told: str) -> None:
    @review.command(name, help=told)
    @click.argument("items", nargs=-1, required=True, metavar="[KIND] ID...")
    @click.option("--by", required=True, help="Who decides.")
    @click.option("--why", required=True, help="The reason; it is kept.")
    @click.option("--again", is_flag=True, help="Decide once more what was decided before; both decisions are kept.")
    @click.option("--seen", help="Hash that `show` told (8 digits or more): refuse when the item has changed since.")
    @click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
    @reported
    def command(items: tuple[str, ...], by: str, why: str, again: bool, seen: str | None, as_json: bool) -> None:
        _decide(items, decision, by=by, why=why, again=again, seen=seen, as_json=as_json)


_decision("approve", "approved", "Approve items: records are right, signals may be published, recommendations tried.")
_decision("reject", "rejected", "Reject items: records are not used, signals are not published.")


def _decide(
    items: tuple[str, ...], decision: Decision, *, by: str, why: str, again: bool, seen: str | None, as_json: bool
) -> None:
    from llm_pipeline.review.service import decide

    kind, ids = _named(items)
    if not by.strip() or not why.strip():
        raise click.UsageError("--by and --why must say something")
    if seen and len(ids) != 1:
        raise click.UsageError("--seen is of one item")
    done, refused = [], []
    with _database() as conn:
        for item_id in dict.fromkeys(ids):
            try:
                taken = decide(
                    conn, item_id, decision, by=by, why=why, now=datetime.now(UTC), kind=kind, again=again, seen=seen
                )
            except ReviewError as error:
                refused.append({"id": item_id, "reason": str(error)})
            else:  # committed: each decision stands for itself
                done.append(taken)
    if as_json:
        click.echo(json.dumps({"decided": [one.as_json() for one in done], "refused": refused}))
    else:
        for one in done:
            follows = f"; {one.releases} to run for {', '.join(map(str, one.days))}" if one.releases else ""
            gone = f"; withdrawn: {', '.join(one.withdrawn)}" if one.withdrawn else ""
            click.echo(f"{one.kind} {one.item_id} {one.decision}{gone}{follows}")
    for one_refused in refused:
        say(f"failed: {_line(one_refused['reason'])}")
    if refused:
        sys.exit(1)


def _named(words: tuple[str, ...]) -> tuple[Kind | None, tuple[str, ...]]:
    """The kind, where the first word is one, and the ids."""
    for kind in KINDS:
        if words[0] == kind:
            if len(words) == 1:
                raise click.UsageError(f"which {kind}? Name its id")
            return kind, words[1:]
    return None, words


@contextmanager
def _database() -> Iterator[Connection[Any]]:
    from llm_pipeline.db.connection import connect, resolve_url
    from llm_pipeline.db.migrations import migrate

    settings = usable_settings()
    with _embedded(settings):
        url = resolve_url(settings)
        migrate(url)
        with connect(url) as conn:
            yield conn


def _line(text: str) -> str:
    """Filers' text on one line of a terminal, without what would move its cursor."""
    return "".join(one if one.isprintable() else " " for one in text)


def _lines(item: Item) -> list[str]:
    lines = [f"{item.kind} {item.item_id}: {item.state}", f"seen: {item.content_sha256[:12]}"]
    if item.changed_since_decided:
        lines.append("it has changed since it was decided")
    for name, value in item.content.items():
        if value in (None, [], {}):
            continue
        lines.append(f"{name}:")
        lines += [f"  {one}" for one in _shown(value)]
    for one in item.history:
        lines.append(f"{one.decision} by {one.reviewed_by} at {one.reviewed_at:%Y-%m-%d %H:%M}Z: {one.why}")
    return [_line(one) for one in lines]


def _shown(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [f"{name}: {inner}" for name, inner in value.items() if inner is not None]
    if isinstance(value, list):
        return [json.dumps(one, ensure_ascii=False, default=str) for one in value]
    return str(value).splitlines()
