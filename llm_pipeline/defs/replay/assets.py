"""The asset `shadow_comparisons`: past calls asked again with another model or prompt version, for comparison."""

from datetime import UTC, datetime

import dagster as dg

from llm_pipeline.defs.replay.metadata import COLUMNS, EVERY_CALL_COMPARED, compared_check, shadow_metadata
from llm_pipeline.defs.resources import MODEL_POOL, OllamaResource, PostgresResource
from llm_pipeline.llm.audit import CallContext
from llm_pipeline.llm.prompts import PromptError
from llm_pipeline.partitions import daily
from llm_pipeline.replay.errors import ReplayError
from llm_pipeline.replay.shadow_plan import Plan, Window
from llm_pipeline.replay.shadow_run import Wanted, shadow_run
from llm_pipeline.replay.shadow_view import view_run
from llm_pipeline.replay.store import SHADOW_SERVICE

ASSET = "shadow_comparisons"


class ShadowConfig(dg.Config):
    """What a run may be given in the launchpad."""

    interrogation: str = "validation_gate"
    model: str = ""  # model to ask; empty: the one in use
    version: str = ""  # registered version of the prompt; empty: the active one
    limit: int = 0  # most original calls, oldest first; 0: all of the window
    estimate_only: bool = False  # stop after the cost estimate


@dg.asset(
    name=ASSET,
    group_name="feedback",
    partitions_def=daily,
    backfill_policy=dg.BackfillPolicy.single_run(),
    deps=["validation_status", "anomaly_signals"],
    pool=MODEL_POOL,
    kinds={"postgres", "ollama"},
    owners=["team:quant-research"],
    tags={"domain": "stock_act"},
    check_specs=[
        dg.AssetCheckSpec(
            EVERY_CALL_COMPARED,
            asset=ASSET,
            description="Every original call's evidence was recovered, and the candidate answered it.",
        )
    ],
    metadata={"dagster/table_name": "public.shadow_comparisons", "dagster/column_schema": COLUMNS},
)
async def shadow_comparisons(
    context: dg.AssetExecutionContext, config: ShadowConfig, postgres: PostgresResource, ollama: OllamaResource
) -> dg.MaterializeResult:
    """What another model or prompt version would have decided on the evidence of the calls made on these days.

    A partition is the day of the original call. The evidence is read back from the stored requests, so the candidate
    sees what was seen then. The cost is estimated first; nothing but comparisons is written. Started by a person, with
    the candidate in the launchpad; without one, the version in use is compared with itself, from the cache.
    """
    span = context.partition_time_window
    window = Window(span.start, span.end, config.limit or None)
    wanted = Wanted(config.interrogation, window, config.model or None, config.version or None)
    call = CallContext(service=SHADOW_SERVICE, dagster_run_id=context.run_id, asset_key=ASSET)

    def announce(plan: Plan) -> None:
        context.log.info(f"{plan.candidate.model} with version {plan.candidate.version}: {plan.estimate.line()}")

    async with postgres.pool(ollama.settings().llm_concurrency) as pool, ollama.gateway(call, pool) as gateway:
        try:
            report = await shadow_run(
                pool,
                gateway,
                wanted,
                now=datetime.now(UTC),
                announce=announce,
                progress=context.log.info,
                estimate_only=config.estimate_only,
            )
        except (ReplayError, PromptError) as error:
            raise dg.Failure(description=str(error), allow_retries=False) from error
    if report.stopped:
        raise dg.Failure(description=f"stopped: {report.stopped}", allow_retries=False)
    view = None
    if report.plan.originals and not config.estimate_only:
        with postgres.connect() as conn:
            view = view_run(conn, report.plan.run_id)
    return dg.MaterializeResult(metadata=shadow_metadata(report, view), check_results=[compared_check(ASSET, report)])
