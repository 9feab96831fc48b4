"""A job before it is queued, and a job as a worker holds it. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pydantic import BaseModel

from llm_pipeline.db.bulk import json_text
from llm_pipeline.hashing import hash_of

MAX_ATTEMPTS = 3

Hold = tuple[str, int]
"""A claim: job id and fencing token."""


@dataclass(frozen=True)
class NewJob:
    """A question to be queued.

    Attributes:
        interrogation_key: of a folder of `llm_pipeline/interrogations/`.
        input: what the interrogation's `input_model` takes, or an instance of it.
        priority: higher is served first.
        idempotency_key: the same key is the same job, whatever else differs; derived from interrogation and input
            unless given.
        model_hint: a model to ask instead of the configured one.
    """

    interrogation_key: str
    input: Mapping[str, Any] | BaseModel
    priority: int = 0
    idempotency_key: str | None = None
    model_hint: str | None = None
    max_attempts: int = MAX_ATTEMPTS

    @property
    def input_json(self) -> str:
        """The input as it is stored."""
        value = self.input.model_dump(mode="json") if isinstance(self.input, BaseModel) else self.input
        return json_text(value)

    @property
    def key(self) -> str:
        """The idempotency key that counts."""
        return self.idempotency_key or derived_key(self.interrogation_key, self.input_json)


@dataclass(frozen=True)
class ClaimedJob:
    """A job that a worker holds until its lease ends; every write about it names the fencing token.

    Attributes:
        attempt: 1 for the first.
        unusable_answers: so far; each moves the seed on, so that the next question is another one.
    """

    job_id: str
    fencing_token: int
    interrogation_key: str
    input_json: Any
    priority: int
    attempt: int
    max_attempts: int
    unusable_answers: int
    idempotency_key: str | None
    model_hint: str | None

    @property
    def hold(self) -> Hold:
        """This claim, apart from any other of the same job."""
        return self.job_id, self.fencing_token

    @property
    def last_attempt(self) -> bool:
        """Whether a failure now is the end."""
        return self.attempt >= self.max_attempts


def derived_key(interrogation_key: str, input_json: str) -> str:
    """The idempotency key of a question: SHA-256 over the canonical JSON of interrogation and input.

    The prompt's version is not part of it: a reworded prompt does not make old questions new ones. To ask again, replay
    the job (`jobs retry`) or give a key of your own.
    """
    value = json.loads(input_json, parse_float=Decimal)
    return hash_of({"input": value, "interrogation": interrogation_key})
