"""The commands `recommendations list|propose|chain`. Thin; `cli.py` adds them."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from llm_pipeline.cli import _embedded, fail, main, reported, usable_settings


@main.group()
def recommendations() -> None:
    """What a model proposes to change, and what became of it."""


@recommendations.command("list")
@click.option("--all", "every", is_flag=True, help="Also what was rejected, applied or superseded.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@reported
def list_command(every: bool, as_json: bool) -> None:
    """List recommendations, the newest period first."""
    from llm_pipeline.db.connection import connect, resolve_url
    from llm_pipeline.recommendations.service import list_recommendations

    settings = usable_settings()
    with _embedded(settings), connect(resolve_url(settings)) as conn:
        rows = list_recommendations(conn, open_only=not every)
    if as_json:
        click.echo(json.dumps({"recommendations": rows}, default=str))
        return
    for row in rows:
        click.echo(
            f"{row['recommendation_id'] or row['feedback_id']}  {row['analysis_period_end']}  {row['status']}  "
            f"{row['target_prompt'] or '-'}  {row['change_type'] or '-'}  "
            f"{row['description'] or 'no change of a prompt'}"
        )
    if not rows:
        click.echo("no recommendations" if every else "no open recommendations")


@recommendations.command()
@click.argument("recommendation_id")
@click.option("--by", required=True, help="Who proposes the version.")
@click.option("--why", required=True, help="Why.")
@click.option(
    "--template",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The edited template, where the change is more than a sentence to add.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@reported
def propose(recommendation_id: str, by: str, why: str, template: Path | None, as_json: bool) -> None:
    """Make a candidate version of a prompt from an approved recommendation."""
    from llm_pipeline.db.connection import connect, resolve_url
    from llm_pipeline.recommendations.proposal import ProposalError
    from llm_pipeline.recommendations.service import UnknownRecommendationError
    from llm_pipeline.recommendations.service import propose as make

    settings = usable_settings()
    text = template.read_text(encoding="utf-8") if template else None
    try:
        with _embedded(settings), connect(resolve_url(settings)) as conn:
            made = make(conn, recommendation_id, by=by, why=why, now=datetime.now(UTC), template_text=text)
    except (ProposalError, UnknownRecommendationError) as error:
        fail(str(error))
    if as_json:
        click.echo(json.dumps({"recommendation_id": recommendation_id, **asdict(made)}))
        return
    click.echo(f"{made.interrogation} {made.version} is a candidate now")
    click.echo(f"next: llm-pipeline prompts evaluate {made.interrogation} {made.version}")


@recommendations.command()
@click.argument("recommendation_id")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@reported
def chain(recommendation_id: str, as_json: bool) -> None:
    """Show the chain from the model's call to the measured effect."""
    from llm_pipeline.db.connection import connect, resolve_url
    from llm_pipeline.recommendations.service import UnknownRecommendationError
    from llm_pipeline.recommendations.service import chain as links

    settings = usable_settings()
    try:
        with _embedded(settings), connect(resolve_url(settings)) as conn:
            steps = links(conn, recommendation_id)
    except UnknownRecommendationError as error:
        fail(str(error))
    if as_json:
        click.echo(json.dumps({"chain": [asdict(step) for step in steps]}, default=str))
        return
    for step in steps:
        when = f"{step.at:%Y-%m-%d %H:%M}" if step.at else ""
        click.echo(f"{step.step:18} {step.id}  {when}  {step.by or ''}  {step.detail}")
