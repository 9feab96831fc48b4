"""The checks of the anomalies assets: their names, and a run's numbers turned into results."""

from __future__ import annotations

from datetime import date, timedelta

import dagster as dg

from llm_pipeline.anomalies.account import CandidateAccount, StoredAnswers, Unevaluated
from llm_pipeline.anomalies.report import CandidateReport, SignalReport
from llm_pipeline.anomalies.signal_store import TradingSignalCounts
from llm_pipeline.defs.anomalies.names import BASELINES, CANDIDATES, SIGNALS, TRADING
from llm_pipeline.defs.check_results import check_result

BASELINE_FRESHNESS = "baseline_freshness"
EVALUATED_ONCE = "evaluated_once"
NO_LOOK_AHEAD = "no_look_ahead"
NONE_LEFT_BEHIND = "none_left_behind"
ALERT_LOAD = "alert_load"
JSON_SCHEMA_VALID = "json_schema_valid"
GROUNDING = "grounding"
COUNTS_RECONCILE = "counts_reconcile"
ALL_DECIDED = "all_decided"
FROM_CONFIDENT_SIGNALS = "from_confident_signals"

SHOWN = 20
# Real Senate trades of 2019-09 to 2020-12 give 0.2 new candidates per filer and month with a disclosure; more than
# twice that is a reviewer's flood, or bad data.
MOST_PER_FILER_MONTH = 0.5
# Fewer months than this say nothing about a load.
ENOUGH_MONTHS = 20

BASELINE_SPECS = [
    dg.AssetCheckSpec(
        BASELINE_FRESHNESS,
        asset=BASELINES,
        description="Every day of the window has baselines, up to its last day.",
    )
]
CANDIDATE_SPECS = [
    dg.AssetCheckSpec(
        EVALUATED_ONCE,
        asset=CANDIDATES,
        blocking=True,
        description="Every validated trade that became known in the window was evaluated since it was validated.",
    ),
    dg.AssetCheckSpec(
        NO_LOOK_AHEAD,
        asset=CANDIDATES,
        blocking=True,
        description="No candidate of the window uses a trade or an event that was not public on its as-of date.",
    ),
    dg.AssetCheckSpec(
        NONE_LEFT_BEHIND,
        asset=CANDIDATES,
        description="No validated trade between the first evaluated day and the window waits for its evaluation; the "
        "daily schedule catches up with 45 days.",
    ),
    dg.AssetCheckSpec(
        ALERT_LOAD,
        asset=CANDIDATES,
        description="New candidates per filer and month are within what people can review.",
    ),
]
SIGNAL_SPECS = [
    dg.AssetCheckSpec(
        JSON_SCHEMA_VALID,
        asset=SIGNALS,
        blocking=True,
        description="Every stored model answer of this run still validates against the contract.",
    ),
    dg.AssetCheckSpec(
        GROUNDING,
        asset=SIGNALS,
        blocking=True,
        description="Not one active signal cites a trade, ticker, date, number or event outside its evidence.",
    ),
    dg.AssetCheckSpec(
        COUNTS_RECONCILE,
        asset=SIGNALS,
        blocking=True,
        description="Candidates = signals + rejected + refused as ungrounded + failed.",
    ),
    dg.AssetCheckSpec(ALL_DECIDED, asset=SIGNALS, description="No candidate was left without an answer."),
]
TRADING_SPECS = [
    dg.AssetCheckSpec(
        FROM_CONFIDENT_SIGNALS,
        asset=TRADING,
        blocking=True,
        description="Each active trading signal comes from an active signal of confidence 7 or more.",
    )
]


def baseline_checks(missing: list[date], newest: date | None, end: date) -> list[dg.AssetCheckResult]:
    """Results of `BASELINE_SPECS`."""
    fresh = newest is None or newest >= end - timedelta(days=1)
    return [
        check_result(
            BASELINES,
            BASELINE_FRESHNESS,
            not missing and fresh,
            severity=dg.AssetCheckSeverity.WARN,
            newest=str(newest),
            days_without_baseline=len(missing),
            examples=[str(day) for day in missing[:SHOWN]],
        )
    ]


def candidate_checks(report: CandidateReport, waiting: Unevaluated, ahead: list[str]) -> list[dg.AssetCheckResult]:
    """Results of `CANDIDATE_SPECS`."""
    load = report.load
    return [
        check_result(
            CANDIDATES,
            EVALUATED_ONCE,
            not waiting.within,
            trades_in_window=report.trades,
            not_evaluated=sum(waiting.within.values()),
            days={str(day): count for day, count in list(waiting.within.items())[:SHOWN]},
        ),
        check_result(CANDIDATES, NO_LOOK_AHEAD, not ahead, found=len(ahead), examples=ahead[:SHOWN]),
        check_result(
            CANDIDATES,
            NONE_LEFT_BEHIND,
            not waiting.before,
            severity=dg.AssetCheckSeverity.WARN,
            waiting=sum(waiting.before.values()),
            days={str(day): count for day, count in list(waiting.before.items())[:SHOWN]},
        ),
        check_result(
            CANDIDATES,
            ALERT_LOAD,
            load is None or report.filer_months < ENOUGH_MONTHS or load <= MOST_PER_FILER_MONTH,
            severity=dg.AssetCheckSeverity.WARN,
            new_candidates=len(report.new),
            filer_months=report.filer_months,
            most_allowed_per_filer_month=MOST_PER_FILER_MONTH,
        ),
    ]


def signal_checks(
    report: SignalReport, account: CandidateAccount, answers: StoredAnswers, ungrounded: list[str]
) -> list[dg.AssetCheckResult]:
    """Results of `SIGNAL_SPECS`."""
    return [
        check_result(
            SIGNALS,
            JSON_SCHEMA_VALID,
            not answers.invalid,
            answers_checked=answers.checked,
            invalid=len(answers.invalid),
            errors=answers.invalid[:SHOWN],
        ),
        check_result(
            SIGNALS,
            GROUNDING,
            not ungrounded,
            active_signals=account.signals,
            ungrounded=len(ungrounded),
            examples=ungrounded[:SHOWN],
        ),
        check_result(
            SIGNALS,
            COUNTS_RECONCILE,
            account.reconciles and report.reconciles,
            candidates=account.candidates,
            signals=account.signals,
            rejected=account.rejected,
            ungrounded=account.ungrounded,
            failed=account.failed,
            unaccounted=list(account.unaccounted),
        ),
        check_result(
            SIGNALS,
            ALL_DECIDED,
            account.failed == 0 and not report.failures,
            failed=max(account.failed, len(report.failures)),
            reasons=dict(list(report.failures.items())[:SHOWN]),
        ),
    ]


def trading_checks(counts: TradingSignalCounts, stray: list[str]) -> list[dg.AssetCheckResult]:
    """Results of `TRADING_SPECS`."""
    return [
        check_result(
            TRADING,
            FROM_CONFIDENT_SIGNALS,
            not stray,
            trading_signals=counts.total,
            signals=counts.signals,
            stray=stray[:SHOWN],
        )
    ]
