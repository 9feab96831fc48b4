"""The weekly look at the lake: whether every stored request and answer can still be read as it was written."""

import dagster as dg

from llm_pipeline.defs.resources import PostgresResource
from llm_pipeline.defs.switch import schedule_status
from llm_pipeline.llm.lake import Lake
from llm_pipeline.replay.lake_check import check_lake
from llm_pipeline.settings import load_settings


@dg.op
def read_every_artifact(context: dg.OpExecutionContext, postgres: PostgresResource) -> None:
    """Compare every artifact with its recorded hash; fails when one is missing or changed."""
    with postgres.connect() as conn:
        report = check_lake(conn, Lake(load_settings().lake), context.log.info)
    context.log.info(report.line())
    numbers: dict[str, int] = {"artifacts": report.artifacts, "intact": report.intact}
    context.add_output_metadata(numbers | {str(kind): count for kind, count in report.counts.items()})
    if report.damaged:
        first = next(one for one in report.listed if one.kind in ("missing", "changed"))
        raise dg.Failure(
            description=f"{report.damaged} of {report.artifacts} artifacts are missing or changed, the first: "
            f"{first.detail}. `llm-pipeline lake fsck` lists them",
            allow_retries=False,
        )


@dg.job(name="lake_check", description="Reads every stored request and answer and compares it with its hash.")
def lake_check_job() -> None:
    """One op; see `llm-pipeline lake fsck`."""
    read_every_artifact()


lake_weekly = dg.ScheduleDefinition(
    name="lake_weekly",
    job=lake_check_job,
    cron_schedule="0 4 * * 0",
    execution_timezone="UTC",
    default_status=schedule_status(),
    description="Sundays: every stored request and answer against its hash; a run that fails names what is lost.",
)
