from __future__ import annotations

import json
import re
from typing import get_args

import pytest
from pydantic import BaseModel, ValidationError

from llm_pipeline.anomalies.contract import AnomalyAnswer
from llm_pipeline.anomalies.interrogation import anomaly_interrogation, anomaly_template, bound_schema
from llm_pipeline.anomalies.room import longest_answer
from llm_pipeline.llm.schema import json_schema
from llm_pipeline.llm.tokens import estimate_prompt, estimate_tokens
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


@pytest.mark.parametrize("ids", [["cand-aaaa0001", "cand-aaaa0002"], ["cand-aaaa0002"]])
def test_the_schema_has_a_place_for_every_candidate_and_no_other_number_of_entries(ids):
    about = case().only(ids)
    schema = bound_schema(json_schema(AnomalyAnswer), about)
    assert unsafe_features(schema) == []
    sizes = []
    for choice in schema["anyOf"]:
        assert list(choice["properties"]) == ["signals", "rejected_candidates", "market_context_notes"]
        lists = [choice["properties"][name] for name in ("signals", "rejected_candidates")]
        for one in lists:
            assert one == {"enum": [[]]} or one["minItems"] == one["maxItems"]
        sizes.append(tuple(one.get("minItems", 0) for one in lists))
    assert sizes == [(upheld, len(ids) - upheld) for upheld in range(len(ids), -1, -1)]


def test_texts_are_not_left_empty():
    defs = bound_schema(json_schema(AnomalyAnswer), case())["$defs"]
    assert defs["SignalAnswer"]["properties"]["reasoning"]["minLength"] > 0
    assert defs["SignalAnswer"]["properties"]["self_verification_notes"]["minLength"] > 0
    assert defs["RejectedCandidate"]["properties"]["mundane_explanation"]["minLength"] > 0


def test_the_shape_in_the_prompt_names_every_field_of_the_contract_in_its_order():
    def names(model):
        for name, field in model.model_fields.items():
            yield name
            inner = [field.annotation, *get_args(field.annotation)]
            for kind in inner:
                if isinstance(kind, type) and issubclass(kind, BaseModel):
                    yield from names(kind)

    (shape,) = [line for line in anomaly_template().system.splitlines() if line.startswith('{"signals"')]
    assert re.findall(r'"([a-z_]+)":', shape) == list(names(AnomalyAnswer))


def test_the_longest_answer_is_counted_with_every_trade_and_text_in_full():
    about = case()
    longest = longest_answer(about)
    answer = parsed(json.loads(longest))
    assert {one.candidate_id for one in answer.signals} == set(about.shown)
    assert all(len(one.reasoning) == 640 for one in answer.signals)
    assert estimate_tokens(longest) > estimate_tokens(json.dumps(good_answer(about)))
    assert estimate_tokens(longest_answer(about.smaller(2))) < estimate_tokens(longest)


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
