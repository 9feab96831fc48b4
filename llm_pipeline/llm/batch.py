"""The shapes of a batch: what is asked, what an answer said of each item, what became of all. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from llm_pipeline.llm.audit import Attempt
from llm_pipeline.llm.errors import DoubledAnswer, LlmError, MissingAnswer
from llm_pipeline.llm.prompts import Messages
from llm_pipeline.llm.schema import Schema

Value = TypeVar("Value")


@dataclass(frozen=True)
class BatchQuestion:
    """One call for some items: messages, schema bound to their ids, and what its audit row should say."""

    messages: Messages
    schema: Schema
    request_context: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Collected(Generic[Value]):
    """What one answer says about the items that were asked.

    Attributes:
        answers: by id, only ids that were asked and answered exactly once.
        problems: by id, why an item that was asked has no answer; without an entry it is simply missing.
        foreign: ids that nobody asked about; dropped, and reported.
    """

    answers: Mapping[str, Value]
    problems: Mapping[str, LlmError] = field(default_factory=dict)
    foreign: tuple[str, ...] = ()


def collect_by_id(entries: Iterable[Value], ids: Sequence[str], id_of: Callable[[Value], str]) -> Collected[Value]:
    """Sort an answer's entries by the ids they name; a repeated one counts once, different ones never."""
    asked = dict.fromkeys(ids)
    answers: dict[str, Value] = {}
    problems: dict[str, LlmError] = {}
    foreign: list[str] = []
    for entry in entries:
        name = id_of(entry)
        if name not in asked:
            foreign.append(name)
        elif name not in answers:
            answers[name] = entry
        elif answers[name] != entry:
            problems[name] = DoubledAnswer(f"{name} was answered more than once, differently")
    for name in problems:
        del answers[name]
    for name in asked:
        if name not in answers and name not in problems:
            problems[name] = MissingAnswer(f"the answer leaves {name} out")
    return Collected(answers, problems, tuple(foreign))


@dataclass(frozen=True)
class ItemAnswer(Generic[Value]):
    """The answer for one item and the audit row of the call that gave it."""

    value: Value
    audit_id: str


@dataclass(frozen=True)
class ItemFailure:
    """Why an item has no answer: the error's class, its message, and the last call's audit row if any."""

    error_class: str
    message: str
    audit_id: str | None = None


@dataclass(frozen=True)
class BatchOutcome(Generic[Value]):
    """What became of a batch. Every id is in exactly one of `answers` and `failures`.

    Attributes:
        attempts: every call, to be written in the transaction of the answers.
        foreign: ids that the model made up, as often as it did.
        fatal: set when no further call of this run can succeed (see `Gateway`).
    """

    answers: Mapping[str, ItemAnswer[Value]]
    failures: Mapping[str, ItemFailure]
    attempts: tuple[Attempt, ...]
    foreign: tuple[str, ...] = ()
    fatal: LlmError | None = None

    @property
    def calls(self) -> int:
        """Calls that reached for the server; answers from the cache are none."""
        return sum(not attempt.cache_hit for attempt in self.attempts)
