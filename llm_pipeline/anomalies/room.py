"""How long an answer about a case can get: so that small models are not refused questions they have room for. Pure.

The configured `LLM_NUM_PREDICT` is made for the largest case. Where prompt and that much answer do not fit a model's
window together, an answer about few trades is known to need less.
"""

from __future__ import annotations

import json

from pydantic import BaseModel

from llm_pipeline.anomalies.case import Case
from llm_pipeline.anomalies.contract import AnomalyAnswer, SignalAnswer
from llm_pipeline.anomalies.interrogation import LONGEST_NOTES_ON_ONE
from llm_pipeline.anomalies.prompting import case_variables

STEP = 256
"""Room for an answer is given in steps of so many tokens: the same case asks with the same options again."""
MOST_EVENTS, MOST_TICKERS = 10, 20


def longest_answer(case: Case) -> str:
    """An answer that upholds every candidate with every trade shown and its texts as long as they may be."""
    records = {one["record_id"]: one for one in case_variables(case)["trading_records_json"]}
    signals = []
    for candidate in case.candidates:
        shown = [records[one] for one in case.shown[candidate.candidate_id]]
        tickers = sorted({one["ticker"] for one in shown} - {None})
        signals.append(
            {
                "candidate_id": candidate.candidate_id,
                "trades_involved": [{name: one[name] for name in ("record_id", "ticker", "date")} for one in shown],
                "statistical_evidence": {"z_score": 1_000_000, "baseline_deviation_pct": 1_000_000},
                "legislative_context": {
                    "proximity_score": 10,
                    "related_events": [near.event.event_id for near in case.events_of(candidate)[:MOST_EVENTS]],
                },
                "reasoning": _words(_longest(SignalAnswer, "reasoning")),
                "self_verification_notes": _words(_longest(SignalAnswer, "self_verification_notes")),
                "classification": candidate.classification,
                "severity": "critical",
                "confidence": 10,
                "trading_signal": {
                    "direction": "neutral",
                    "suggested_tickers": tickers[:MOST_TICKERS],
                    "time_horizon": "3_months",
                    "conviction": 10,
                },
            }
        )
    several = len(case.candidates) > 1
    notes = _words(_longest(AnomalyAnswer, "market_context_notes") if several else LONGEST_NOTES_ON_ONE)
    return json.dumps({"signals": signals, "rejected_candidates": [], "market_context_notes": notes})


def in_steps(tokens: int) -> int:
    """A number of tokens, rounded up to the next step."""
    return -(-tokens // STEP) * STEP


def _longest(contract: type[BaseModel], field: str) -> int:
    return int(contract.model_json_schema()["properties"][field]["maxLength"])


def _words(length: int) -> str:
    return ("evidence " * length)[:length]
