"""The commands about versions of prompts: `prompts list|show|diff|add|check|evaluate|activate|rollback|case`. Thin."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from psycopg import Connection

from llm_pipeline.cli import _embedded, fail, main, reported, say, usable_settings
from llm_pipeline.settings import Settings, project_folder

AS_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def _signed(command: Callable[..., None]) -> Callable[..., None]:
    """Who decided, and why: kept for ever."""
    command = click.option("--why", required=True, help="Why, for the record.")(command)
    return click.option("--by", required=True, help="Who decides, for the record.")(command)


def _now() -> datetime:
    return datetime.now(UTC)


@contextmanager
def _registry() -> Iterator[tuple[Connection[Any], str, Settings]]:
    """The database, migrated, with the versions of the files in `prompts/` registered."""
    from llm_pipeline.db.connection import connect, resolve_url
    from llm_pipeline.db.migrations import migrate
    from llm_pipeline.llm.prompt_versions import register_prompts
    from llm_pipeline.llm.prompts import load_prompts
    from llm_pipeline.prompt_registry.subjects import SUBJECTS

    settings = usable_settings()
    files = load_prompts(project_folder("prompts")).values()
    with _embedded(settings):
        url = resolve_url(settings)
        migrate(url)
        with connect(url, autocommit=True) as conn:
            for examined in (True, False):
                given = [one for one in files if (one.key in SUBJECTS) == examined]
                register_prompts(conn, given, _now(), examined=examined)
            yield conn, url, settings


@main.group()
def prompts() -> None:
    """Versions of prompts: what production asks with, and what may replace it."""


@prompts.command("list")
@click.argument("key", required=False)
@AS_JSON
@reported
def list_prompts(key: str | None, as_json: bool) -> None:
    """Every version of every prompt (or of KEY), with its state and the verdict of its newest evaluation."""
    from llm_pipeline.prompt_registry.store import read_history, read_versions

    with _registry() as (conn, _, _):
        versions = read_versions(conn, key)
        history = [one for name in sorted({v.interrogation for v in versions}) for one in read_history(conn, name)]
    if key is not None and not versions:
        fail(f"no version of {key} is registered")
    if as_json:
        value = {"versions": [asdict(one) for one in versions], "activations": [asdict(one) for one in history]}
        click.echo(json.dumps(value, default=str))
        return
    for one in versions:
        told = [one.origin, *([f"from {one.recommendation_id}"] if one.recommendation_id else [])]
        told += [f"evaluation {one.evaluation_id}: {one.verdict}"] if one.evaluation_id else []
        click.echo(f"{one.interrogation:18} {one.version:8} {one.status:10} {', '.join(told)}")
    for change in history:
        before = f" instead of {change.previous_version}" if change.previous_version else ""
        click.echo(
            f"{change.activated_at:%Y-%m-%d %H:%M} {change.interrogation} {change.version}{before}: {change.kind} by "
            f"{change.activated_by}, {change.why}"
        )


@prompts.command("show")
@click.argument("key")
@click.argument("version")
@AS_JSON
@reported
def show_prompt(key: str, version: str, as_json: bool) -> None:
    """The text of one version, as it is stored."""
    from llm_pipeline.llm.prompt_versions import stored_template
    from llm_pipeline.prompt_registry.store import read_evaluations

    with _registry() as (conn, _, _):
        template = stored_template(conn, key, version)
        evaluations = read_evaluations(conn, key, version)
    if as_json:
        told = {"interrogation": key, "version": version, "sha256": template.sha256, "template": template.text}
        click.echo(json.dumps(told | {"evaluations": [asdict(one) for one in evaluations]}, default=str))
    else:
        click.echo(template.text, nl=False)


@prompts.command("diff")
@click.argument("key")
@click.argument("version")
@click.argument("other", required=False)
@reported
def diff_prompts(key: str, version: str, other: str | None) -> None:
    """What VERSION changes in OTHER, or else in the active version."""
    from difflib import unified_diff

    from llm_pipeline.llm.prompt_versions import active_template, stored_template

    with _registry() as (conn, _, _):
        new = stored_template(conn, key, version)
        old = stored_template(conn, key, other) if other else active_template(conn, key)
    names = f"{key} {old.version}", f"{key} {new.version}"
    for line in unified_diff(old.text.splitlines(), new.text.splitlines(), *names, lineterm="", n=1):
        click.echo(line)


@prompts.command("add")
@click.argument("file", type=FILE)
@click.option("--from-recommendation", "recommendation_id", help="Id of the approved recommendation it carries out.")
@_signed
@AS_JSON
@reported
def add_prompt(file: Path, recommendation_id: str | None, by: str, why: str, as_json: bool) -> None:
    """Register the template in FILE as a candidate; production goes on with the active version."""
    from llm_pipeline.llm.prompt_versions import add_candidate

    with _registry() as (conn, _, _):
        added = add_candidate(
            conn,
            file.read_bytes().decode("utf-8", "surrogateescape"),
            origin="recommendation" if recommendation_id else "variant",
            by=by,
            why=why,
            now=_now(),
            recommendation_id=recommendation_id,
        )
    if as_json:
        click.echo(json.dumps(asdict(added)))
    else:
        click.echo(
            f"{added.interrogation} {added.version} is a candidate; "
            f"next: llm-pipeline prompts evaluate {added.interrogation} {added.version}"
        )


@prompts.command("check")
@click.option("--record", is_flag=True, help="Add versions that are not recorded yet.")
@reported
def check_prompts(record: bool) -> None:
    """Compare the files in prompts/ with versions.json, without the database; exit 1 for a text without new version."""
    from llm_pipeline.prompt_registry.manifest import check_manifest, record_versions

    folder = project_folder("prompts")
    for one in record_versions(folder) if record else ():
        say(f"recorded {one.key} {one.version}")
    found = check_manifest(folder)
    if found.changed or found.unrecorded:
        fail(" ".join([*found.changed, *found.unrecorded]))
    say("every template is recorded under its version")


@prompts.command("evaluate")
@click.argument("key")
@click.argument("version")
@click.option("--against", help="Version to compare with; without it, the active one.")
@click.option("--repeats", type=click.IntRange(1, 100), default=3, show_default=True, help="Times each case is asked.")
@click.option("--set", "files", type=FILE, multiple=True, help="A further labelled set (gate evaluate's format).")
@click.option("--model", help="Model to ask; without it, the one that production asks.")
@AS_JSON
@reported
def evaluate_prompt(
    key: str, version: str, against: str | None, repeats: int, files: tuple[Path, ...], model: str | None, as_json: bool
) -> None:
    """Ask about all labelled cases with VERSION and with the active one; exit 1 unless shown to be no worse."""
    from llm_pipeline.prompt_registry.evaluation import SameVersionError, evaluate_version
    from llm_pipeline.prompt_registry.examination import LabelledSetError, NoExaminationError
    from llm_pipeline.prompt_registry.report import as_json as shown
    from llm_pipeline.prompt_registry.report import summary_lines

    with _registry() as (conn, _, settings):
        try:
            found = evaluate_version(
                conn,
                settings,
                key,
                version,
                now=_now(),
                against=against,
                repeats=repeats,
                files=files,
                model=model,
                progress=say,
            )
        except (SameVersionError, LabelledSetError, NoExaminationError) as error:
            raise click.UsageError(str(error)) from error
    if as_json:
        click.echo(json.dumps(shown(found)))
    else:
        for line in summary_lines(found):
            click.echo(line)
    if found.comparison.verdict != "passed":
        fail(f"{key} {version} was not shown to be no worse than {found.against}")


@prompts.command("activate")
@click.argument("key")
@click.argument("version")
@click.option("--evaluation", "evaluation_id", help="Evaluation to rest on; without it, the newest that will do.")
@_signed
@AS_JSON
@reported
def activate_prompt(key: str, version: str, evaluation_id: str | None, by: str, why: str, as_json: bool) -> None:
    """Let production ask with VERSION; refused without a passed evaluation against what is active now."""
    from llm_pipeline.prompt_registry.activation import ActivationRefusedError, activate
    from llm_pipeline.prompt_registry.examination import NoExaminationError

    with _registry() as (conn, _, settings):
        try:
            change = activate(conn, settings, key, version, by=by, why=why, now=_now(), evaluation_id=evaluation_id)
        except (ActivationRefusedError, NoExaminationError) as error:
            fail(str(error))
    _tell(change, as_json)


@prompts.command("rollback")
@click.argument("key")
@_signed
@AS_JSON
@reported
def roll_back_prompt(key: str, by: str, why: str, as_json: bool) -> None:
    """Go back to the version that was active before the present one."""
    from llm_pipeline.prompt_registry.activation import NothingToRollBackError, roll_back
    from llm_pipeline.prompt_registry.examination import NoExaminationError

    with _registry() as (conn, _, _):
        try:
            change = roll_back(conn, key, by=by, why=why, now=_now())
        except (NoExaminationError, NothingToRollBackError) as error:
            fail(str(error))
    _tell(change, as_json)


def _tell(change: Any, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(asdict(change), default=str))
    else:
        click.echo(f"{change.interrogation} {change.version} is active instead of {change.previous_version}")


@prompts.group("case")
def case() -> None:
    """Labelled cases from reviewed disagreements with the gate."""


@case.command("add")
@click.argument("which")
@click.option(
    "--verdict", type=click.Choice(["pass", "flag", "reject"]), help="For a disclosure that nobody has reviewed."
)
@click.option("--by", help="Who says so; without it, the reviewer.")
@click.option("--why", help="Why; without it, the reviewer's reason.")
@AS_JSON
@reported
def add_labelled_case(which: str, verdict: str | None, by: str | None, why: str | None, as_json: bool) -> None:
    """Keep a disagreement as a labelled case. WHICH: a review decision, or a disclosure."""
    from llm_pipeline.prompt_registry.cases import NoDisagreementError, NoSuchDecisionError, add_case

    with _registry() as (conn, url, _):
        try:
            added = add_case(conn, url, which, now=_now(), verdict=verdict, by=by, why=why)
        except (NoDisagreementError, NoSuchDecisionError) as error:
            fail(str(error))
    if as_json:
        click.echo(json.dumps(asdict(added)))
        return
    click.echo(f"{added.case_id}: {added.verdict} is right" + ("" if added.new else "; the case was there already"))
    if added.settled_by_rules:
        say("the rules alone go beyond this verdict, so no prompt can get it right: the rules are to be looked at")


@case.command("withdraw")
@click.argument("case_id")
@_signed
@reported
def withdraw_labelled_case(case_id: str, by: str, why: str) -> None:
    """Take a case with a wrong label out of later evaluations."""
    from llm_pipeline.prompt_registry.cases import NoSuchDecisionError, withdraw

    with _registry() as (conn, _, _):
        try:
            withdraw(conn, case_id, by=by, why=why, now=_now())
        except NoSuchDecisionError as error:
            fail(str(error))
    click.echo(f"{case_id} is withdrawn")


@case.command("list")
@click.argument("key", default="validation_gate")
@AS_JSON
@reported
def list_labelled_cases(key: str, as_json: bool) -> None:
    """The labelled cases in force."""
    from llm_pipeline.prompt_registry.store import read_cases

    with _registry() as (conn, _, _):
        cases = read_cases(conn, key)
    if as_json:
        click.echo(json.dumps({"cases": [asdict(one) for one in cases]}))
        return
    for one in cases:
        click.echo(f"{one.case_id}  {one.label['expected']:7} by {one.created_by}: {one.why}")
