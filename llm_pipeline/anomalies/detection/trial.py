"""What a detector hands back; pure. A trial is one test with its p-value; a finding is the pattern behind it.

Evidence is built only for trials that pass: a day at scale has thousands of trials and a handful of findings.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Context, Decimal

from llm_pipeline.anomalies.detection.trade import Classification
from llm_pipeline.reference.records import CalendarEvent

_SIX_DIGITS = Context(prec=6)


def rounded(value: float) -> Decimal:
    """A number for evidence: six significant digits, which any machine's arithmetic agrees on.

    Raises:
        ValueError: not a finite number; a detector must say None instead.
    """
    if not math.isfinite(value):
        raise ValueError(f"evidence must be finite, not {value}")
    return (_SIX_DIGITS.create_decimal(repr(float(value))) + 0).normalize(_SIX_DIGITS)


@dataclass(frozen=True)
class Measure:
    """One number of the evidence: what, how much, from how many observations, how. None = not computable."""

    name: str
    value: Decimal | None
    n: int
    method: str


def measure(name: str, value: float | None, n: int, method: str) -> Measure:
    """A measure with its value rounded for good."""
    return Measure(name, None if value is None else rounded(value), int(n), method)


def set_apart(n: int) -> tuple[Measure, ...]:
    """What a baseline leaves out, where it leaves out anything: without it a plot and the numbers seem to disagree."""
    method = "decisions before the window that belong to episodes reported before, not in the baseline"
    return (measure("set_apart_trades", n, n, method),) if n else ()


@dataclass(frozen=True)
class NearEvent:
    """A calendar event beside trades: `days_before` of the nearest trade (negative = after), how many before, after."""

    event: CalendarEvent
    days_before: int
    trades_before: int
    trades_after: int


@dataclass(frozen=True)
class Finding:
    """The pattern of a trial: book rows of the trades that form it, numbers, events, cautions.

    detector: which computed it; subject: what it is about besides the filer (a sector, a ticker and side), else "".
    """

    classification: Classification
    detector: str
    subject: str
    filer_keys: tuple[str, ...]
    rows: tuple[int, ...]
    measures: tuple[Measure, ...]
    events: tuple[NearEvent, ...] = ()
    proximity_score: Decimal | None = None
    cautions: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class Trial:
    """One test of one detector on one filer: p over everything it looked at, and how to tell the pattern.

    large_enough: the effect also exceeds the thresholds that are not about probability; possible: False where no test
    could be made whatever the newly known trades showed (no seat, no known rate, too few amounts, nobody else active).
    Such a trial is not in the family: leaving out what could not have been significant, by what the test conditions on,
    keeps the level (Tarone 1990, Biometrics 46, 515-522).
    """

    detector: str
    filer_key: str
    p_value: float
    large_enough: bool
    describe: Callable[[], Finding] | None
    possible: bool = True


def no_evidence(detector: str, filer_key: str) -> Trial:
    """A trial that looked and found nothing: it counts in the family with p = 1."""
    return Trial(detector, filer_key, 1.0, False, None)


def no_test(detector: str, filer_key: str) -> Trial:
    """A trial that could not be made, whatever the newly known trades showed: it is not in the family."""
    return Trial(detector, filer_key, 1.0, False, None, possible=False)


def trials_by_filer(
    detector: str, filer_keys: Sequence[str], tested: Container[int], found: Mapping[int, Trial]
) -> list[Trial]:
    """One trial for each filer, in order: what was found, else whether a test could be made.

    tested, found: by place among the filers.
    """
    return [
        found.get(i) or (no_evidence(detector, key) if i in tested else no_test(detector, key))
        for i, key in enumerate(filer_keys)
    ]
