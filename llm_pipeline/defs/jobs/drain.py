"""The job that drains the queue of interrogations."""

import dagster as dg
from pydantic import Field

from llm_pipeline.db.connection import resolve_url
from llm_pipeline.defs.jobs.metadata import drain_metadata
from llm_pipeline.defs.resources import MODEL_POOL, OllamaResource
from llm_pipeline.jobs.working import Shift, work_on_queue


class DrainConfig(dg.Config):
    """How much one run takes on."""

    places: int = Field(default=0, ge=0, description="jobs at a time; 0: LLM_CONCURRENCY")
    most: int = Field(default=5_000, ge=1, description="jobs that one run claims at most; the sensor starts the next")


@dg.op(pool=MODEL_POOL, tags={"kind": "ollama"}, out=dg.Out(dg.Nothing))
async def drain_queue(context: dg.OpExecutionContext, config: DrainConfig, ollama: OllamaResource) -> None:
    """Works on every job that can be claimed now, and ends; jobs that wait for another attempt get a later run.

    What succeeded is stored whatever else happens. The run fails when jobs were dead-lettered in it, or when a model
    could not be used at all: somebody has to look, and the failure sensor says so.
    """
    settings = ollama.settings()
    report = await work_on_queue(
        resolve_url(settings), settings, Shift(config.places, config.most), dagster_run_id=context.run_id
    )
    metadata = drain_metadata(report)
    context.add_output_metadata(metadata)
    if report.unusable:
        key, why = next(iter(report.unusable.items()))
        raise dg.Failure(f"{key} could not be asked, its jobs wait: {why}", metadata=metadata, allow_retries=False)
    dead = report.total("DEADLETTER")
    if dead:
        first = next(iter(report.dead.values()))
        told = f"{dead} of {report.claimed} jobs were dead-lettered; first: {first}"
        raise dg.Failure(told, metadata=metadata, allow_retries=False)


@dg.job(name="drain_jobs", description="Asks, grounds and stores every queued interrogation that can be claimed now.")
def drain_jobs() -> None:
    """One step: the queue itself hands out the work."""
    drain_queue()
