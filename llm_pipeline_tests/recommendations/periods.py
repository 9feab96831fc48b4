"""Periods as the tests of recommendations ask about them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from llm_pipeline.anomalies.detection.thresholds import Thresholds
from llm_pipeline.recommendations.case import FeedbackCase, SignalResult
from llm_pipeline.recommendations.contract import FeedbackAnswer
from llm_pipeline.recommendations.parameters import known_parameters

START, END = date(2024, 3, 3), date(2024, 3, 10)


def result(number: int, **changes: Any) -> SignalResult:
    """A lost signal about a frequency spike."""
    values: dict[str, Any] = {
        "signal_id": f"sig-{number:012x}",
        "as_of_date": date(2024, 1, 10),
        "classification": "FREQUENCY_SPIKE",
        "severity": "medium",
        "confidence": 7,
        "direction": "long",
        "prompt_version": "1.0.0",
        "return_pct": Decimal("-3.25"),
        "alpha_pct": Decimal("-4.5"),
        "hit": False,
    }
    return SignalResult(**{**values, **changes})


def won(number: int, **changes: Any) -> SignalResult:
    """A signal that won."""
    values = {"return_pct": Decimal("5"), "alpha_pct": Decimal("2"), "hit": True}
    return result(number, **{**values, **changes})


def period(*signals: SignalResult, **changes: Any) -> FeedbackCase:
    """Four spikes of which three lost, two of those with a late filing behind them, and a cluster that won."""
    given = signals or (
        result(1, quality_issues=("late_filing",)),
        result(2, quality_issues=("late_filing",), return_pct=Decimal("-8")),
        result(3, return_pct=Decimal("-1")),
        won(4),
        won(5, classification="SECTOR_CLUSTER", direction="short"),
    )
    values: dict[str, Any] = {
        "start": START,
        "end": END,
        "signals": given,
        "scorecard": {"overall": {"n": 5, "hit_rate": "0.4", "false_positive_rate": "0.6"}},
        "parameters": known_parameters(Thresholds()),
        "validation_version": "1.0.0",
        "anomaly_version": "1.0.0",
    }
    return FeedbackCase(**{**values, **changes})


def good_answer(case: FeedbackCase, **changes: Any) -> FeedbackAnswer:
    """An answer about `period()` in which everything is borne out."""
    group = next(one for one in case.groups if one.group == "classification=FREQUENCY_SPIKE")
    values: dict[str, Any] = {
        "feedback_id": case.feedback_id,
        "failure_patterns": [
            {
                "group": group.group,
                "frequency": group.frequency,
                "avg_loss_pct": group.avg_loss_pct,
                "example_signal_ids": list(group.signal_ids),
                "pattern": "Three of four spikes lost, among them sig-000000000001.",
                "root_cause": "detection_logic",
            }
        ],
        "prompt_recommendations": [
            {
                "target_prompt": "anomaly_detection",
                "change_type": "add_rule",
                "description": "Uphold a FREQUENCY_SPIKE only when a related event follows.",
                "expected_impact": "The false_positive_rate falls.",
                "priority": "medium",
            }
        ],
        "threshold_adjustments": [
            {
                "parameter": "frequency_min_trades",
                "current_value": "5",
                "recommended_value": "6",
                "rationale": "With 6 instead of 5 trades in frequency_min_trades fewer spikes are chance.",
            }
        ],
        "data_quality_feedback": {
            "issues_detected": 2,
            "categories": ["late_filing"],
            "recommended_pipeline_changes": ["Show late_filing beside each trade."],
        },
        "next_review_date": date(2024, 3, 17),
        "meta_confidence": 3,
    }
    return FeedbackAnswer.model_validate({**values, **changes})
