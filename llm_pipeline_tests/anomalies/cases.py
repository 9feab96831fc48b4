"""An invented case with a good answer about it, for the tests of grounding and of the model's part."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from llm_pipeline.anomalies.case import BaselineView, Case, open_case
from llm_pipeline.anomalies.contract import AnomalyAnswer
from llm_pipeline.anomalies.detection.candidates import Candidate
from llm_pipeline.anomalies.detection.trade import Trade
from llm_pipeline.anomalies.detection.trial import Measure, NearEvent
from llm_pipeline.reference.records import CalendarEvent

AS_OF = date(2020, 6, 1)
FILER = "Quillon A Featherbarrow"


def trade_id(number: int) -> str:
    """Ids look like those of stored disclosures."""
    return f"00000000-0000-5000-8000-{number:012d}"


def trade(number: int, **changes: Any) -> Trade:
    """A purchase of a large company."""
    values: dict[str, Any] = {
        "record_id": trade_id(number),
        "filer": FILER,
        "filer_key": "X900001",
        "chamber": "Senate",
        "transaction_date": date(2020, 5, 4) + timedelta(days=number % 9),
        "disclosure_date": AS_OF,
        "ticker": ("MSFT", "AAPL", "XOM")[number % 3],
        "asset_description": "An invented holding",
        "asset_type": "Stock",
        "side": "buy",
        "amount_index": 2 + number % 3,
        "amount_low": 15_001,
        "amount_high": 50_000,
        "owner": "Self",
        "source_url": "https://example.org/report",
    }
    return Trade(**values | changes)


def event(name: str, day: date) -> CalendarEvent:
    """A hearing on energy."""
    return CalendarEvent(name, "hearing", day, "Oversight of energy", "SSEG", None, ("Energy",), "https://example.org")


HEARING = NearEvent(event("hearing-7", date(2020, 5, 14)), 2, 3, 0)
VOTE = NearEvent(event("vote-9", date(2020, 5, 20)), 8, 2, 1)


def candidate(name: str, numbers: range, **changes: Any) -> Candidate:
    """A candidate over trades of the given numbers."""
    trades = [trade(number) for number in numbers]
    values: dict[str, Any] = {
        "candidate_id": f"cand-{name}",
        "classification": "FREQUENCY_SPIKE",
        "detector": "frequency",
        "subject": "",
        "filer_keys": ("X900001",),
        "filers": (FILER,),
        "as_of_date": AS_OF,
        "window_start": min(one.transaction_date for one in trades),
        "window_end": max(one.transaction_date for one in trades),
        "trade_ids": tuple(sorted(one.record_id for one in trades)),
        "p_value": Decimal("0.000012"),
        "adjusted_p": Decimal("0.00004"),
        "family_size": 24,
        "measures": (
            Measure("trades_in_window", Decimal(len(trades)), len(trades), "decisions in 30 days"),
            Measure("baseline_deviation_pct", Decimal("431.4"), 13, "observed / expected - 1"),
            Measure("z_score", Decimal("6.52"), 13, "(observed - expected) / sd"),
            Measure("robust_z", None, 12, "median and 1.4826 MAD"),
        ),
        "cautions": (),
        "events": (),
        "proximity_score": None,
        "thresholds_version": "1.0.0",
        "thresholds_fingerprint": "ab" * 32,
        "first_seen": AS_OF,
        "last_seen": AS_OF,
    }
    return Candidate(**values | changes)


SPIKE = candidate("aaaa0001", range(8))
TIMING = candidate(
    "aaaa0002",
    range(4, 10),
    classification="TIMING_ANOMALY",
    events=(HEARING,),
    proximity_score=Decimal("7.31"),
)


def case() -> Case:
    """Two candidates of one filer that share trades; the vote is near the first one's trades only."""
    spike = candidate("aaaa0001", range(8), events=(VOTE,))
    trades = {trade_id(number): trade(number) for number in range(20)}
    baseline = BaselineView(FILER, 13, Decimal(12), Decimal("1.08"), Decimal("0.9"), Decimal("2.4"))
    return open_case(AS_OF, [spike, TIMING], trades, [trade(number) for number in range(10, 20)], [baseline])


def good_answer(about: Case) -> dict[str, Any]:
    """An answer that upholds the timing anomaly and rejects the spike, every claim borne out."""
    shown = about.shown[TIMING.candidate_id]
    return {
        "signals": [
            {
                "candidate_id": TIMING.candidate_id,
                "trades_involved": [
                    {
                        "record_id": one,
                        "ticker": about.trades[one].ticker,
                        "date": about.trades[one].transaction_date.isoformat(),
                    }
                    for one in shown
                ],
                "statistical_evidence": {"z_score": 7, "baseline_deviation_pct": 431},
                "legislative_context": {"proximity_score": 7, "related_events": ["hearing-7"]},
                "reasoning": "6 purchases within 30 days before the hearing of 2020-05-14, z 6.52, in MSFT and XOM.",
                "self_verification_notes": "A savings plan would show in the 13 trades of the baseline.",
                "classification": "TIMING_ANOMALY",
                "severity": "high",
                "confidence": 8,
                "trading_signal": {
                    "direction": "long",
                    "suggested_tickers": ["MSFT", "XOM"],
                    "time_horizon": "1_month",
                    "conviction": 7,
                },
            }
        ],
        "rejected_candidates": [
            {"candidate_id": SPIKE.candidate_id, "mundane_explanation": "A portfolio that is rebalanced."}
        ],
        "market_context_notes": "Both concern energy.",
    }


def parsed(answer: dict[str, Any]) -> AnomalyAnswer:
    """As the contract reads it."""
    return AnomalyAnswer.model_validate(answer)
