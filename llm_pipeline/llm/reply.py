"""What the gateway hands back for one question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel

from llm_pipeline.llm.audit import Attempt
from llm_pipeline.llm.errors import LlmError

Answer = TypeVar("Answer", bound=BaseModel)


@dataclass(frozen=True)
class Reply(Generic[Answer]):
    """What came of one question: an answer or an error, never both; the last attempt counts."""

    answer: Answer | None
    attempts: tuple[Attempt, ...]
    error: LlmError | None

    @property
    def audit_id(self) -> str | None:
        """The audit row of the answer, or of the last failure; None when no call was made."""
        return self.attempts[-1].id if self.attempts else None

    @property
    def calls(self) -> int:
        """Calls that reached for the server; answers from the cache are none."""
        return sum(not attempt.cache_hit for attempt in self.attempts)
