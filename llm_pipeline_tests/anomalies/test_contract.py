from __future__ import annotations

import pytest
from pydantic import ValidationError

from llm_pipeline.anomalies.contract import AnomalyAnswer
from llm_pipeline.anomalies.interrogation import anomaly_interrogation, bound_schema
from llm_pipeline.llm.schema import json_schema
from llm_pipeline.llm.tokens import estimate_prompt
from llm_pipeline.llm.unsafe_schema import unsafe_features
from llm_pipeline.settings import load_settings
from llm_pipeline_tests.anomalies.cases import case, good_answer, parsed


def test_the_schema_keeps_to_what_servers_enforce_before_and_after_ids_are_bound():
    schema = json_schema(AnomalyAnswer)
    assert unsafe_features(schema) == []
    bound = bound_schema(schema, case())
    assert unsafe_features(bound) == []
    assert set(bound["$defs"]["SignalAnswer"]["properties"]["candidate_id"]["enum"]) == {
        "cand-aaaa0001",
        "cand-aaaa0002",
    }
    assert bound["$defs"]["TradeInvolved"]["properties"]["ticker"]["anyOf"][0]["enum"] == ["AAPL", "MSFT", "XOM"]


def test_evidence_stands_before_judgement():
    names = list(json_schema(AnomalyAnswer)["$defs"]["SignalAnswer"]["properties"])
    assert names.index("statistical_evidence") < names.index("reasoning") < names.index("confidence")


def test_a_good_answer_fits_and_a_confidence_of_eleven_does_not():
    answer = good_answer(case())
    parsed(answer)
    answer["signals"][0]["confidence"] = 11
    with pytest.raises(ValidationError):
        parsed(answer)


def test_the_system_message_is_the_same_from_case_to_case_and_untrusted_text_stays_in_the_fence():
    from llm_pipeline.anomalies.interrogation import case_work

    asked = anomaly_interrogation(load_settings())
    whole, part = case(), case().only(["cand-aaaa0002"])
    messages = [case_work(asked, one).build(one.candidates).messages for one in (whole, part)]
    assert messages[0][0] == messages[1][0]
    lines = messages[0][1]["content"].splitlines()
    assert lines.count("BEGIN UNTRUSTED DATA") == lines.count("END UNTRUSTED DATA") == 1
    assert len(lines) == 4
    assert estimate_prompt(messages[0]) < 6500
