"""What of an answer may be stored: every group, signal, number, parameter and value against the evidence. Pure.

The rules
- Each pattern, recommendation and adjustment stands or falls by itself; what falls is kept as a refused claim.
- A pattern restates a computed group exactly; its examples are signals of that group.
- A parameter exists, its current value is the real one, the recommended one is a number inside the range and another.
- Figures, days, signal ids and parameters in sentences stand in the evidence, or are a value recommended beside them.
- A sentence that may end up in a prompt cannot carry what a template or the fence around data would obey.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, get_args

from llm_pipeline.anomalies.text_claims import Shown, TextCode, unsupported
from llm_pipeline.llm.prompts import BEGIN_DATA, END_DATA
from llm_pipeline.recommendations.case import FeedbackCase
from llm_pipeline.recommendations.contract import (
    DataQualityFeedback,
    FailurePattern,
    FeedbackAnswer,
    PromptRecommendation,
    ThresholdAdjustment,
)

LONGEST_WAIT = timedelta(days=90)
_SIGNAL = re.compile(r"\bsig-[0-9A-Za-z-]+")
_NAME = re.compile(r"\b[a-z]+(?:_[a-z0-9]+)+\b")
_WORD = re.compile(r"\b[A-Za-z_]{2,}\b")
FEWEST_WORDS = 3
_OBEYED = ("{{", "{%", "{#", BEGIN_DATA, END_DATA, "SYSTEM:", "USER:")

ReasonCode = (
    Literal[
        "wrong_feedback_id",
        "unknown_group",
        "repeated_group",
        "frequency_mismatch",
        "loss_mismatch",
        "unknown_signal",
        "signal_not_of_group",
        "unknown_parameter",
        "repeated_parameter",
        "wrong_current_value",
        "not_a_number",
        "value_out_of_range",
        "value_unchanged",
        "unknown_category",
        "issue_count_mismatch",
        "review_date_out_of_range",
        "no_sentence",
        "unsafe_text",
        "text_signal",
        "text_name",
    ]
    | TextCode
)


@dataclass(frozen=True)
class Claim:
    """Something a model asserted and the evidence does not bear out. `detail` is for people."""

    reason_code: ReasonCode
    claim: dict[str, Any]
    detail: str


@dataclass(frozen=True)
class GroundedFeedback:
    """What is left of an answer, and what was refused."""

    answer: FeedbackAnswer
    claims: tuple[Claim, ...]

    @property
    def empty(self) -> bool:
        """Whether no proposal of any kind is left."""
        return proposes_nothing(self.answer)


def proposes_nothing(answer: FeedbackAnswer) -> bool:
    """Whether there is nothing in an answer that a person could decide about."""
    return not (
        answer.failure_patterns
        or answer.prompt_recommendations
        or answer.threshold_adjustments
        or answer.data_quality_feedback.recommended_pipeline_changes
    )


@dataclass(frozen=True)
class _Words:
    """What sentences may name."""

    shown: Shown
    signals: frozenset[str]
    names: frozenset[str]


def ground_feedback(case: FeedbackCase, answer: FeedbackAnswer) -> GroundedFeedback:
    """The answer without what the evidence does not bear out; computed values stand where the model restated them."""
    variables = case.variables()
    words = _Words(
        Shown.of(variables | {"recommended": [one.recommended_value for one in answer.threshold_adjustments]}),
        frozenset(one.signal_id for one in case.signals),
        frozenset(_NAME.findall(Shown.of(variables).data)) | _CONTRACT_WORDS,
    )
    claims: list[Claim] = []

    def kept(parts: Any, faults: Any) -> list[Any]:
        left: list[Any] = []
        names: set[str] = set()
        for part in parts:
            name, found = faults(part, names)
            names.add(name)
            claims.extend(Claim(one.reason_code, part.model_dump(mode="json"), one.detail) for one in found)
            if not found:
                left.append(part)
        return left

    patterns = kept(answer.failure_patterns, lambda part, seen: (part.group, list(_pattern(case, part, seen, words))))
    recommended = kept(
        answer.prompt_recommendations, lambda part, seen: (part.description, list(_recommendation(part, words)))
    )
    adjusted = kept(
        answer.threshold_adjustments, lambda part, seen: (part.parameter, list(_adjustment(case, part, seen, words)))
    )
    claims += _whole(case, answer)
    quality = answer.data_quality_feedback
    changes = []
    for text in quality.recommended_pipeline_changes:
        found = list(_sentence("recommended_pipeline_changes", text, words))
        claims += found
        changes += [] if found else [text]
    latest = case.end + LONGEST_WAIT
    stored = answer.model_copy(
        update={
            "feedback_id": case.feedback_id,
            "failure_patterns": patterns,
            "prompt_recommendations": recommended,
            "threshold_adjustments": adjusted,
            "data_quality_feedback": quality.model_copy(
                update={
                    "issues_detected": case.signals_with_issues,
                    "categories": [one for one in quality.categories if one in case.categories],
                    "recommended_pipeline_changes": changes,
                }
            ),
            "next_review_date": answer.next_review_date if case.end < answer.next_review_date <= latest else latest,
        }
    )
    return GroundedFeedback(stored, tuple(claims))


_CONTRACT_WORDS = frozenset(
    word
    for model in (FeedbackAnswer, FailurePattern, PromptRecommendation, ThresholdAdjustment, DataQualityFeedback)
    for name, field in model.model_fields.items()
    for word in (name, *map(str, get_args(field.annotation)))
) | {"signal_id", "candidate_id", "record_id"}
"""Names of fields and fixed words of the contract, which a sentence may use."""


def _whole(case: FeedbackCase, answer: FeedbackAnswer) -> Iterator[Claim]:
    if answer.feedback_id != case.feedback_id:
        yield Claim("wrong_feedback_id", {"feedback_id": answer.feedback_id}, f"asked about {case.feedback_id}")
    quality = answer.data_quality_feedback
    if quality.issues_detected != case.signals_with_issues:
        yield Claim(
            "issue_count_mismatch",
            {"issues_detected": quality.issues_detected},
            f"{case.signals_with_issues} signals have an issue",
        )
    for category in quality.categories:
        if category not in case.categories:
            yield Claim("unknown_category", {"category": category}, "no such issue on the trades of these signals")
    if not case.end < answer.next_review_date <= case.end + LONGEST_WAIT:
        yield Claim(
            "review_date_out_of_range",
            {"next_review_date": answer.next_review_date.isoformat()},
            f"it must lie within {LONGEST_WAIT.days} days after {case.end}",
        )


def _pattern(case: FeedbackCase, part: FailurePattern, seen: set[str], words: _Words) -> Iterator[Claim]:
    group = next((one for one in case.groups if one.group == part.group), None)
    if group is None:
        yield Claim("unknown_group", {}, "no such group of lost signals was computed")
        return
    if part.group in seen:
        yield Claim("repeated_group", {}, "the group was named before")
    if part.frequency != group.frequency:
        yield Claim("frequency_mismatch", {}, f"{group.frequency} signals of the group lost")
    if part.avg_loss_pct != group.avg_loss_pct:
        yield Claim("loss_mismatch", {}, f"they lost {group.avg_loss_pct} % on average")
    for signal_id in part.example_signal_ids:
        if signal_id not in words.signals:
            yield Claim("unknown_signal", {}, f"there is no signal {signal_id}")
        elif signal_id not in group.signal_ids:
            yield Claim("signal_not_of_group", {}, f"{signal_id} is not among the lost signals shown for the group")
    yield from _sentence("pattern", part.pattern, words)


def _recommendation(part: PromptRecommendation, words: _Words) -> Iterator[Claim]:
    yield from _sentence("description", part.description, words)
    yield from _sentence("expected_impact", part.expected_impact, words)


def _adjustment(case: FeedbackCase, part: ThresholdAdjustment, seen: set[str], words: _Words) -> Iterator[Claim]:
    known = next((one for one in case.parameters if one.name == part.parameter), None)
    if known is None:
        yield Claim("unknown_parameter", {}, f"detection has no parameter {part.parameter}")
        return
    if part.parameter in seen:
        yield Claim("repeated_parameter", {}, "the parameter was named before")
    if part.current_value != known.text:
        yield Claim("wrong_current_value", {}, f"its value is {known.text}")
    try:
        value = Decimal(part.recommended_value)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or (known.whole and value != value.to_integral_value()):
        yield Claim("not_a_number", {}, "the recommended value is not a number of its kind")
    elif not known.lowest <= value <= known.highest:
        yield Claim("value_out_of_range", {}, f"the range is {known.lowest} to {known.highest}")
    elif value == known.value:
        yield Claim("value_unchanged", {}, "the recommended value is the current one")
    yield from _sentence("rationale", part.rationale, words)


def _sentence(field: str, text: str, words: _Words) -> Iterator[Claim]:
    if len(_WORD.findall(text)) < FEWEST_WORDS:
        yield Claim("no_sentence", {field: text}, f"fewer than {FEWEST_WORDS} words say nothing to decide about")
    if "\n" in text or "\r" in text or any(one in text for one in _OBEYED):
        yield Claim("unsafe_text", {field: text}, "it holds what a template or the fence around data would obey")
    for signal_id in _SIGNAL.findall(text):
        if signal_id not in words.signals:
            yield Claim("text_signal", {field: text}, f"there is no signal {signal_id}")
    bare = _SIGNAL.sub(" ", text)
    for name in _NAME.findall(bare):
        if name not in words.names:
            yield Claim("text_name", {field: text}, f"{name} does not stand in the evidence")
    for code, said in unsupported(bare, words.shown):
        yield Claim(code, {field: text}, f"{said} does not stand in the evidence")
