"""The commands about anomalies: `detect`, `anomalies evaluate`, `evidence`. Thin; `cli.py` adds them."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import click

from llm_pipeline.cli import DAY, _embedded, _materialize, fail, main, reported, say
from llm_pipeline.settings import load_settings

DETECTION = ["baseline_stats", "anomaly_candidates", "anomaly_signals", "trading_signals"]


@main.command()
@click.option("--start", type=DAY, required=True, help="First as-of date.")
@click.option("--end", type=DAY, required=True, help="Last as-of date.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@reported
def detect(start: datetime, end: datetime, as_json: bool) -> None:
    """Baselines, candidates and signals as of each day of a window, in one run."""
    if end < start:
        raise click.UsageError("--end is before --start")
    _materialize(DETECTION, start.date(), end.date(), as_json)


@main.group()
def anomalies() -> None:
    """Detection on its own."""


@anomalies.command("evaluate")
@click.argument("trades", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("labels", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--reference",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with congress/ and reference/; without it, what the database has, if there is one.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@reported
def anomalies_evaluate(trades: Path, labels: Path, folder: Path | None, as_json: bool) -> None:
    """Walk through TRADES (JSON lines) as they became public and measure the alerts against LABELS."""
    from llm_pipeline.anomalies.evaluation import EvaluationFileError, evaluate_files, summary_lines

    try:
        result = evaluate_files(trades, labels, _reference(folder))
    except EvaluationFileError as error:
        raise click.UsageError(str(error)) from error
    if as_json:
        click.echo(json.dumps(result.as_json()))
    else:
        for line in summary_lines(result):
            click.echo(line)


@main.command()
@click.argument("signal_id")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder for the two files."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@reported
def evidence(signal_id: str, out: Path, as_json: bool) -> None:
    """Write what stands behind a signal: one HTML page and one JSON file, each complete in itself."""
    from llm_pipeline.anomalies.bundle import UnknownSignalError, read_bundle
    from llm_pipeline.anomalies.evidence_page import write_bundle
    from llm_pipeline.db.connection import connect, resolve_url

    settings = load_settings()
    with _embedded(settings), connect(resolve_url(settings)) as conn:
        try:
            bundle = read_bundle(conn, signal_id, now=datetime.now(UTC))
        except UnknownSignalError as error:
            fail(str(error))
    written = write_bundle(bundle, out)
    if as_json:
        click.echo(json.dumps({"signal_id": signal_id, "files": [str(file) for file in written]}))
    else:
        for file in written:
            click.echo(str(file))


def _reference(folder: Path | None) -> Any:
    from llm_pipeline.db.connection import connect, resolve_url
    from llm_pipeline.reference.asof import Reference
    from llm_pipeline.reference.folder import load_reference
    from llm_pipeline.reference.read import read_reference

    if folder is not None:
        return load_reference(folder, prices=False)
    settings = load_settings()
    if settings.database_url is None and not (settings.llm_pipeline_home / "postgres").exists():
        say("no reference data: neither --reference nor a database; committees, calendar and sectors stay unknown")
        return Reference()
    with _embedded(settings), connect(resolve_url(settings)) as conn, conn.cursor() as cur:
        row = cur.execute("SELECT to_regclass('legislative_calendar') IS NOT NULL").fetchone()
        if not (row and row[0]):
            say("no reference data: the database has none; committees, calendar and sectors stay unknown")
            return Reference()
        return read_reference(cur, date.min, date.max, prices=False)
