"""The console script `llm-pipeline`: thin commands.

Exit codes: 0 done, 1 the work found a failure, 2 wrong usage. With `--json`, stdout holds one JSON object and nothing
else; everything for people goes to stderr.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import wraps
from pathlib import Path
from typing import Any, NoReturn, ParamSpec

import click
from pydantic import ValidationError

from llm_pipeline import local_stack
from llm_pipeline.settings import Settings, load_settings

Parameters = ParamSpec("Parameters")
DAY = click.DateTime(formats=["%Y-%m-%d"])


def say(text: str) -> None:
    """One line for a person, on stderr."""
    click.echo(text, err=True)


def fail(text: str) -> NoReturn:
    """The work found a failure: say it in one line, exit 1."""
    say(f"failed: {' '.join(text.split())}")
    sys.exit(1)


def usable_settings() -> Settings:
    """The settings, of which `DATABASE_URL` is an address at all; what libpq says otherwise repeats the password."""
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    from llm_pipeline.db.connection import libpq_url

    settings = load_settings()
    if settings.database_url is not None:
        try:
            conninfo_to_dict(libpq_url(settings.database_url.get_secret_value()))
        except ProgrammingError:
            raise click.UsageError(
                "DATABASE_URL is not an address such as postgresql://user:password@host:5432/database"
            ) from None
    return settings


def reported(command: Callable[Parameters, None]) -> Callable[Parameters, None]:
    """Turn the errors a user can do something about into one line each; anything else keeps its traceback."""

    @wraps(command)
    def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> None:
        import psycopg

        from llm_pipeline.db.migrations import MigrationError
        from llm_pipeline.disclosures.readers import SourceError
        from llm_pipeline.embedded.errors import EmbeddedPostgresError
        from llm_pipeline.llm.errors import LlmError
        from llm_pipeline.llm.prompts import PromptError
        from llm_pipeline.offline_model.process import OfflineModelStartError

        try:
            command(*args, **kwargs)
        except ValidationError as error:
            first = error.errors()[0]
            raise click.UsageError(f"{'.'.join(map(str, first['loc'])).upper()}: {first['msg']}") from error
        except psycopg.OperationalError as error:
            fail(f"the database does not answer: {error}. Check DATABASE_URL, or unset it for the embedded one")
        except (
            MigrationError,
            EmbeddedPostgresError,
            SourceError,
            LlmError,
            PromptError,
            OfflineModelStartError,
            local_stack.PortTakenError,
        ) as error:
            fail(str(error))

    return run


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="llm-pipeline")
def main() -> None:
    """Government trading disclosures to validated records, with every model answer checked by code."""


@main.command()
@click.option("--ui/--no-ui", default=True, help="Serve the Dagster UI after the batch part.")
@click.option("--port", default=local_stack.UI_PORT, show_default=True, help="Port of the UI on loopback.")
@reported
def demo(ui: bool, port: int) -> None:
    """Synthetic filings through the whole pipeline, everything embedded, then the UI."""
    from dotenv import dotenv_values

    from llm_pipeline.demo import run_demo

    settings = usable_settings()
    if settings.database_url is not None or "DATABASE_URL" in dotenv_values(local_stack.ENV_FILE):
        raise click.UsageError(
            "DATABASE_URL is set, and the demo writes invented people: unset it (.env counts too) to use the embedded "
            "database"
        )
    with _embedded(settings):
        summary = run_demo(settings, say)
        click.echo(summary.line)
        if not summary.ok:
            fail(summary.reason)
        if ui:
            _serve(local_stack.free_port(port))


@main.command()
@click.option("--port", default=local_stack.UI_PORT, show_default=True, help="Port of the UI on loopback.")
@reported
def up(port: int) -> None:
    """The Dagster UI and daemon on your data, with what is missing (PostgreSQL, model) embedded."""
    from llm_pipeline.db.connection import resolve_url
    from llm_pipeline.db.migrations import migrate

    settings = usable_settings()
    with _embedded(settings):
        local_stack.enter(settings)
        migrate(resolve_url(settings))
        _serve(local_stack.free_port(port))


@main.command()
@click.option("--quiet", is_flag=True, help="Say nothing.")
@reported
def down(quiet: bool) -> None:
    """Stop the embedded PostgreSQL of LLM_PIPELINE_HOME, if one runs."""
    from llm_pipeline.embedded.postgres import EmbeddedPostgres

    stopped = EmbeddedPostgres(load_settings().llm_pipeline_home).stop()
    if not quiet:
        say("PostgreSQL stopped" if stopped else "no embedded PostgreSQL was running")


@main.group()
def db() -> None:
    """The database schema."""


@db.command("migrate")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@reported
def db_migrate(as_json: bool) -> None:
    """Apply the migrations in sql/ that are not applied yet."""
    from llm_pipeline.db.connection import resolve_url
    from llm_pipeline.db.migrations import migrate

    settings = usable_settings()
    with _embedded(settings):
        applied = migrate(resolve_url(settings))
    if as_json:
        click.echo(json.dumps({"applied": [one.name for one in applied]}))
        return
    for one in applied:
        say(f"applied {one.name} in {one.milliseconds} ms")
    say(f"{len(applied)} applied" if applied else "nothing to apply: the schema is current")


@db.command("status")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@reported
def db_status(as_json: bool) -> None:
    """List the migrations and when each was applied; exit 1 when some are not."""
    from llm_pipeline.db.connection import resolve_url
    from llm_pipeline.db.migrations import status

    settings = usable_settings()
    with _embedded(settings):
        found = status(resolve_url(settings))
    if as_json:
        listed = [
            {"name": one.name, "applied_at": one.applied_at.isoformat() if one.applied_at else None} for one in found
        ]
        click.echo(json.dumps({"migrations": listed}))
    else:
        for one in found:
            click.echo(f"{one.name}  {one.applied_at.isoformat() if one.applied_at else 'not applied'}")
    if any(one.applied_at is None for one in found):
        sys.exit(1)


@db.command("url")
@reported
def db_url() -> None:
    """Print the connection string in use, starting the embedded server if that is the one."""
    from llm_pipeline.db.connection import resolve_url

    click.echo(resolve_url(usable_settings()))


@main.command("ingest")
@click.argument("source")
@click.argument("location")
@click.option("--start", type=DAY, help="First disclosure date; without it, the source's first.")
@click.option("--end", type=DAY, help="Last disclosure date; without it, the source's last.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@reported
def ingest_command(source: str, location: str, start: datetime | None, end: datetime | None, as_json: bool) -> None:
    """Read filings of SOURCE (senate_efd, house_stock_watcher, house_ptr) at LOCATION: a file, folder, glob or URL."""
    from llm_pipeline.disclosures.sources import SOURCES_OF

    chamber = next((name for name, sources in SOURCES_OF.items() if source in sources), None)
    if chamber is None:
        known = ", ".join(one for sources in SOURCES_OF.values() for one in sources)
        raise click.UsageError(f"no source is called {source!r}; there are {known}")
    if "://" not in location and not any(character in location for character in "*?[,"):
        location = str(Path(location).absolute())
    first, last = _ingest_window(source, location, start, end)
    asset = f"{chamber}_disclosures"
    _materialize([asset], first, last, as_json, {asset: {"location": f"{source}={location}"}})


@main.command()
@click.option("--start", type=DAY, required=True, help="First disclosure date.")
@click.option("--end", type=DAY, required=True, help="Last disclosure date.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@reported
def validate(start: datetime, end: datetime, as_json: bool) -> None:
    """Give every pending disclosure of a window a verdict."""
    _materialize(["validation_status"], start.date(), end.date(), as_json)


@main.group()
def gate() -> None:
    """The validation gate on its own."""


@gate.command("evaluate")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--template",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Prompt to ask with; without it, that of prompts/.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@reported
def gate_evaluate(file: Path, template: Path | None, as_json: bool) -> None:
    """Run the real gate on records of FILE (JSON lines), without the database; with labels, also measure it."""
    from llm_pipeline.llm.prompts import parse_prompt
    from llm_pipeline.validation.evaluation import EvaluationFileError, evaluate_file, summary_lines
    from llm_pipeline.validation.interrogation import KEY

    prompt = parse_prompt(template.read_bytes(), f"{KEY}.txt") if template else None
    try:
        result = evaluate_file(file, load_settings(), prompt)
    except EvaluationFileError as error:
        raise click.UsageError(str(error)) from error
    if as_json:
        click.echo(json.dumps(result.as_json()))
    else:
        for line in summary_lines(result):
            click.echo(line)
    if result.undecided:
        fail(f"{len(result.undecided)} records got no verdict; first: {result.undecided[0]}")


@contextmanager
def _embedded(settings: Settings) -> Iterator[None]:
    """Own the embedded PostgreSQL for the time of a command: whoever started it stops it, also on SIGTERM."""
    from llm_pipeline.embedded.postgres import EmbeddedPostgres

    if settings.database_url is not None:
        yield
        return
    with local_stack.orderly_end(), EmbeddedPostgres(settings.llm_pipeline_home).running():
        yield


def _serve(port: int) -> None:
    say(f"Dagster UI: http://{local_stack.LOOPBACK}:{port}  (Ctrl-C stops it)")
    code = local_stack.serve_ui(port)
    if code:
        fail(f"the Dagster UI ended with exit code {code}")


def _ingest_window(source: str, location: str, start: datetime | None, end: datetime | None) -> tuple[date, date]:
    from llm_pipeline.disclosures.readers import reader_for
    from llm_pipeline.partitions import FIRST_DAY

    today = datetime.now(UTC).date()
    if start and end:
        return start.date(), end.date()
    days = [
        filing.disclosure_date
        for filing in reader_for(source).filings(location)
        if filing.disclosure_date and date.fromisoformat(FIRST_DAY) <= filing.disclosure_date <= today
    ]
    if not days:
        return (start.date() if start else today - timedelta(days=1)), (end.date() if end else today)
    return (start.date() if start else min(days)), (end.date() if end else max(days))


def _materialize(
    assets: list[str],
    first: date,
    last: date,
    as_json: bool,
    config: dict[str, dict[str, Any]] | None = None,
    *,
    calendar: Any = None,
) -> None:
    from llm_pipeline.db.connection import resolve_url
    from llm_pipeline.db.migrations import migrate

    if last < first:
        raise click.UsageError(f"--end {last} is before --start {first}")
    settings = usable_settings()
    with _embedded(settings):
        local_stack.enter(settings)
        migrate(resolve_url(settings))
        from llm_pipeline.defs.launch import UnknownDayError, materialize_window
        from llm_pipeline.partitions import daily

        say(f"{', '.join(assets)}: {first} to {last}")
        try:
            outcome = materialize_window(assets, first, last, config=config, calendar=calendar or daily)
        except UnknownDayError as error:
            raise click.UsageError(str(error)) from error
    if as_json:
        click.echo(
            json.dumps(
                {
                    "run_id": outcome.run_id,
                    "success": outcome.success,
                    "error": outcome.error,
                    "failed_checks": list(outcome.failed_checks),
                    "metadata": outcome.metadata,
                },
                default=str,
            )
        )
    else:
        for asset, metadata in outcome.metadata.items():
            numbers = ", ".join(
                f"{k} {v}" for k, v in metadata.items() if isinstance(v, int | float | str) and len(str(v)) < 200
            )
            click.echo(f"{asset}: {numbers}")
    if outcome.trace:
        say(outcome.trace)
    if not outcome.success:
        fail(outcome.error or f"blocking checks failed: {', '.join(outcome.failed_checks)}")
    if outcome.failed_checks:
        fail(f"checks failed: {', '.join(outcome.failed_checks)}")


import llm_pipeline.anomalies_cli  # noqa: E402  at the end, because its commands use what is defined above
import llm_pipeline.feedback_cli  # noqa: E402
import llm_pipeline.jobs_cli  # noqa: E402
import llm_pipeline.lineage_cli  # noqa: E402
import llm_pipeline.prompts_cli  # noqa: E402
import llm_pipeline.recommendations_cli  # noqa: E402
import llm_pipeline.replay_cli  # noqa: E402
import llm_pipeline.review_cli  # noqa: E402, F401
