"""The command `feedback`. Thin; `cli.py` adds it."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from llm_pipeline.cli import DAY, _materialize, main, reported

FEEDBACK = ["signal_outcomes", "scorecards", "prompt_recommendations"]


@main.command()
@click.option("--start", type=DAY, required=True, help="A day of the first week.")
@click.option("--end", type=DAY, required=True, help="A day of the last week.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@reported
def feedback(start: datetime, end: datetime, as_json: bool) -> None:
    """Outcomes, scorecards and recommendations for the weeks of a window that are over, in one run."""
    from llm_pipeline.feedback.rules import FeedbackRulesError, rules_of
    from llm_pipeline.partitions import finished_weeks, weekly
    from llm_pipeline.settings import load_settings

    if end < start:
        raise click.UsageError("--end is before --start")
    try:
        rules_of(load_settings())
    except FeedbackRulesError as error:
        raise click.UsageError(str(error)) from error
    weeks = finished_weeks(start.date(), end.date(), datetime.now(UTC).date())
    if weeks is None:
        raise click.UsageError(
            f"no week (Sunday to Saturday, UTC) of {start:%Y-%m-%d} to {end:%Y-%m-%d} is over: give an earlier --start"
        )
    _materialize(FEEDBACK, *weeks, as_json, calendar=weekly)
