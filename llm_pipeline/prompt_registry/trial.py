"""The shapes of a trial: labelled cases asked with one version of a prompt, in several repeats. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from llm_pipeline.llm.audit import Attempt

Outcome = Literal["right", "wrong", "undecided"]

_DID_NOT_FIT = ("invalid", "truncated", "refused")
"""What an answer is that does not fit the schema; a server that was busy says nothing about a prompt."""


@dataclass(frozen=True)
class TrialCase:
    """One labelled case.

    Attributes:
        kind: of the defect or pattern that it has; None: it is clean, and an alarm is false.
        reviewed: whether a human gave the label while overruling the product.
    """

    set_name: str
    case_id: str
    kind: str | None
    reviewed: bool = False


@dataclass(frozen=True)
class SetFacts:
    """Which labelled set was used: its name, the SHA-256 of its content, and how many cases it has."""

    name: str
    sha256: str
    cases: int


@dataclass(frozen=True)
class Original:
    """The call behind an answer from the cache, so that a figure does not depend on what was asked before."""

    latency_ms: int
    cost_usd: float
    failed_first: bool


@dataclass(frozen=True)
class Asked:
    """What one batch cost, under a name that both sides share."""

    batch: str
    questions: int
    fitting: int
    calls: int
    latency_ms: int
    input_tokens: int
    output_tokens: int
    cost_usd: float


@dataclass(frozen=True)
class Trial:
    """One repeat of one version: outcome by case, what each batch cost, and measures to be reported."""

    outcomes: Mapping[TrialCase, Outcome]
    asked: Sequence[Asked]
    measures: Mapping[str, Any]


@dataclass(frozen=True)
class Tally:
    """One case over all repeats of a version."""

    case: TrialCase
    right: int
    undecided: int


@dataclass(frozen=True)
class Side:
    """A version over all repeats.

    Attributes:
        asked: by repeat and batch.
        measures: of each repeat.
    """

    repeats: int
    tallies: Mapping[tuple[str, str], Tally]
    asked: Mapping[str, Asked]
    measures: Sequence[Mapping[str, Any]] = field(default=())

    @classmethod
    def of(cls, trials: Sequence[Trial]) -> Side:
        """All repeats of one version together."""
        cases = dict.fromkeys(case for trial in trials for case in trial.outcomes)
        told = {case: [trial.outcomes[case] for trial in trials] for case in cases}
        tallies = {
            (case.set_name, case.case_id): Tally(case, outcomes.count("right"), outcomes.count("undecided"))
            for case, outcomes in told.items()
        }
        asked = {f"{number} {one.batch}": one for number, trial in enumerate(trials) for one in trial.asked}
        return cls(len(trials), tallies, asked, [trial.measures for trial in trials])


def asked_of(batch: str, attempts: Iterable[Attempt], originals: Mapping[str, Original]) -> Asked:
    """What a batch's attempts came to.

    Args:
        originals: for each attempt from the cache, by its id, the call that it repeats.
    """
    questions = fitting = 0
    rows = list(attempts)
    for number, one in enumerate(rows):
        if one.attempt == 1:
            questions += 1
            rest = [two.attempt for two in rows[number + 1 :]]
            own = rows[number : number + 1 + (rest.index(1) if 1 in rest else len(rest))]
            cached = originals.get(one.id)
            failed = any(two.status in _DID_NOT_FIT for two in own) or (cached is not None and cached.failed_first)
            fitting += not failed
    return Asked(
        batch=batch,
        questions=questions,
        fitting=fitting,
        calls=len(rows),
        latency_ms=sum(originals[one.id].latency_ms if one.id in originals else one.latency_ms for one in rows),
        input_tokens=sum(one.input_tokens or 0 for one in rows),
        output_tokens=sum(one.output_tokens or 0 for one in rows),
        cost_usd=sum(originals[one.id].cost_usd if one.id in originals else one.cost_usd for one in rows),
    )
