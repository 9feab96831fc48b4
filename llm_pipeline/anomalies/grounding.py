"""What an answer is worth: every candidate, trade, ticker, day, number and event in it against the evidence. Pure.

The rules
- A signal stands as a whole or not at all: one claim that the evidence does not bear out, and it is no signal.
- Ids must be those that the case shows, and belong together: a trade to its candidate, with its own ticker and day,
  an event to its candidate. Suggested tickers are among those of the candidate's trades.
- Numbers equal the computed ones, rounded to whole numbers; null stands where nothing was computed.
- Figures, days, tickers and ids in its sentences stand in the evidence.
- A signal and a rejection give a reason in words.
- The direction does not run against the trades: no `long` on sales alone, no `short` on purchases alone.
Severity, confidence, horizon and conviction are judgements, bounded by the contract; `decision.py` lowers a confidence
that the sample does not allow.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from llm_pipeline.anomalies.case import Case, restated
from llm_pipeline.anomalies.contract import RejectedCandidate, SignalAnswer
from llm_pipeline.anomalies.detection.candidates import Candidate
from llm_pipeline.anomalies.prompting import case_variables
from llm_pipeline.anomalies.text_claims import Shown, TextCode, unsupported

ReasonCode = (
    Literal[
        "unknown_candidate",
        "classification_mismatch",
        "no_trades",
        "unknown_trade",
        "trade_not_of_candidate",
        "repeated_trade",
        "ticker_mismatch",
        "date_mismatch",
        "number_mismatch",
        "unknown_event",
        "event_not_of_candidate",
        "ticker_not_traded",
        "direction_mismatch",
        "no_reason",
    ]
    | TextCode
)


@dataclass(frozen=True)
class Claim:
    """Something a model asserted and the evidence does not bear out. `detail` is for people."""

    reason_code: ReasonCode
    claim: dict[str, Any]
    detail: str


def ground_signal(case: Case, signal: SignalAnswer, shown: Shown | None = None) -> list[Claim]:
    """What is not borne out in a signal; empty: it stands.

    Args:
        shown: of the case, when it was made already.
    """
    candidate = next((one for one in case.candidates if one.candidate_id == signal.candidate_id), None)
    if candidate is None:
        return [Claim("unknown_candidate", {"candidate_id": signal.candidate_id}, "nobody asked about this candidate")]
    shown = shown or Shown.of(case_variables(case))
    return [
        Claim(one.reason_code, {"candidate_id": signal.candidate_id, **one.claim}, one.detail)
        for part in (
            _classification(candidate, signal),
            _trades(case, candidate, signal),
            _numbers(candidate, signal),
            _events(case, candidate, signal),
            _trading_signal(case, candidate, signal),
            _texts(signal, shown),
        )
        for one in part
    ]


def ground_rejection(case: Case, rejected: RejectedCandidate, shown: Shown | None = None) -> list[Claim]:
    """What the explanation of a rejection asserts without support, or that there is none."""
    shown = shown or Shown.of(case_variables(case))
    if _wordless(rejected.mundane_explanation):
        return [Claim("no_reason", {"candidate_id": rejected.candidate_id}, "a rejection names the explanation")]
    return [
        Claim(code, {"candidate_id": rejected.candidate_id, "words": words}, "in the mundane explanation")
        for code, words in unsupported(rejected.mundane_explanation, shown)
    ]


def _classification(candidate: Candidate, signal: SignalAnswer) -> Iterator[Claim]:
    if signal.classification != candidate.classification:
        yield Claim(
            "classification_mismatch",
            {"classification": signal.classification},
            f"the evidence is of {candidate.classification}",
        )


def _trades(case: Case, candidate: Candidate, signal: SignalAnswer) -> Iterator[Claim]:
    if not signal.trades_involved:
        yield Claim("no_trades", {}, "a signal names the trades it is about")
    seen: set[str] = set()
    for one in signal.trades_involved:
        claim = one.model_dump(mode="json")
        trade = case.trades.get(one.record_id)
        if trade is None:
            yield Claim("unknown_trade", claim, "no such trade was shown")
            continue
        if one.record_id not in candidate.trade_ids:
            yield Claim("trade_not_of_candidate", claim, "the trade is shown, but not as part of this candidate")
        if one.record_id in seen:
            yield Claim("repeated_trade", claim, "the trade is named twice")
        seen.add(one.record_id)
        if one.ticker != trade.ticker:
            yield Claim("ticker_mismatch", claim, f"the trade's ticker is {trade.ticker}")
        if one.date != trade.transaction_date:
            yield Claim("date_mismatch", claim, f"the trade was made on {trade.transaction_date}")


def _numbers(candidate: Candidate, signal: SignalAnswer) -> Iterator[Claim]:
    computed = restated(candidate)
    said = {
        "z_score": signal.statistical_evidence.z_score,
        "baseline_deviation_pct": signal.statistical_evidence.baseline_deviation_pct,
        "proximity_score": signal.legislative_context.proximity_score,
    }
    for name, value in said.items():
        if value != getattr(computed, name):
            yield Claim("number_mismatch", {name: value}, f"computed: {getattr(computed, name)}")


def _events(case: Case, candidate: Candidate, signal: SignalAnswer) -> Iterator[Claim]:
    known = {near.event.event_id for near in case.events}
    own = {near.event.event_id for near in case.events_of(candidate)}
    for event_id in signal.legislative_context.related_events:
        if event_id not in known:
            yield Claim("unknown_event", {"event_id": event_id}, "no such event was shown")
        elif event_id not in own:
            yield Claim(
                "event_not_of_candidate", {"event_id": event_id}, "the event is not near this candidate's trades"
            )


def _trading_signal(case: Case, candidate: Candidate, signal: SignalAnswer) -> Iterator[Claim]:
    own = [case.trades[i] for i in case.shown[candidate.candidate_id]]
    traded = {trade.ticker for trade in own}
    for ticker in signal.trading_signal.suggested_tickers:
        if ticker not in traded:
            yield Claim("ticker_not_traded", {"ticker": ticker}, "no trade of this candidate has this ticker")
    sides = {trade.side for trade in own}
    direction = signal.trading_signal.direction
    if (direction, sides) in (("long", {"sell"}), ("short", {"buy"})):
        yield Claim("direction_mismatch", {"direction": direction}, f"every trade of this candidate is a {sides.pop()}")


def _texts(signal: SignalAnswer, shown: Shown) -> Iterator[Claim]:
    if _wordless(signal.reasoning):
        yield Claim("no_reason", {"field": "reasoning"}, "a signal names its reason")
    for field in ("reasoning", "self_verification_notes"):
        for code, words in unsupported(getattr(signal, field), shown):
            yield Claim(code, {"field": field, "words": words}, "it does not stand in the evidence")


def _wordless(text: str) -> bool:
    return not any(len(word) > 1 for word in re.findall(r"[^\W\d_]+", text))
