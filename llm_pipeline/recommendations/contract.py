"""The contract of the feedback_loop interrogation: what a model must answer.

Belongs here: the Pydantic model of the answer, nothing else. What an answer is worth is decided in `grounding.py`.
Numbers are whole, because servers enforce bounds of integers only; values of parameters travel as text, so that
`0.05` stays `0.05`.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Id = Annotated[str, StringConstraints(max_length=200)]
Number = Annotated[str, StringConstraints(max_length=40)]
Sentence = Annotated[str, StringConstraints(min_length=20, max_length=400)]
Whole = Annotated[int, Field(ge=0, le=1_000_000)]

TargetPrompt = Literal["validation_gate", "anomaly_detection", "lineage_audit"]
ChangeType = Literal["add_rule", "modify_threshold", "add_context", "remove_rule"]
RootCause = Literal["data_quality", "detection_logic", "market_context", "timing"]
Priority = Literal["low", "medium", "high", "critical"]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FailurePattern(_Answer):
    """What lost signals have in common: a computed group with its numbers, then why the model thinks they lost."""

    group: Id
    frequency: Whole
    avg_loss_pct: Whole
    example_signal_ids: Annotated[list[Id], Field(max_length=10)]
    pattern: Sentence
    root_cause: RootCause


class PromptRecommendation(_Answer):
    """A change of one prompt."""

    target_prompt: TargetPrompt
    change_type: ChangeType
    description: Sentence
    expected_impact: Sentence
    priority: Priority


class ThresholdAdjustment(_Answer):
    """Another value for a parameter of detection."""

    parameter: Id
    current_value: Number
    recommended_value: Number
    rationale: Sentence


class DataQualityFeedback(_Answer):
    """What the data behind the signals suffer from; `issues_detected` counts signals with at least one issue."""

    issues_detected: Whole
    categories: Annotated[list[Id], Field(max_length=20)]
    recommended_pipeline_changes: Annotated[list[Sentence], Field(max_length=5)]


class FeedbackAnswer(_Answer):
    """The answer about one period."""

    feedback_id: Id
    failure_patterns: Annotated[list[FailurePattern], Field(max_length=8)]
    prompt_recommendations: Annotated[list[PromptRecommendation], Field(max_length=6)]
    threshold_adjustments: Annotated[list[ThresholdAdjustment], Field(max_length=6)]
    data_quality_feedback: DataQualityFeedback
    next_review_date: date
    meta_confidence: Annotated[int, Field(ge=0, le=10)]
