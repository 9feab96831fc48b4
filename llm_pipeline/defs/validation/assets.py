"""The asset `validation_status`: a verdict for every pending disclosure of a window of days."""

from datetime import UTC, datetime

import dagster as dg

from llm_pipeline.defs.resources import MODEL_POOL, OllamaResource, PostgresResource
from llm_pipeline.defs.validation.checks import ASSET, SPECS, validation_checks
from llm_pipeline.defs.validation.metadata import COLUMNS, report_metadata
from llm_pipeline.llm.audit import CallContext
from llm_pipeline.llm.prompt_versions import waiting_version
from llm_pipeline.partitions import daily
from llm_pipeline.validation.interrogation import KEY
from llm_pipeline.validation.service import ModelUnusableError, check_window, prepare, validate_window


class ValidationConfig(dg.Config):
    """What a run may be given in the launchpad."""

    batch_size: int = 0  # records in one model call; 0: VALIDATION_BATCH_SIZE
    cap: int = 0  # most disclosures to take on; 0: all that are pending in the window


@dg.asset(
    name=ASSET,
    group_name="validation",
    partitions_def=daily,
    backfill_policy=dg.BackfillPolicy.single_run(),
    deps=["senate_disclosures", "house_disclosures"],
    pool=MODEL_POOL,
    kinds={"postgres", "ollama"},
    owners=["team:data-engineering"],
    tags={"domain": "stock_act"},
    check_specs=SPECS,
    metadata={
        "dagster/table_name": "public.trading_disclosures",
        "dagster/column_schema": COLUMNS,
    },
)
async def validation_status(
    context: dg.AssetExecutionContext,
    config: ValidationConfig,
    postgres: PostgresResource,
    ollama: OllamaResource,
) -> dg.MaterializeResult:
    """A verdict (`pass`, `flag` or `reject`) with its reasons for every pending disclosure of the window.

    Rules decide what can be computed (dates, ranges, duplicates, names); a language model judges the rest, 25 records
    a call, and may not contradict a computed fact. Flags go to `data_quality_issues`, rejected records to
    `data_quality_quarantine`, each call to `llm_audit_trail`. Runs hourly and when disclosures arrive; asking again
    for a validated window calls no model. A disclosure that no answer could decide stays pending, with its reason.
    """
    window = context.partition_time_window
    settings = ollama.settings()
    call = CallContext(service="validation_gate", dagster_run_id=context.run_id, asset_key=ASSET)
    start, end, now = window.start.date(), window.end.date(), datetime.now(UTC)
    with postgres.connect() as conn:
        prepare(conn, settings, now)
    async with postgres.pool(settings.llm_concurrency) as pool, ollama.gateway(call, pool) as gateway:
        try:
            report = await validate_window(
                pool,
                gateway,
                start=start,
                end=end,
                now=now,
                batch_size=config.batch_size or settings.validation_batch_size,
                cap=config.cap or None,
                progress=context.log.info,
            )
        except ModelUnusableError as error:
            raise dg.Failure(description=str(error), allow_retries=False) from error
        warnings = await gateway.warnings(gateway.settings.llm_validation_model) if report.calls else ()
    with postgres.connect() as conn:
        account, answers, overdue = check_window(
            conn,
            start,
            end,
            run_id=context.run_id,
            now=now,
            pending_hours=settings.validation_pending_hours,
            report=report,
        )
        newer_prompt = waiting_version(conn, KEY, report.prompt_version) if report.prompt_version else None
    return dg.MaterializeResult(
        metadata=report_metadata(report, account, warnings, newer_prompt),
        check_results=validation_checks(
            report,
            account,
            answers,
            overdue,
            pending_hours=settings.validation_pending_hours,
            most_rejected=settings.validation_max_reject_share,
        ),
    )
