"""A signal as one bet: the mean of its tickers at the primary horizon, as known at the end of a period. Pure.

Tickers of one signal were named for one reason on one day; counted singly, a signal of twenty would weigh as twenty
independent ones. A ticker without prices is left out of the mean; while one of them is open, so is the signal.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import fmean

from llm_pipeline.feedback.market import Status
from llm_pipeline.feedback.outcome import Outcome
from llm_pipeline.feedback.signal import Signal


@dataclass(frozen=True)
class Result:
    """What became of a signal.

    Attributes:
        entry: first entry of its closed tickers.
        tickers: the closed ones.
        return_pct, alpha_pct: means over them, in the signal's direction; alpha is None without a benchmark.
        by_position: whether a position was taken on it.
    """

    signal: Signal
    status: Status
    entry: date | None = None
    tickers: tuple[str, ...] = ()
    return_pct: float | None = None
    alpha_pct: float | None = None
    by_position: bool = False

    @property
    def directed(self) -> bool:
        """Whether it could be right or wrong."""
        return self.signal.direction != "neutral"

    @property
    def scored(self) -> bool:
        """Whether it counts in rates."""
        return self.directed and self.status == "closed"

    @property
    def hit(self) -> bool:
        """Whether it gained in its direction; asked of scored ones."""
        return self.return_pct is not None and self.return_pct > 0


def by_signal(outcomes: Iterable[Outcome], horizon: int) -> dict[str, list[Outcome]]:
    """The outcomes at one horizon, by signal."""
    found: dict[str, list[Outcome]] = defaultdict(list)
    for one in outcomes:
        if one.horizon_days == horizon:
            found[one.signal_id].append(one)
    return found


def results_at(signals: Iterable[Signal], outcomes: Mapping[str, Sequence[Outcome]], end: date) -> list[Result]:
    """The signals that were public before `end`, as they stood the day before it: what was settled later was open."""
    return [_result(signal, outcomes.get(signal.signal_id, ()), end) for signal in signals if signal.as_of_date < end]


def _result(signal: Signal, outcomes: Sequence[Outcome], end: date) -> Result:
    known = [one for one in outcomes if one.evaluated_to < end]
    closed = [one for one in known if one.status == "closed"]
    if not outcomes or len(known) < len(outcomes) or any(one.status == "open" for one in known):
        return Result(signal, "open")
    if not closed:
        return Result(signal, "no_price")
    alphas = [one.alpha_pct for one in closed if one.alpha_pct is not None]
    return Result(
        signal,
        "closed",
        entry=min(one.entry_date for one in closed if one.entry_date is not None),
        tickers=tuple(one.ticker for one in closed),
        return_pct=fmean(one.return_pct for one in closed if one.return_pct is not None),
        alpha_pct=fmean(alphas) if alphas else None,
        by_position=any(one.basis == "position" for one in closed),
    )
