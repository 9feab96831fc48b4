"""What the worker needs to know of an interrogation that is asked from the queue. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg
from pydantic import BaseModel

from llm_pipeline.llm.interrogation import ModelOptions
from llm_pipeline.llm.schema import Schema
from llm_pipeline.settings import Settings


class EvidenceMissingError(ValueError):
    """The job asks about something that is not there: trying again does not help. The message says what and where."""


@dataclass(frozen=True)
class Evidence:
    """What one question is asked from.

    Attributes:
        variables: of the template; text goes in as it is, everything else as JSON. They are the evidence bundle that is
            stored with the call.
        facts: what code knows and grounding needs, never shown to the model as such.
        notes: how the evidence was made (what was left out or redacted, as counts, hashes and spans); stored in the
            bundle, not shown to the model.
    """

    variables: Mapping[str, Any]
    facts: Any = None
    notes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class UngroundedClaim:
    """What a model asserted and code could not confirm: a row of `ungrounded_claims`."""

    claim: Mapping[str, Any]
    reason_code: str
    detail: str


@dataclass(frozen=True)
class Grounded:
    """What code makes of an answer.

    Attributes:
        result: what may be stored, with computed facts in place of the model's; None when the answer as a whole is
            refused.
        claims: what was refused.
    """

    result: Any
    claims: Sequence[UngroundedClaim] = field(default=())


@dataclass(frozen=True)
class JobRef:
    """The job that a result belongs to; `input` is an instance of the interrogation's `input_model`."""

    job_id: str
    fencing_token: int
    input: BaseModel
    idempotency_key: str | None = None


@dataclass(frozen=True)
class QueuedInterrogation:
    """One kind of question that can be queued.

    Attributes:
        key: of the template and of the folder.
        input_model: what `input_json` of a job must be; anything else is dead at once.
        contract: of the answer.
        model: the model to ask, from the settings (`model_hint` of a job goes first).
        gather: evidence for an input, read in one read-only transaction. Raises EvidenceMissingError.
        bind: the schema for this question, ids bound to those of the evidence.
        ground: the answer against the evidence; pure.
        store: write the result in the transaction of the audit row and of the job's completion: (cursor, job, evidence,
            grounded answer, audit id, now). Not called for a refused answer; refused claims are stored by the worker.
        options: of the call; as the settings say unless given.
    """

    key: str
    input_model: type[BaseModel]
    contract: type[BaseModel]
    model: Callable[[Settings], str]
    gather: Callable[[psycopg.Connection[Any], BaseModel, datetime], Evidence]
    bind: Callable[[Schema, Evidence], Schema]
    ground: Callable[[Evidence, BaseModel], Grounded]
    store: Callable[[psycopg.Cursor[Any], JobRef, Evidence, Grounded, str, datetime], None]
    options: Callable[[Settings], ModelOptions] = ModelOptions.of
