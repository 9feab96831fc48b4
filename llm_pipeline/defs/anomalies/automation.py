"""When detection runs by itself: every night for yesterday, and for days whose trades were validated late."""

from datetime import date, timedelta

import dagster as dg

from llm_pipeline.anomalies.store import unevaluated_by_day
from llm_pipeline.defs.anomalies.names import BASELINES, CANDIDATES, SIGNALS, TRADING
from llm_pipeline.defs.resources import PostgresResource
from llm_pipeline.defs.switch import schedule_status
from llm_pipeline.defs.validation.automation import run_requests
from llm_pipeline.validation.planning import DayWindow, plan_windows

# Days further back are a matter for a backfill, which a person starts.
CATCH_UP_DAYS = 45

anomalies_job = dg.define_asset_job(
    "anomalies",
    selection=[BASELINES, CANDIDATES, SIGNALS, TRADING],
    description="Detects anomalies as of a window of days.",
)


def due_windows(yesterday: date, waiting: dict[date, int]) -> list[DayWindow]:
    """Yesterday, and the earlier days whose trades were never evaluated, oldest first; pure."""
    recent = {
        day: count for day, count in waiting.items() if yesterday - timedelta(days=CATCH_UP_DAYS) <= day <= yesterday
    }
    return plan_windows({**recent, yesterday: max(1, recent.get(yesterday, 0))})


@dg.schedule(
    name="anomalies_daily",
    job=anomalies_job,
    cron_schedule="0 1 * * *",
    execution_timezone="UTC",
    default_status=schedule_status(),
    description="Yesterday's as-of date, and earlier ones whose trades were validated since.",
)
def anomalies_daily(context: dg.ScheduleEvaluationContext, postgres: PostgresResource) -> list[dg.RunRequest]:
    """One run for yesterday, with the days before it that wait for their first evaluation."""
    today = context.scheduled_execution_time.date()
    with postgres.connect() as conn:
        waiting = unevaluated_by_day(conn, today)
    windows = due_windows(today - timedelta(days=1), waiting)
    return run_requests(windows, key_prefix=context.scheduled_execution_time.isoformat())
