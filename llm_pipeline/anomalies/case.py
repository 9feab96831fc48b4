"""A case: the candidates of one filer, or of one group of filers, with everything a model may know of them. Pure.

Belongs here: which candidates are asked about together, and which trades are shown. What a model is shown is what its
answer may cite; `grounding.py` checks against the same object.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from llm_pipeline.anomalies.detection.candidates import Candidate
from llm_pipeline.anomalies.detection.trade import Trade
from llm_pipeline.anomalies.detection.trial import NearEvent
from llm_pipeline.hashing import hash_of

MOST_TRADES = 30
"""Trades of candidates shown in one call: about 75 tokens each in the prompt and 45 in the answer."""
MOST_CANDIDATES = 3
"""Candidates in one call, about 450 tokens each; a filer with more on one day is asked about in several calls."""
MOST_CONTEXT = 8
"""Other recent trades of the filer shown beside them."""
LARGEST_NUMBER = 1_000_000


@dataclass(frozen=True)
class Restated:
    """A candidate's numbers as a model restates them: whole, None where none was computed."""

    z_score: int | None
    baseline_deviation_pct: int | None
    proximity_score: int | None


def whole(value: Decimal | None) -> int | None:
    """A number rounded to the nearest integer (half up), within what the contract can say."""
    if value is None:
        return None
    return max(0, min(LARGEST_NUMBER, int(value.to_integral_value(ROUND_HALF_UP))))


def restated(candidate: Candidate) -> Restated:
    """The numbers that an answer about the candidate must give."""
    values = {one.name: one.value for one in candidate.measures}
    return Restated(
        whole(values.get("z_score")),
        whole(values.get("baseline_deviation_pct")),
        whole(candidate.proximity_score),
    )


@dataclass(frozen=True)
class BaselineView:
    """What is usual for one filer, as shown to a model; None where there is too little to say."""

    filer: str
    trades: int
    months_observed: Decimal
    monthly_mean: Decimal | None
    monthly_sd: Decimal | None
    mean_amount_index: Decimal | None


@dataclass(frozen=True)
class Case:
    """Candidates that are asked about in one call.

    shown: ids of the trades shown for each candidate, all of them where they are few, else the largest.
    trades: every trade that is shown, by id; those of no candidate are context.
    most_events: events shown of each candidate, the nearest first; None: all.
    """

    as_of: date
    candidates: tuple[Candidate, ...]
    shown: Mapping[str, tuple[str, ...]]
    trades: Mapping[str, Trade]
    baselines: tuple[BaselineView, ...]
    most_events: int | None = None

    @property
    def filers(self) -> tuple[str, ...]:
        """Names of all filers concerned."""
        return tuple(dict.fromkeys(name for one in self.candidates for name in one.filers))

    @property
    def case_id(self) -> str:
        """From the as-of date and the candidates alone: asked again, it is the same case."""
        return f"case-{hash_of([self.as_of, [one.candidate_id for one in self.candidates]])[:16]}"

    @property
    def events(self) -> tuple[NearEvent, ...]:
        """The events that are shown, each once, by day."""
        found = {near.event.event_id: near for one in self.candidates for near in self.events_of(one)}
        return tuple(sorted(found.values(), key=lambda near: (near.event.day, near.event.event_id)))

    def events_of(self, candidate: Candidate) -> tuple[NearEvent, ...]:
        """The events of a candidate that are shown."""
        if self.most_events is None:
            return candidate.events
        near = sorted(candidate.events, key=lambda one: (abs(one.days_before), one.event.event_id))
        return tuple(near[: self.most_events])

    def only(self, ids: Iterable[str]) -> Case:
        """The case with some of its candidates; trades of the others become no context."""
        wanted = set(ids)
        candidates = tuple(one for one in self.candidates if one.candidate_id in wanted)
        shown = {one.candidate_id: self.shown[one.candidate_id] for one in candidates}
        others = {trade for one in self.candidates if one.candidate_id not in wanted for trade in one.trade_ids}
        kept = {trade for trades in shown.values() for trade in trades}
        trades = {i: trade for i, trade in self.trades.items() if i in kept or i not in others}
        return replace(self, candidates=candidates, shown=shown, trades=trades)

    def smaller(self, most: int) -> Case:
        """The case with at most `most` trades shown, a third as many events of each candidate and no context, for a
        model with a small window."""
        part = max(1, most // max(len(self.candidates), 1))
        shown = {one: trades[:part] for one, trades in self.shown.items()}
        kept = {trade for trades in shown.values() for trade in trades}
        trades = {i: one for i, one in self.trades.items() if i in kept}
        return replace(self, shown=shown, trades=trades, most_events=max(1, most // 3))


def group_candidates(candidates: Sequence[Candidate]) -> list[tuple[Candidate, ...]]:
    """The candidates of one as-of date by filer, or by group of filers for a coordinated pattern; by id within.

    No group holds more than `MOST_CANDIDATES`.
    """
    groups: dict[tuple[str, ...], list[Candidate]] = {}
    for candidate in sorted(candidates, key=lambda one: one.candidate_id):
        groups.setdefault(candidate.filer_keys, []).append(candidate)
    return [
        tuple(groups[key][first : first + MOST_CANDIDATES])
        for key in sorted(groups)
        for first in range(0, len(groups[key]), MOST_CANDIDATES)
    ]


def open_case(
    as_of: date,
    candidates: Sequence[Candidate],
    trades: Mapping[str, Trade],
    context: Sequence[Trade] = (),
    baselines: Sequence[BaselineView] = (),
) -> Case:
    """A case with the trades that fit: of each candidate at most its part of `MOST_TRADES`, the largest first.

    Args:
        trades: at least the trades of the candidates, by id.
        context: other trades of the filers known on the as-of date, those to be shown first first.

    Raises:
        KeyError: a candidate names a trade that is not given.
    """
    part = MOST_TRADES // max(len(candidates), 1)
    shown = {
        one.candidate_id: tuple(trade.record_id for trade in _by_weight([trades[i] for i in one.trade_ids])[:part])
        for one in candidates
    }
    picked = {i: trades[i] for ids in shown.values() for i in ids}
    own = {trade for one in candidates for trade in one.trade_ids}
    room = min(MOST_CONTEXT, max(0, MOST_TRADES - len(picked)))
    for trade in [one for one in context if one.record_id not in own][:room]:
        picked[trade.record_id] = trade
    return Case(as_of, tuple(candidates), shown, picked, tuple(baselines))


def _by_weight(trades: Iterable[Trade]) -> list[Trade]:
    return sorted(
        trades,
        key=lambda one: (-(one.amount_index or 0), -one.transaction_date.toordinal(), one.record_id),
    )
