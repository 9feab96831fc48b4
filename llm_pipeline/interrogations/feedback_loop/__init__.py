"""feedback_loop: what a model would change after seeing the outcomes of a period. Wires the slice `recommendations`."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import psycopg
from pydantic import BaseModel, ConfigDict, Field

from llm_pipeline.interrogations.queued import (
    Evidence,
    EvidenceMissingError,
    Grounded,
    JobRef,
    QueuedInterrogation,
    UngroundedClaim,
)
from llm_pipeline.llm.schema import Schema
from llm_pipeline.recommendations.contract import FeedbackAnswer
from llm_pipeline.recommendations.grounding import ground_feedback, proposes_nothing
from llm_pipeline.recommendations.interrogation import KEY, bound_schema
from llm_pipeline.recommendations.store import read_case, store_recommendation


class FeedbackPeriod(BaseModel):
    """Which period: the one with a scorecard that ends on `end`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    end: date = Field(description="first day after the period")


class NothingClosedError(EvidenceMissingError):
    """No signal of the period has an outcome yet: there is nothing to learn from, which is no failure."""


def _gather(conn: psycopg.Connection[Any], asked: BaseModel, now: datetime) -> Evidence:
    assert isinstance(asked, FeedbackPeriod)
    case = read_case(conn, asked.end)
    if case is None:
        raise EvidenceMissingError(f"no scorecard ends on {asked.end}: materialise `scorecards` for that week first")
    if not case.signals:
        raise NothingClosedError(f"no signal between {case.start} and {case.end} has a closed outcome yet")
    return Evidence(variables=case.question(), facts=case)


def _bind(schema: Schema, evidence: Evidence) -> Schema:
    return bound_schema(schema, evidence.facts)


def _ground(evidence: Evidence, answer: BaseModel) -> Grounded:
    assert isinstance(answer, FeedbackAnswer)
    found = ground_feedback(evidence.facts, answer)
    claims = tuple(UngroundedClaim(one.claim, one.reason_code, one.detail) for one in found.claims)
    # An answer of which nothing is left is refused; one that proposes nothing of itself is an answer.
    return Grounded(None if found.empty and claims else found.answer, claims)


def _store(
    cur: psycopg.Cursor[Any], job: JobRef, evidence: Evidence, grounded: Grounded, audit_id: str, now: datetime
) -> None:
    if not proposes_nothing(grounded.result):  # nobody has to decide about nothing; the job and its call are kept
        store_recommendation(cur, evidence.facts, grounded.result, audit_id, now)


INTERROGATION = QueuedInterrogation(
    key=KEY,
    input_model=FeedbackPeriod,
    contract=FeedbackAnswer,
    model=lambda settings: settings.llm_feedback_model,
    gather=_gather,
    bind=_bind,
    ground=_ground,
    store=_store,
)
