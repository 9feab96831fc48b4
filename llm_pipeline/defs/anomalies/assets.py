"""The assets of the group `anomalies`: baselines, candidates, signals, trading signals; each as of a day."""

from datetime import UTC, datetime
from typing import Any

import dagster as dg

from llm_pipeline.anomalies import account
from llm_pipeline.anomalies.detection.thresholds import Thresholds
from llm_pipeline.anomalies.docket import open_cases
from llm_pipeline.anomalies.interrogation import KEY
from llm_pipeline.anomalies.judging import ModelUnusableError, judge_cases, prepare
from llm_pipeline.anomalies.service import compute_baselines, find_candidates, trades_of_candidate
from llm_pipeline.anomalies.signal_store import stray_trading_signals, strongest_signals, write_trading_signals
from llm_pipeline.defs.anomalies import checks, metadata
from llm_pipeline.defs.anomalies.names import BASELINES, CANDIDATES, GROUP, REFERENCE, SIGNALS, TRADING
from llm_pipeline.defs.resources import MODEL_POOL, OllamaResource, PostgresResource
from llm_pipeline.llm.audit import CallContext
from llm_pipeline.llm.prompt_versions import waiting_version
from llm_pipeline.partitions import daily


def _common(name: str, columns: dg.TableSchema, *deps: str, table: str | None = None) -> dict[str, Any]:
    return {
        "name": name,
        "group_name": GROUP,
        "partitions_def": daily,
        "backfill_policy": dg.BackfillPolicy.single_run(),
        "deps": list(deps),
        "owners": ["team:quant-research"],
        "tags": {"domain": "stock_act"},
        "metadata": {"dagster/table_name": f"public.{table or name}", "dagster/column_schema": columns},
    }


@dg.asset(
    **_common(BASELINES, metadata.BASELINE_COLUMNS, "validation_status", "ticker_sectors"),
    kinds={"postgres", "polars"},
    check_specs=checks.BASELINE_SPECS,
)
def baseline_stats(context: dg.AssetExecutionContext, postgres: PostgresResource) -> dg.MaterializeResult:
    """What was usual for each filer: statistics of the 12 months before a 30- and a 90-day window, as of each day.

    From validated trades that were public then. Daily; years can be computed in one run. Calls no model.
    """
    window = context.partition_time_window
    start, end = window.start.date(), window.end.date()
    with postgres.connect() as conn:
        report = compute_baselines(conn, start, end, now=datetime.now(UTC), thresholds=Thresholds())
        missing, newest = account.days_without_baseline(conn, start, end), account.newest_baseline(conn)
    return dg.MaterializeResult(
        metadata=metadata.baseline_metadata(report),
        check_results=checks.baseline_checks(missing, newest, end),
    )


@dg.asset(
    **_common(CANDIDATES, metadata.CANDIDATE_COLUMNS, "validation_status", BASELINES, *REFERENCE),
    kinds={"postgres", "python"},
    check_specs=checks.CANDIDATE_SPECS,
)
def anomaly_candidates(context: dg.AssetExecutionContext, postgres: PostgresResource) -> dg.MaterializeResult:
    """Patterns that the evidence supports, with every number, its n and its method, before any model sees them.

    Each trade is evaluated on the day it becomes public: frequency, amount, timing, sector, nearness to legislation
    and coordination, under false-discovery control over all filers of the day. A pattern seen again is the same
    episode. Running an old day again gives the same result. Daily; calls no model.
    """
    window = context.partition_time_window
    start, end = window.start.date(), window.end.date()
    with postgres.connect() as conn:
        report = find_candidates(
            conn, start, end, now=datetime.now(UTC), thresholds=Thresholds(), progress=context.log.info
        )
    picture = None
    with postgres.connect() as conn:
        waiting = account.unevaluated(conn, start, end)
        ahead = account.look_ahead(conn, start, end)
        if report.new:
            first = metadata.strongest(report.new)[0]
            picture = metadata.candidate_picture(first, trades_of_candidate(conn, first))
    return dg.MaterializeResult(
        metadata=metadata.candidate_metadata(report, picture),
        check_results=checks.candidate_checks(report, waiting, ahead),
    )


@dg.asset(
    **_common(SIGNALS, metadata.SIGNAL_COLUMNS, CANDIDATES, table="llm_anomaly_signals"),
    pool=MODEL_POOL,
    kinds={"postgres", "ollama"},
    check_specs=checks.SIGNAL_SPECS,
)
async def anomaly_signals(
    context: dg.AssetExecutionContext, postgres: PostgresResource, ollama: OllamaResource
) -> dg.MaterializeResult:
    """Candidates that a language model upheld and whose every claim code confirmed. Leads for review, not accusations.

    One call a filer or coordinated group, at most 8,000 tokens; what is cited outside the evidence is refused and
    kept in `ungrounded_claims`. A candidate that was decided on the same evidence is not asked about again.
    """
    window = context.partition_time_window
    settings, now = ollama.settings(), datetime.now(UTC)
    call = CallContext(service="anomaly_detection", dagster_run_id=context.run_id, asset_key=SIGNALS)
    start, end = window.start.date(), window.end.date()
    with postgres.connect() as conn:
        prepare(conn, settings, now)
    with postgres.connect() as conn:
        cases, report = open_cases(conn, start, end, Thresholds(), now)
    if cases:
        async with postgres.pool(settings.llm_concurrency) as pool, ollama.gateway(call, pool) as gateway:
            try:
                await judge_cases(pool, gateway, cases, report, now=now, progress=context.log.info)
            except ModelUnusableError as error:
                raise dg.Failure(description=str(error), allow_retries=False) from error
    with postgres.connect() as conn:
        found = account.account_for_candidates(conn, start, end)
        answers = account.check_answers(conn, context.run_id)
        ungrounded = account.ungrounded_signals(conn, start, end)
        newer_prompt = waiting_version(conn, KEY, report.prompt_version) if report.prompt_version else None
        strongest = strongest_signals(conn, start, end, most=10)
    return dg.MaterializeResult(
        metadata=metadata.signal_metadata(report, found, strongest, newer_prompt),
        check_results=checks.signal_checks(report, found, answers, ungrounded),
    )


@dg.asset(
    **_common(TRADING, metadata.TRADING_COLUMNS, SIGNALS),
    kinds={"postgres"},
    check_specs=checks.TRADING_SPECS,
)
def trading_signals(context: dg.AssetExecutionContext, postgres: PostgresResource) -> dg.MaterializeResult:
    """Signals of confidence 7 and more, one row a ticker: long is buy, short is sell, neutral is hold.

    Pending until a human approves; anonymous readers see only approved rows. Not investment advice.
    """
    window = context.partition_time_window
    with postgres.connect() as conn, conn.cursor() as cur:
        counts = write_trading_signals(cur, window.start.date(), window.end.date())
    with postgres.connect() as conn:
        stray = stray_trading_signals(conn)
    return dg.MaterializeResult(
        metadata=metadata.trading_metadata(counts), check_results=checks.trading_checks(counts, stray)
    )
