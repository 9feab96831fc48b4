"""When decisions of people set something going: `review_released`, and the daily look at what waits."""

from datetime import UTC, date, datetime

import dagster as dg

from llm_pipeline.defs.anomalies.automation import anomalies_job
from llm_pipeline.defs.anomalies.names import TRADING
from llm_pipeline.defs.resources import PostgresResource
from llm_pipeline.defs.review.assets import QUEUE
from llm_pipeline.defs.switch import schedule_status, sensor_status
from llm_pipeline.defs.validation.automation import in_calendar, run_requests
from llm_pipeline.review.released import Released, read_released
from llm_pipeline.validation.arrivals import Cursor
from llm_pipeline.validation.planning import plan_windows

# A tick may last 60 s; people decide less than this in a day.
DECISIONS_PER_TICK = 1_000

review_job = dg.define_asset_job(
    "review", selection=[QUEUE], description="Counts what waits for a person, and since when."
)

review_daily = dg.ScheduleDefinition(
    name="review_daily",
    job=review_job,
    cron_schedule="0 6 * * *",
    execution_timezone="UTC",
    default_status=schedule_status(),
    description="What waits for a person, counted every morning.",
)


def released_runs(released: Released, today: date) -> tuple[list[dg.RunRequest], list[date]]:
    """The runs that decisions ask for, and the days among them that have no partition; pure.

    Days of rejected or approved records are detected again as a whole; an approved signal asks for its trading signals
    alone, unless its day is detected again anyway.
    """
    published = {day: count for day, count in released.trading_signals.items() if day not in released.anomalies}
    asked = dict.fromkeys([*released.anomalies, *published], 1)
    detected = plan_windows(in_calendar(released.anomalies, today))
    written = plan_windows(in_calendar(published, today))
    requests = [
        *run_requests(detected, f"{released.cursor}:anomalies"),
        *run_requests(written, f"{released.cursor}:{TRADING}", [TRADING]),
    ]
    return requests, sorted(set(asked) - set(in_calendar(asked, today)))


@dg.sensor(
    name="review_released",
    job=anomalies_job,
    minimum_interval_seconds=30,
    default_status=sensor_status(),
    description="Runs what decisions of people release: detection for the days of records that were approved or "
    "rejected, trading signals for signals that were approved.",
)
def review_released(context: dg.SensorEvaluationContext, postgres: PostgresResource) -> dg.SensorResult | dg.SkipReason:
    """The cursor is the place in the order of decisions, never a clock; one run key per batch and window."""
    with postgres.connect() as conn:
        released = read_released(conn, Cursor.parse(context.cursor), DECISIONS_PER_TICK)
    if not released.decisions:
        return dg.SkipReason("no new decisions")
    requests, outside = released_runs(released, datetime.now(UTC).date())
    if outside:
        context.log.warning(f"days of decisions outside the calendar are left out: {', '.join(map(str, outside))}")
    context.log.info(f"{released.decisions} new decisions ask for {len(requests)} runs")
    return dg.SensorResult(run_requests=requests, cursor=str(released.cursor))
