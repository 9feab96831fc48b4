"""What it means for a job that something went wrong: wait, try again, ask differently, or give up. Pure.

| what | the job |
|---|---|
| unknown interrogation, wrong input, no evidence, a prompt that does not fit, a request the server never takes | dead |
| the model's server is away, the model is not there | given back; the attempt does not count |
| an answer that breaks the contract, is cut, refused by the model or by grounding | again, with another seed |
| anything else (timeout, busy server, an error of a builder or of a store) | again |
"Again" is dead when no attempt is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llm_pipeline.interrogations.queued import EvidenceMissingError, UngroundedClaim
from llm_pipeline.interrogations.registry import InvalidInputError, UnknownInterrogationError
from llm_pipeline.jobs.evidence import EvidenceTooLargeError
from llm_pipeline.jobs.job import ClaimedJob
from llm_pipeline.jobs.store import JobEnd
from llm_pipeline.llm.errors import ContextOverflow, LlmError, RequestRefused
from llm_pipeline.llm.prompts import PromptError

_PERMANENT = (
    UnknownInterrogationError,
    InvalidInputError,
    EvidenceMissingError,
    EvidenceTooLargeError,
    PromptError,
)


@dataclass(frozen=True)
class Trouble:
    """Why an attempt has no result.

    Attributes:
        permanent: another attempt would fail in the same way.
        unusable: an answer came that cannot be used; the same question would bring the same one.
        waits: nothing can succeed with this model now, and it is no fault of the job.
    """

    reason: str
    permanent: bool = False
    unusable: bool = False
    waits: bool = False


def trouble_before_asking(error: Exception) -> Trouble:
    """Of an error while evidence was gathered."""
    return Trouble(_told(error), permanent=isinstance(error, _PERMANENT))


def trouble_of_model(error: LlmError, hinted: bool) -> Trouble:
    """Of a call.

    Args:
        hinted: the job itself named the model, so that a missing one is its own fault.
    """
    if error.fatal and not hinted:
        return Trouble(_told(error), waits=True)
    permanent = isinstance(error, ContextOverflow) or (isinstance(error, RequestRefused) and not error.fatal)
    return Trouble(_told(error), permanent=permanent, unusable=error.split and not permanent)


def trouble_of_claims(claims: Sequence[UngroundedClaim]) -> Trouble:
    """Of an answer that grounding refuses as a whole."""
    codes = ", ".join(dict.fromkeys(claim.reason_code for claim in claims)) or "no reason given"
    first = f"; first: {claims[0].detail}" if claims else ""
    return Trouble(f"Ungrounded: {codes}{first}", unusable=True)


def end_of(trouble: Trouble, job: ClaimedJob, pause_s: float, audit_id: str | None) -> JobEnd:
    """How the attempt ends that met this trouble."""
    if trouble.permanent or job.last_attempt:
        return JobEnd("DEADLETTER", trouble.reason, 0.0, audit_id, trouble.unusable)
    return JobEnd("FAILED", trouble.reason, pause_s, audit_id, trouble.unusable)


def _told(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
