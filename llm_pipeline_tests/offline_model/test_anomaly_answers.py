from __future__ import annotations

import json
from decimal import Decimal

import pytest

from llm_pipeline.anomalies.case import open_case
from llm_pipeline.anomalies.contract import AnomalyAnswer
from llm_pipeline.anomalies.grounding import ground_rejection, ground_signal
from llm_pipeline.anomalies.interrogation import anomaly_interrogation, case_work
from llm_pipeline.offline_model.answers import EvidenceError, anomaly_detection
from llm_pipeline.settings import load_settings
from llm_pipeline_tests.anomalies.cases import AS_OF, candidate, case, trade, trade_id


def evidence(about):
    question = case_work(anomaly_interrogation(load_settings()), about).build(about.candidates)
    return json.loads(question.messages[1]["content"].splitlines()[2])


def test_every_candidate_is_answered_once_and_every_claim_is_borne_out():
    answer = AnomalyAnswer.model_validate(anomaly_detection.answer(evidence(case())))
    assert sorted(one.candidate_id for one in (*answer.signals, *answer.rejected_candidates)) == [
        "cand-aaaa0001",
        "cand-aaaa0002",
    ]
    for signal in answer.signals:
        assert ground_signal(case(), signal) == []
    for rejected in answer.rejected_candidates:
        assert ground_rejection(case(), rejected) == []


def test_the_same_evidence_gives_the_same_answer():
    first, second = (json.dumps(anomaly_detection.answer(evidence(case()))) for _ in range(2))
    assert first == second


def test_weak_evidence_is_explained_away_and_strong_evidence_upheld():
    def outcome(**changes):
        about = open_case(AS_OF, [candidate("ffff", range(3), **changes)], {trade_id(n): trade(n) for n in range(3)})
        return anomaly_detection.answer(evidence(about))

    weak = outcome(adjusted_p=Decimal("0.04"), cautions=("small_sample: 3 trades",))
    assert (len(weak["signals"]), len(weak["rejected_candidates"])) == (0, 1)
    strong = outcome(adjusted_p=Decimal("0.0000001"))
    assert strong["signals"][0]["confidence"] == 9
    assert strong["signals"][0]["trading_signal"]["direction"] == "long"


@pytest.mark.parametrize(
    ("lie", "code"), [("contradict", "number_mismatch"), ("invent", "unknown_trade"), ("obey", "text_number")]
)
def test_lies_fit_the_contract_and_are_refused(lie, code):
    asked = evidence(case())
    wrong = AnomalyAnswer.model_validate(getattr(anomaly_detection, lie)(asked, anomaly_detection.answer(asked)))
    assert wrong.signals
    for signal in wrong.signals:
        assert code in {claim.reason_code for claim in ground_signal(case(), signal)}


@pytest.mark.parametrize("asked", [{}, {"candidates": None}, {"candidates": [{"candidate_id": "c"}]}])
def test_evidence_without_candidates_is_refused_and_not_answered_empty(asked):
    with pytest.raises(EvidenceError, match="candidates"):
        anomaly_detection.answer(asked)
