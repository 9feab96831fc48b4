"""What became of a candidate: upheld, rejected, refused as ungrounded, or left without an answer. Pure.

Belongs here: from the model's judgements to decisions, and the rows of a signal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from llm_pipeline.anomalies.case import Case
from llm_pipeline.anomalies.contract import SignalAnswer
from llm_pipeline.anomalies.detection.candidates import Candidate
from llm_pipeline.anomalies.grounding import Claim, ground_rejection, ground_signal
from llm_pipeline.anomalies.interrogation import Judgement
from llm_pipeline.anomalies.prompting import case_variables
from llm_pipeline.anomalies.stored_candidate import candidate_json, evidence_sha256, row_id, signal_id_of
from llm_pipeline.anomalies.text_claims import Shown
from llm_pipeline.llm.batch import BatchOutcome

MOST_CONFIDENCE = 6
"""Of a signal from a small sample or short history with no event near it, as the prompt says: no trading signal."""

Outcome = Literal["signal", "rejected", "ungrounded", "failed"]


@dataclass(frozen=True)
class Decision:
    """One candidate, its outcome, why, and what the model asserted that the evidence does not bear out."""

    candidate: Candidate
    outcome: Outcome
    explanation: str
    audit_id: str | None
    signal: SignalAnswer | None = None
    claims: tuple[Claim, ...] = ()

    def row(self) -> dict[str, Any]:
        """The columns of anomaly_decision_history without the times."""
        return {
            "candidate_id": self.candidate.candidate_id,
            "evidence_as_of": self.candidate.as_of_date,
            "evidence_sha256": evidence_sha256(self.candidate),
            "outcome": self.outcome,
            "explanation": self.explanation,
            "signal": None if self.signal is None else signal_row(self),
            "audit_trail_id": self.audit_id,
        }


def decide_case(case: Case, outcome: BatchOutcome[Judgement]) -> list[Decision]:
    """A decision for every candidate of a case."""
    shown = Shown.of(case_variables(case))
    return [_decide(case, candidate, outcome, shown) for candidate in case.candidates]


def _decide(case: Case, candidate: Candidate, outcome: BatchOutcome[Judgement], shown: Shown) -> Decision:
    failure = outcome.failures.get(candidate.candidate_id)
    if failure is not None:
        return Decision(candidate, "failed", f"{failure.error_class}: {failure.message}", failure.audit_id)
    answer = outcome.answers[candidate.candidate_id]
    if isinstance(answer.value, SignalAnswer):
        claims = tuple(ground_signal(case, answer.value, shown))
        if claims:
            codes = ", ".join(dict.fromkeys(claim.reason_code for claim in claims))
            return Decision(candidate, "ungrounded", f"refused: {codes}", answer.audit_id, claims=claims)
        return Decision(candidate, "signal", answer.value.reasoning, answer.audit_id, answer.value)
    claims = tuple(ground_rejection(case, answer.value, shown))
    codes = ", ".join(dict.fromkeys(claim.reason_code for claim in claims))
    if "no_reason" in codes:  # a pattern that the statistics support is not dropped without a word
        return Decision(candidate, "ungrounded", f"refused: {codes}", answer.audit_id, claims=claims)
    told = f"its explanation was refused: {codes}" if claims else answer.value.mundane_explanation
    return Decision(candidate, "rejected", told, answer.audit_id, claims=claims)


def signal_row(decision: Decision) -> dict[str, Any]:
    """An upheld candidate as the columns of llm_anomaly_signals that depend on evidence and answer alone.

    Its numbers are the computed ones, with all digits. Confidence above `MOST_CONFIDENCE` where that holds is lowered
    to it, and `confidence_said` beside the numbers keeps what the model said.

    Raises:
        ValueError: the decision upholds nothing.
    """
    candidate, signal = decision.candidate, decision.signal
    if signal is None:
        raise ValueError(f"candidate {candidate.candidate_id} was not upheld")
    value = candidate_json(candidate)
    numbers: Mapping[str, Any] = {one["name"]: one["value"] for one in value["measures"]}
    signal_id = signal_id_of(candidate.candidate_id)
    limited = bool(candidate.cautions) and not candidate.events and signal.confidence > MOST_CONFIDENCE
    return {
        "id": row_id("signal", signal_id),
        "signal_id": signal_id,
        "candidate_id": candidate.candidate_id,
        "as_of_date": candidate.first_seen,
        "evidence_as_of": candidate.as_of_date,
        "filer": ", ".join(candidate.filers),
        "classification": signal.classification,
        "severity": signal.severity,
        "confidence": MOST_CONFIDENCE if limited else signal.confidence,
        "trades_involved": [one.model_dump(mode="json") for one in signal.trades_involved],
        "legislative_context": {
            "proximity_score": value["proximity_score"],
            "related_events": list(signal.legislative_context.related_events),
        },
        "statistical_evidence": {
            "z_score": numbers.get("z_score"),
            "baseline_deviation_pct": numbers.get("baseline_deviation_pct"),
            "p_value": value["p_value"],
            "adjusted_p": value["adjusted_p"],
            "family_size": candidate.family_size,
            "measures": value["measures"],
            "cautions": value["cautions"],
            "thresholds": {"version": candidate.thresholds_version, "sha256": candidate.thresholds_fingerprint},
            **({"confidence_said": signal.confidence} if limited else {}),
        },
        "reasoning": signal.reasoning,
        "trading_signal": signal.trading_signal.model_dump(mode="json"),
        "self_verification_notes": signal.self_verification_notes,
        "analysis_window_start": candidate.window_start,
        "analysis_window_end": candidate.window_end,
    }
