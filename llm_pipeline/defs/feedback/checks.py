"""The checks of the feedback assets: their names, and a run's numbers turned into results."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from llm_pipeline.defs.check_results import check_result, problems_result
from llm_pipeline.defs.feedback.names import OUTCOMES, SCORECARDS
from llm_pipeline.feedback.account import StoredOutcomes
from llm_pipeline.feedback.service import OutcomeReport, ScorecardReport

EVERY_SIGNAL = "every_signal_has_an_outcome"
NO_LOOK_AHEAD = "no_look_ahead"
COUNTS_RECONCILE = "counts_reconcile"
PRICE_COVERAGE = "price_coverage"
NO_DATA_IS_NOT_ZERO = "no_data_is_not_zero"
ENOUGH_SIGNALS = "enough_signals"

LEAST_PRICED_SHARE = 0.8
LEAST_SIGNALS = 30
"""A 95 % interval of a rate of one half is 34 percentage points wide at 30 signals, and wider below."""

OUTCOME_SPECS = [
    dg.AssetCheckSpec(
        EVERY_SIGNAL,
        asset=OUTCOMES,
        blocking=True,
        description="Every active signal that was public by the end of the window has an outcome at every horizon.",
    ),
    dg.AssetCheckSpec(
        NO_LOOK_AHEAD,
        asset=OUTCOMES,
        blocking=True,
        description="No outcome enters before the disclosure was public or uses a close from after its week.",
    ),
    dg.AssetCheckSpec(
        COUNTS_RECONCILE,
        asset=OUTCOMES,
        blocking=True,
        description="Outcomes computed are stored, and are closed, open or without price.",
    ),
    dg.AssetCheckSpec(
        PRICE_COVERAGE,
        asset=OUTCOMES,
        description=f"At least {LEAST_PRICED_SHARE:.0%} of the outcomes have prices; the others are left out.",
    ),
]
SCORECARD_SPECS = [
    dg.AssetCheckSpec(
        COUNTS_RECONCILE,
        asset=SCORECARDS,
        blocking=True,
        description="Signals = closed + open + without price + neutral, as counted again from the tables.",
    ),
    dg.AssetCheckSpec(
        NO_DATA_IS_NOT_ZERO,
        asset=SCORECARDS,
        blocking=True,
        description="A scorecard without a closed signal states no number; one with signals states its rates.",
    ),
    dg.AssetCheckSpec(
        ENOUGH_SIGNALS,
        asset=SCORECARDS,
        description=f"The last week's overall scorecard has {LEAST_SIGNALS} closed signals or more.",
    ),
]


def outcome_checks(
    report: OutcomeReport, missing: Sequence[str], ahead: Sequence[str], stored: StoredOutcomes
) -> list[dg.AssetCheckResult]:
    """Results of `OUTCOME_SPECS`."""
    computed, found = len(report.outcomes), report.by_status
    share = 1 - found["no_price"] / computed if computed else None
    return [
        problems_result(OUTCOMES, EVERY_SIGNAL, missing),
        problems_result(OUTCOMES, NO_LOOK_AHEAD, ahead),
        check_result(
            OUTCOMES,
            COUNTS_RECONCILE,
            computed == stored.total,
            computed=computed,
            stored=stored.total,
            closed=stored.closed,
            open=stored.open,
            no_price=stored.no_price,
        ),
        check_result(
            OUTCOMES,
            PRICE_COVERAGE,
            share is None or share >= LEAST_PRICED_SHARE,
            severity=dg.AssetCheckSeverity.WARN,
            without_price=found["no_price"],
            priced_share="no outcome" if share is None else round(share, 4),
            reasons=dict(report.reasons),
        ),
    ]


def scorecard_checks(
    report: ScorecardReport, miscounted: Sequence[str], empty: Sequence[str]
) -> list[dg.AssetCheckResult]:
    """Results of `SCORECARD_SPECS`."""
    cards = [(period, card) for period in report.periods for card in period.cards]
    unreconciled = [f"{period.end} {card.group}" for period, card in cards if not card.counts.reconcile]
    closed = report.last.overall.counts.closed if report.last else 0
    return [
        problems_result(SCORECARDS, COUNTS_RECONCILE, [*miscounted, *unreconciled]),
        problems_result(SCORECARDS, NO_DATA_IS_NOT_ZERO, empty),
        check_result(
            SCORECARDS,
            ENOUGH_SIGNALS,
            closed >= LEAST_SIGNALS,
            severity=dg.AssetCheckSeverity.WARN,
            closed_signals=closed,
            wanted=LEAST_SIGNALS,
        ),
    ]
