"""When the feedback loop runs by itself: every Sunday for the week that just ended."""

from datetime import timedelta

import dagster as dg

from llm_pipeline.defs.feedback.names import OUTCOMES, RECOMMENDATIONS, SCORECARDS
from llm_pipeline.defs.switch import schedule_status

feedback_job = dg.define_asset_job(
    "feedback",
    selection=[OUTCOMES, SCORECARDS, RECOMMENDATIONS],
    description="Brings outcomes and scorecards up to the end of a week, and asks what to change.",
)


@dg.schedule(
    name="feedback_weekly",
    job=feedback_job,
    cron_schedule="0 2 * * 0",
    execution_timezone="UTC",
    default_status=schedule_status(),
    description="The week that ended with yesterday's Saturday.",
)
def feedback_weekly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """One run for the week before the Sunday on which it runs."""
    week = context.scheduled_execution_time.date() - timedelta(days=7)
    return dg.RunRequest(run_key=f"feedback {week}", partition_key=str(week))
