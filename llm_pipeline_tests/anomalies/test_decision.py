"""What is stored of an upheld candidate, where code has the last word."""

from __future__ import annotations

from typing import Any

import pytest

from llm_pipeline.anomalies.case import open_case
from llm_pipeline.anomalies.contract import AnomalyAnswer
from llm_pipeline.anomalies.decision import decide_case, signal_row
from llm_pipeline.llm.batch import BatchOutcome, ItemAnswer
from llm_pipeline_tests.anomalies.cases import AS_OF, HEARING, candidate, good_answer, trade, trade_id

SMALL = ("small_sample: 4 trades in the baseline",)


@pytest.mark.parametrize(
    ("evidence", "said", "stored"),
    [
        ({"cautions": SMALL}, 9, 6),
        ({"cautions": SMALL}, 6, 6),
        ({"cautions": SMALL, "events": (HEARING,)}, 9, 9),
        ({}, 9, 9),
    ],
)
def test_confidence_in_a_small_sample_without_an_event_is_lowered_to_six(
    evidence: dict[str, Any], said: int, stored: int
) -> None:
    one = candidate("aaaa0002", range(4, 10), classification="TIMING_ANOMALY", **evidence)
    about = open_case(AS_OF, [one], {trade_id(number): trade(number) for number in range(20)})
    (answer,) = AnomalyAnswer.model_validate(good_answer(about)).signals
    answer = answer.model_copy(
        update={
            "confidence": said,
            "legislative_context": answer.legislative_context.model_copy(
                update={"proximity_score": None, "related_events": []}
            ),
        }
    )
    answer = answer.model_copy(update={"reasoning": "Far above the habit.", "self_verification_notes": "No plan seen."})
    (decision,) = decide_case(about, BatchOutcome({one.candidate_id: ItemAnswer(answer, "audit")}, {}, ()))
    assert decision.outcome == "signal", decision.explanation
    row = signal_row(decision)
    assert row["confidence"] == stored
    assert row["statistical_evidence"].get("confidence_said") == (said if said != stored else None)
