"""The contract of the anomaly_detection interrogation: what a model must answer.

Belongs here: the Pydantic model of the answer, nothing else. What an answer is worth is decided in `grounding.py`.
Numbers are whole (bounds of integers are enforced by servers, those of other numbers are not): a model restates the
computed number rounded to the nearest integer, and what is stored is the computed one with all its digits. In every
object the evidence stands before the judgement, because models write left to right.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from llm_pipeline.anomalies.detection.trial import Classification

Id = Annotated[str, StringConstraints(max_length=200)]
Ticker = Annotated[str, StringConstraints(max_length=20)]
Whole = Annotated[int, Field(ge=0, le=1_000_000)]
Grade = Annotated[int, Field(ge=0, le=10)]

Severity = Literal["low", "medium", "high", "critical"]
Direction = Literal["long", "short", "neutral"]
TimeHorizon = Literal["1_week", "1_month", "3_months", "6_months"]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TradeInvolved(_Answer):
    """A trade that belongs to the pattern: its id, its ticker (null when it has none) and the day it was made."""

    record_id: Id
    ticker: Ticker | None
    date: date


class StatisticalEvidence(_Answer):
    """The candidate's computed numbers, rounded to whole ones; null where none was computed."""

    z_score: Whole | None
    baseline_deviation_pct: Whole | None


class LegislativeContext(_Answer):
    """The candidate's computed proximity score, rounded to a whole number, and ids of its events."""

    proximity_score: Grade | None
    related_events: Annotated[list[Id], Field(max_length=10)]


class TradingSignal(_Answer):
    """What somebody could do who trades after the disclosure."""

    direction: Direction
    suggested_tickers: Annotated[list[Ticker], Field(max_length=20)]
    time_horizon: TimeHorizon
    conviction: Grade


class SignalAnswer(_Answer):
    """A candidate that the model upholds."""

    candidate_id: Id
    trades_involved: Annotated[list[TradeInvolved], Field(max_length=200)]
    statistical_evidence: StatisticalEvidence
    legislative_context: LegislativeContext
    reasoning: Annotated[str, StringConstraints(max_length=640)]
    self_verification_notes: Annotated[str, StringConstraints(max_length=400)]
    classification: Classification
    severity: Severity
    confidence: Grade
    trading_signal: TradingSignal


class RejectedCandidate(_Answer):
    """A candidate for which the model finds a mundane explanation likelier."""

    candidate_id: Id
    mundane_explanation: Annotated[str, StringConstraints(max_length=400)]


class AnomalyAnswer(_Answer):
    """The answer about one filer or one group of filers: every candidate once, in one of the two lists."""

    signals: Annotated[list[SignalAnswer], Field(max_length=30)]
    rejected_candidates: Annotated[list[RejectedCandidate], Field(max_length=30)]
    market_context_notes: Annotated[str, StringConstraints(max_length=800)]
