"""When `validation_status` runs by itself: the hourly schedule and the sensor for new disclosures."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

import dagster as dg

from llm_pipeline.defs.resources import PostgresResource
from llm_pipeline.defs.switch import schedule_status, sensor_status
from llm_pipeline.defs.validation.checks import ASSET
from llm_pipeline.partitions import FIRST_DAY
from llm_pipeline.settings import load_settings
from llm_pipeline.validation.arrivals import Cursor, read_arrivals
from llm_pipeline.validation.planning import DayWindow, plan_windows
from llm_pipeline.validation.store import pending_by_day

# One tick takes at most this many arrivals (a tick may last 60 s; reading 20,000 takes about 0.1 s); the next goes on.
ARRIVALS_PER_TICK = 20_000

validation_job = dg.define_asset_job(
    "validation",
    selection=[ASSET],
    description="Validates the pending disclosures of a window of days.",
)


def in_calendar(pending: Mapping[date, int], today: date) -> dict[date, int]:
    """The days that have a partition at the time of a tick; a request for another would fail the tick, and every later
    one with it."""
    return {day: count for day, count in pending.items() if date.fromisoformat(FIRST_DAY) <= day <= today}


def run_requests(
    windows: Sequence[DayWindow], key_prefix: str, assets: Sequence[str] | None = None
) -> list[dg.RunRequest]:
    """One run a window, and ever only one for the same prefix and window; of the job's assets all or those named."""
    selection = None if assets is None else [dg.AssetKey(name) for name in assets]
    requests = []
    for window in windows:
        run_key = f"{key_prefix}:{window.key}"
        if window.start == window.last:
            requests.append(dg.RunRequest(run_key=run_key, partition_key=str(window.start), asset_selection=selection))
        else:
            tags = {
                "dagster/asset_partition_range_start": str(window.start),
                "dagster/asset_partition_range_end": str(window.last),
            }
            requests.append(dg.RunRequest(run_key=run_key, tags=tags, asset_selection=selection))
    return requests


def due_windows(recent: dict[date, int], pending: dict[date, int], cap: int) -> list[DayWindow]:
    """Days with recent arrivals, then older pending days, oldest first, up to the cap; pure.

    While there is room at all, one older day goes along even if it is larger: it would wait for ever otherwise.
    """
    first = plan_windows({day: pending.get(day, count) for day, count in recent.items()}, cap=cap)
    taken = sum(window.disclosures for window in first)
    older = {
        day: count for day, count in pending.items() if not any(window.start <= day <= window.last for window in first)
    }
    rest = plan_windows(older, cap=cap - taken) if taken < cap else []
    return sorted([*first, *rest])


@dg.schedule(
    name="validation_hourly",
    job=validation_job,
    cron_schedule="30 * * * *",
    execution_timezone="UTC",
    default_status=schedule_status(),
    description="Validates what was ingested in the last hours and whatever older is still pending.",
)
def validation_hourly(
    context: dg.ScheduleEvaluationContext, postgres: PostgresResource
) -> list[dg.RunRequest] | dg.SkipReason:
    """Runs for the days with recent arrivals, then for older pending days up to the cap."""
    settings = load_settings()
    since = context.scheduled_execution_time - timedelta(hours=settings.validation_lookback_hours)
    with postgres.connect() as conn:
        recent, everything = pending_by_day(conn, ingested_after=since), pending_by_day(conn)
    today = context.scheduled_execution_time.astimezone(UTC).date()
    pending = in_calendar(everything, today)
    outside = len(everything) - len(pending)
    if outside:
        context.log.warning(f"{outside} days with pending disclosures are outside the calendar and left out")
    windows = due_windows(in_calendar(recent, today), pending, settings.validation_run_cap)
    if not windows:
        return dg.SkipReason("no disclosure is pending")
    waiting = sum(pending.values()) - sum(window.disclosures for window in windows)
    if waiting > 0:
        context.log.info(f"{waiting} pending disclosures are left to the next run (cap reached)")
    return run_requests(windows, key_prefix=f"{context.scheduled_execution_time:%Y-%m-%dT%H:%M}")


@dg.sensor(
    name="new_disclosures",
    job=validation_job,
    minimum_interval_seconds=30,
    default_status=sensor_status(),
    description="Validates the days of rows that are new in trading_disclosures, whoever wrote them.",
)
def new_disclosures(context: dg.SensorEvaluationContext, postgres: PostgresResource) -> dg.SensorResult | dg.SkipReason:
    """The cursor is the place in the order of ingestion, never a clock; one run key per batch and window."""
    with postgres.connect() as conn:
        arrivals = read_arrivals(conn, Cursor.parse(context.cursor), ARRIVALS_PER_TICK)
    if arrivals.seen == 0:
        return dg.SkipReason("no new disclosures")
    pending = in_calendar(arrivals.pending_by_day, datetime.now(UTC).date())
    outside = len(arrivals.pending_by_day) - len(pending)
    if outside:
        context.log.warning(f"{outside} days of new disclosures are outside the calendar and left out")
    windows = plan_windows(pending)
    if not windows:
        nothing = f"{arrivals.seen} new disclosures, none of them pending" + (" within the calendar" if outside else "")
        return dg.SensorResult(skip_reason=dg.SkipReason(nothing), cursor=str(arrivals.cursor))
    context.log.info(f"{arrivals.seen} new disclosures, {sum(pending.values())} of them pending")
    return dg.SensorResult(
        run_requests=run_requests(windows, key_prefix=str(arrivals.cursor)), cursor=str(arrivals.cursor)
    )
