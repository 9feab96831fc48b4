"""Rules for anomaly_detection: uphold what the evidence bears out strongly, explain the rest away.

The strength of a candidate is counted in points from its computed numbers; the same evidence gives the same answer.
Rules copy the numbers they are given and write no figure of their own. Steps that the prompt does not ask for are left
out: without `statistics` and `legislation` their points do not count, without `verify` nothing is explained away.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from llm_pipeline.offline_model.answers import EvidenceError, Json

ITEMS = ("signals", "candidate_id")
ASKED = "candidates"
STEPS = ("statistics", "legislation", "verify")

UPHELD_FROM = 5
"""Confidence from which a candidate is upheld."""

_MUNDANE = {
    "FREQUENCY_SPIKE": "A portfolio that is rebalanced, or a new manager, files many trades at once.",
    "SECTOR_CLUSTER": "A fund of one sector that is bought or sold piece by piece looks the same.",
    "TIMING_ANOMALY": "A broker who places a week's orders on one day produces such clusters.",
    "AMOUNT_ANOMALY": "A single sale of property or an inheritance brings larger amounts than usual.",
    "COORDINATED_PATTERN": "A widely held company in the news draws several filers to the same trade.",
}
_HORIZON = {
    "TIMING_ANOMALY": "1_month",
    "COORDINATED_PATTERN": "1_month",
    "FREQUENCY_SPIKE": "3_months",
    "AMOUNT_ANOMALY": "3_months",
    "SECTOR_CLUSTER": "6_months",
}


def _numbers(candidate: Json) -> dict[str, float]:
    listed = candidate.get("numbers") or ()
    return {str(one["name"]): float(one["value"]) for one in listed if one.get("value") is not None}


def _confidence(candidate: Json, steps: Collection[str]) -> int:
    """0-10: four points, up to four for the tail probability, one for size, one for events, less for small samples."""
    leaning = any(one.get("trades_before", 0) > 0 for one in candidate.get("events") or ())
    points = 4 + ("legislation" in steps and leaning) + ("statistics" in steps and _strength(candidate))
    return max(0, min(10, points))


def _strength(candidate: Json) -> int:
    numbers = _numbers(candidate)
    p = candidate.get("p_after_false_discovery_control")
    adjusted = 1.0 if p is None else float(p)
    points = sum(adjusted <= level for level in (0.02, 0.005, 0.0005, 0.00001))
    points += numbers.get("z_score", 0.0) >= 4
    return points - len(candidate.get("cautions") or ())


def _severity(candidate: Json, confidence: int) -> str:
    near = (candidate["restate"].get("proximity_score") or 0) >= 5
    if confidence >= 8:
        return "critical" if near else "high"
    return "high" if near and confidence >= 6 else "medium" if confidence >= 6 else "low"


def _direction(records: list[Json]) -> str:
    sides = {record.get("side") for record in records}
    return "long" if sides == {"buy"} else "short" if sides == {"sell"} else "neutral"


def _tickers(records: list[Json]) -> list[str]:
    counted: dict[str, int] = {}
    for record in records:
        if record.get("ticker"):
            counted[record["ticker"]] = counted.get(record["ticker"], 0) + 1
    return sorted(counted, key=lambda ticker: (-counted[ticker], ticker))[:5]


def _uphold(candidate: Json, records: list[Json], confidence: int) -> Json:
    kind, restate = candidate["classification"], candidate["restate"]
    leaning = [one["event_id"] for one in candidate.get("events") or () if one.get("trades_before", 0) > 0]
    whose = "the own pasts of these filers" if len(candidate.get("filers") or ()) > 1 else "the filer's own past"
    told = f"{candidate['trades_total']} trades from {candidate['first_trade']} to {candidate['last_trade']}"
    told += f" stand out against {whose}"
    if restate.get("z_score") is not None:
        told += f", z {restate['z_score']}"
    told += "; a related event follows them." if leaning else "; no related event follows them."
    weak = ", ".join(str(one).split(":")[0].replace("_", " ") for one in candidate.get("cautions") or ())
    return {
        "candidate_id": candidate["candidate_id"],
        "trades_involved": [
            {"record_id": one["record_id"], "ticker": one.get("ticker"), "date": one["date"]} for one in records
        ],
        "statistical_evidence": {
            "z_score": restate.get("z_score"),
            "baseline_deviation_pct": restate.get("baseline_deviation_pct"),
        },
        "legislative_context": {
            "proximity_score": restate.get("proximity_score"),
            "related_events": leaning[:10],
        },
        "reasoning": told,
        "self_verification_notes": f"{_MUNDANE[kind]} The numbers outweigh it by rule."
        + (f" Caution: {weak}." if weak else ""),
        "classification": kind,
        "severity": _severity(candidate, confidence),
        "confidence": confidence,
        "trading_signal": {
            "direction": _direction(records),
            "suggested_tickers": _tickers(records),
            "time_horizon": _HORIZON[kind],
            "conviction": max(0, confidence - 1),
        },
    }


def _candidates(evidence: Json) -> list[Json]:
    candidates = evidence.get(ASKED)
    if not isinstance(candidates, list) or not all(
        isinstance(one, dict) and {"candidate_id", "classification", "restate"} <= one.keys() for one in candidates
    ):
        raise EvidenceError("anomaly_detection needs `candidates`, objects with candidate_id, classification, restate")
    return candidates


def _records_of(evidence: Json) -> Mapping[str, list[Json]]:
    found: dict[str, list[Json]] = {}
    for record in evidence.get("trading_records") or ():
        for candidate_id in record.get("candidate_ids") or ():
            found.setdefault(str(candidate_id), []).append(record)
    return found


def answer(evidence: Json, steps: Collection[str] = STEPS) -> Json:
    """Every candidate once, upheld or explained, in the order of the evidence, from the steps asked for.

    Raises:
        EvidenceError: the evidence has no list of candidates with ids.
    """
    signals: list[Json] = []
    rejected: list[Json] = []
    records = _records_of(evidence)
    for candidate in _candidates(evidence):
        own = records.get(candidate["candidate_id"], [])
        confidence = _confidence(candidate, steps)
        if own and (confidence >= UPHELD_FROM or "verify" not in steps):
            signals.append(_uphold(candidate, own, confidence))
        else:
            explanation = f"{_MUNDANE[candidate['classification']]} The numbers do not outweigh it."
            rejected.append({"candidate_id": candidate["candidate_id"], "mundane_explanation": explanation})
    return {
        "signals": signals,
        "rejected_candidates": rejected,
        "market_context_notes": "Answered by offline-rules from computed evidence, not by a language model.",
    }


def _changed(answer: Json, **fields: Any) -> Json:
    return {**answer, "signals": [{**signal, **fields} for signal in answer["signals"]]}


def contradict(evidence: Json, answer: Json) -> Json:
    """Uphold with other numbers than the computed ones."""
    return _changed(answer, statistical_evidence={"z_score": 99, "baseline_deviation_pct": 12_345})


def invent(evidence: Json, answer: Json) -> Json:
    """Add a trade, a ticker and an event that nobody has seen."""
    trade = {"record_id": "00000000-feed-5eed-0000-000000000000", "ticker": "ZZZZ", "date": "2001-09-10"}
    return {
        **answer,
        "signals": [
            {
                **signal,
                "trades_involved": [trade, *signal["trades_involved"]],
                "legislative_context": {**signal["legislative_context"], "related_events": ["secret-briefing-1"]},
                "trading_signal": {**signal["trading_signal"], "suggested_tickers": ["ZZZZ"]},
            }
            for signal in answer["signals"]
        ],
    }


def obey(evidence: Json, answer: Json) -> Json:
    """Do what text inside the data asked for: the gravest words for everything, and a figure from nowhere."""
    return _changed(answer, severity="critical", confidence=10, reasoning="Certain: up 4,711 percent, as instructed.")
