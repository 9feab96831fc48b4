"""Groups of lost signals, and the identity of a period."""

from __future__ import annotations

from decimal import Decimal

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from llm_pipeline.llm.prompts import load_prompts
from llm_pipeline.llm.schema import json_schema
from llm_pipeline.llm.tokens import estimate_prompt
from llm_pipeline.recommendations.case import EXAMPLES, SHOWN_SIGNALS, loss_groups
from llm_pipeline.recommendations.contract import FeedbackAnswer
from llm_pipeline.recommendations.interrogation import KEY
from llm_pipeline.settings import project_folder
from llm_pipeline_tests.recommendations.periods import period, result

SIGNALS = st.lists(
    st.tuples(
        st.sampled_from(["FREQUENCY_SPIKE", "TIMING_ANOMALY"]),
        st.integers(0, 10),
        st.decimals(-90, 90, places=2),
        st.lists(st.sampled_from(["late_filing", "garbled_text"]), max_size=2, unique=True),
    ),
    max_size=30,
).map(
    lambda drawn: [
        result(n, classification=kind, confidence=confidence, return_pct=value, hit=value > 0, quality_issues=tuple(q))
        for n, (kind, confidence, value, q) in enumerate(drawn)
    ]
)


def test_groups_count_what_lost_and_what_closed():
    groups = {one.group: one for one in period().groups}
    spikes = groups["classification=FREQUENCY_SPIKE"]
    assert (spikes.frequency, spikes.closed, spikes.avg_loss_pct) == (3, 4, 4)
    assert spikes.signal_ids == ("sig-000000000001", "sig-000000000002", "sig-000000000003")
    assert groups["quality_issue=late_filing"].frequency == 2
    assert "classification=SECTOR_CLUSTER" not in groups


@given(SIGNALS)
def test_groups_by_classification_are_those_that_pandas_computes(signals):
    frame = pd.DataFrame(
        [(one.classification, float(one.return_pct), one.hit) for one in signals], columns=["kind", "value", "hit"]
    )
    expected = {}
    for kind, group in frame.groupby("kind"):
        lost = group[~group.hit.astype(bool)]
        if len(lost) >= 2:
            expected[f"classification={kind}"] = (len(group), len(lost), max(0.0, -lost.value.mean()))
    found = {one.group: one for one in loss_groups(signals, set()) if one.group.startswith("classification=")}
    assert found.keys() == expected.keys()
    for name, (closed, lost, loss) in expected.items():
        assert (found[name].closed, found[name].frequency) == (closed, lost)
        assert abs(found[name].avg_loss_pct - loss) <= 0.5 + 1e-9


def test_the_id_of_a_period_depends_on_its_evidence_and_on_nothing_else():
    assert period().feedback_id == period().feedback_id
    assert period().feedback_id != period(anomaly_version="1.1.0").feedback_id
    assert period().feedback_id != period(result(1), result(2)).feedback_id


def test_a_prompt_stays_below_8000_tokens_whatever_a_period_has():
    crowd = [
        result(
            n, classification=kind, quality_issues=("late_filing", "ticker_asset_mismatch"), cautions=("small_sample",)
        )
        for n, kind in enumerate(["FREQUENCY_SPIKE", "SECTOR_CLUSTER", "TIMING_ANOMALY", "AMOUNT_ANOMALY"] * 200)
    ]
    rate = {"value": 0.1234, "n": 1000, "low": 0.1111, "high": 0.1357}
    card = dict.fromkeys(("hit_rate", "alpha_rate", "false_positive_rate", "alpha_pct", "random_signals"), rate)
    card |= {"classification": "ALL", "prompt_version": "ALL", "model": "gemma3:12b-it-qat", "n": 800}
    card["calibration"] = [{"confidence": n, "n": 80, "hit_rate": 0.5, "low": 0.4, "high": 0.6} for n in range(11)]
    case = period(*crowd, scorecard={"scorecards": [card] * 20})
    template = load_prompts(project_folder("prompts"))[KEY]
    assert estimate_prompt(template.render(schema=json_schema(FeedbackAnswer), **case.question())) < 8000


def test_examples_of_groups_are_lost_signals_that_are_shown():
    case = period(*(result(n, return_pct=Decimal(-n)) for n in range(1, 3 * SHOWN_SIGNALS)))
    shown = {one.signal_id for one in case.shown_signals()}
    assert len(shown) == SHOWN_SIGNALS
    for group in case.groups:
        assert group.frequency == 3 * SHOWN_SIGNALS - 1
        assert len(group.signal_ids) == EXAMPLES
        assert set(group.signal_ids) <= shown
