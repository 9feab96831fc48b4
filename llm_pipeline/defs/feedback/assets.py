"""The assets of the group `feedback`: outcomes and scorecards, by week."""

from datetime import UTC, datetime
from typing import Any

import dagster as dg

from llm_pipeline.defs.feedback import checks, metadata
from llm_pipeline.defs.feedback.names import GROUP, OUTCOMES, SCORECARDS
from llm_pipeline.defs.resources import PostgresResource
from llm_pipeline.feedback import account
from llm_pipeline.feedback.rules import FeedbackRules, FeedbackRulesError, rules_of
from llm_pipeline.feedback.service import compute_outcomes, score_weeks
from llm_pipeline.partitions import weekly
from llm_pipeline.settings import load_settings


def _common(name: str, columns: dg.TableSchema, *deps: str) -> dict[str, Any]:
    return {
        "name": name,
        "group_name": GROUP,
        "partitions_def": weekly,
        "backfill_policy": dg.BackfillPolicy.single_run(),
        "deps": list(deps),
        "owners": ["team:quant-research"],
        "tags": {"domain": "stock_act"},
        "metadata": {"dagster/table_name": f"public.{name}", "dagster/column_schema": columns},
    }


def _rules() -> FeedbackRules:
    try:
        return rules_of(load_settings())
    except FeedbackRulesError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error


@dg.asset(
    **_common(OUTCOMES, metadata.OUTCOME_COLUMNS, "anomaly_signals", "trading_signals", "market_prices"),
    kinds={"postgres", "polars"},
    check_specs=checks.OUTCOME_SPECS,
)
def signal_outcomes(context: dg.AssetExecutionContext, postgres: PostgresResource) -> dg.MaterializeResult:
    """What became of each signal in each of its tickers, from the first close after the disclosure became public.

    Return, benchmark, alpha and drawdown at every horizon of `FEEDBACK_HORIZONS`, as known at the end of the week; open
    ones of earlier weeks are brought up to date. No price is `no_price`, never 0. Weekly; calls no model.
    """
    window = context.partition_time_window
    start, end, now = window.start.date(), window.end.date(), datetime.now(UTC)
    rules = _rules()
    with postgres.connect() as conn:
        report = compute_outcomes(conn, start, end, now=now, rules=rules)
    with postgres.connect() as conn:
        missing = account.signals_without_outcome(conn, end, rules.horizons)
        ahead = account.outcomes_ahead(conn, end, now)
        stored = account.stored_outcomes(conn, (one.signal_id for one in report.outcomes), rules.horizons)
    return dg.MaterializeResult(
        metadata=metadata.outcome_metadata(report, rules),
        check_results=checks.outcome_checks(report, missing, ahead, stored),
    )


@dg.asset(
    **_common(SCORECARDS, metadata.SCORECARD_COLUMNS, OUTCOMES, "validation_status"),
    kinds={"postgres", "python"},
    check_specs=checks.SCORECARD_SPECS,
)
def scorecards(context: dg.AssetExecutionContext, postgres: PostgresResource) -> dg.MaterializeResult:
    """How well signals foretold prices: hits, alpha, calibration and false positives of the weeks up to each week.

    Of all signals, of each classification, prompt version and model, with 95 % intervals, and against random signals
    drawn from the trades that were public then. What no signal tells is empty, never 0. Weekly; calls no model.
    """
    window = context.partition_time_window
    start, end = window.start.date(), window.end.date()
    with postgres.connect() as conn:
        report = score_weeks(conn, start, end, now=datetime.now(UTC), rules=_rules())
    with postgres.connect() as conn:
        miscounted = account.miscounted_weeks(conn, start, end)
        empty = account.numbers_of_nothing(conn, start, end)
    return dg.MaterializeResult(
        metadata=metadata.scorecard_metadata(report),
        check_results=checks.scorecard_checks(report, miscounted, empty),
    )
