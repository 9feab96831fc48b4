"""The asset `lineage_reports`: what is worth which trust, for named disclosures or for those that want a report."""

from datetime import UTC, datetime

import dagster as dg
from pydantic import Field

from llm_pipeline.anomalies.account import check_answers
from llm_pipeline.defs.lineage import checks, metadata
from llm_pipeline.defs.lineage.names import GROUP, REPORTS
from llm_pipeline.defs.resources import MODEL_POOL, OllamaResource, PostgresResource
from llm_pipeline.interrogations.asking import prepare
from llm_pipeline.interrogations.lineage_audit import KEY
from llm_pipeline.interrogations.lineage_audit.contract import LineageAnswer
from llm_pipeline.lineage.due import due_disclosures
from llm_pipeline.lineage.reports import (
    ModelUnusableError,
    ReportRun,
    read_reports,
    ungrounded_reports,
    write_reports,
)
from llm_pipeline.llm.audit import CallContext


class LineageConfig(dg.Config):
    """What a run may be given in the launchpad."""

    disclosure_ids: list[str] = Field(
        default=[], description="empty: those in quarantine or behind an active signal without a current report"
    )
    most: int = Field(default=200, ge=1, description="most disclosures of one run, where none is named")


@dg.asset(
    name=REPORTS,
    group_name=GROUP,
    deps=["senate_disclosures", "house_disclosures", "validation_status", "anomaly_signals"],
    kinds={"postgres", "ollama"},
    owners=["team:compliance"],
    tags={"domain": "stock_act"},
    pool=MODEL_POOL,
    check_specs=checks.SPECS,
    metadata={"dagster/table_name": "public.lineage_reports", "dagster/column_schema": metadata.COLUMNS},
)
async def lineage_reports(
    context: dg.AssetExecutionContext, config: LineageConfig, postgres: PostgresResource, ollama: OllamaResource
) -> dg.MaterializeResult:
    """What code verified of a disclosure's provenance, and a language model's audit of it, for a lawyer to read.

    Code recomputes chain, row, ledger entry and Merkle root first; its findings are what is stored, the model explains
    them and may trust less, never more. One call a disclosure, about 3,000 tokens. For the disclosures named in the
    launchpad, or for those in quarantine or behind an active signal that have no current report.
    """
    settings, now = ollama.settings(), datetime.now(UTC)
    with postgres.connect() as conn:
        prepare(conn, settings, KEY, now)
        wanted = config.disclosure_ids or due_disclosures(conn, config.most)
    run = ReportRun()
    if wanted:
        call = CallContext(service=KEY, dagster_run_id=context.run_id, asset_key=REPORTS)
        async with postgres.pool(settings.llm_concurrency) as pool, ollama.gateway(call, pool) as gateway:
            try:
                run = await write_reports(postgres.connect, gateway, wanted, now=now, progress=context.log.info)
            except ModelUnusableError as error:
                raise dg.Failure(description=str(error), allow_retries=False) from error
    with postgres.connect() as conn:
        reports = list(read_reports(conn, run.stored).values())
        answers = check_answers(conn, context.run_id, KEY, LineageAnswer)
    return dg.MaterializeResult(
        metadata=metadata.report_metadata(run, reports),
        check_results=checks.report_checks(run, answers, ungrounded_reports(reports)),
    )
