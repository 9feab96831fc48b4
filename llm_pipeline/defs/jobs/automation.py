"""When the queue is drained by itself: whenever jobs can be claimed and no run is at it."""

from datetime import UTC, datetime

import dagster as dg

from llm_pipeline.defs.jobs.drain import drain_jobs
from llm_pipeline.defs.resources import PostgresResource
from llm_pipeline.defs.switch import sensor_status
from llm_pipeline.jobs.account import claimable
from llm_pipeline.jobs.draining import BATCH, decide

UNDER_WAY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


@dg.sensor(
    name="job_queue",
    job_name=drain_jobs.name,
    minimum_interval_seconds=30,
    default_status=sensor_status(),
    description="Starts a run of drain_jobs when queued interrogations wait and no such run is under way.",
)
def job_queue(context: dg.SensorEvaluationContext, postgres: PostgresResource) -> dg.RunRequest | dg.SkipReason:
    """One run a state of the queue; see `decide`."""
    with postgres.connect() as conn:
        waiting = claimable(conn, BATCH)
    runs = context.instance.get_runs_count(dg.RunsFilter(job_name=drain_jobs.name, statuses=UNDER_WAY))
    decision = decide(waiting, runs, datetime.now(UTC))
    if decision.run_key is None:
        return dg.SkipReason(decision.reason)
    return dg.RunRequest(run_key=decision.run_key)
