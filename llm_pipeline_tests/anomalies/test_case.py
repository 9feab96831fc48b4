from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_pipeline.anomalies.case import MOST_CANDIDATES, MOST_CONTEXT, MOST_TRADES, group_candidates, open_case
from llm_pipeline.anomalies.interrogation import anomaly_interrogation, case_work
from llm_pipeline.anomalies.prompting import case_variables
from llm_pipeline.anomalies.stored_candidate import candidate_from_json, candidate_json
from llm_pipeline.llm.tokens import estimate_prompt
from llm_pipeline.offline_model.answers import anomaly_detection
from llm_pipeline.settings import load_settings
from llm_pipeline_tests.anomalies.cases import AS_OF, HEARING, TIMING, VOTE, candidate, case, trade, trade_id


def test_candidates_of_one_filer_are_asked_about_together_and_a_group_apart():
    joint = candidate("bbbb", range(3), filer_keys=("X900001", "X900002"), classification="COORDINATED_PATTERN")
    groups = group_candidates([joint, candidate("cccc", range(3)), TIMING])
    assert [[one.candidate_id for one in group] for group in groups] == [["cand-aaaa0002", "cand-cccc"], ["cand-bbbb"]]


def test_a_candidate_of_few_trades_shows_them_all_and_other_trades_as_context():
    opened = case()
    assert set(opened.shown["cand-aaaa0002"]) == set(TIMING.trade_ids)
    assert len(opened.trades) == 10 + MOST_CONTEXT


@pytest.mark.parametrize("count", [1, MOST_CANDIDATES])
def test_of_a_thousand_trades_the_largest_are_shown_and_the_call_stays_below_8000_tokens(count):
    trades = {trade_id(number): trade(number, amount_index=1 + number % 9) for number in range(1000)}
    many = [candidate(f"dddd{n}", range(1000), events=(HEARING, VOTE)) for n in range(count)]
    opened = open_case(AS_OF, many, trades, list(trades.values()))
    shown = [trades[one] for one in opened.shown["cand-dddd0"]]
    assert len(shown) == MOST_TRADES // count
    assert {one.amount_index for one in shown} == {9}
    question = case_work(anomaly_interrogation(load_settings()), opened).build(opened.candidates)
    answer = anomaly_detection.answer(_data(question.messages[1]["content"]))
    assert len(answer["signals"]) == count
    assert estimate_prompt([*question.messages, {"role": "assistant", "content": json.dumps(answer)}]) <= 8000


def test_a_filer_with_many_candidates_is_asked_about_in_several_calls():
    many = [candidate(f"abc{n}", range(2)) for n in range(7)]
    assert [len(group) for group in group_candidates(many)] == [3, 3, 1]


def _data(content: str) -> dict:
    return json.loads(content.splitlines()[2])


def test_a_part_of_a_case_shows_no_trade_of_the_other_candidates():
    part = case().only([TIMING.candidate_id])
    assert {one["record_id"] for one in case_variables(part)["trading_records_json"]} == {
        trade_id(number) for number in (*range(4, 10), *range(10, 10 + MOST_CONTEXT))
    }


def test_a_candidate_survives_the_database_letter_by_letter():
    again = candidate_from_json(json.loads(json.dumps(candidate_json(TIMING))))
    assert again == TIMING
    assert candidate_json(again) == candidate_json(TIMING)


@given(st.text(max_size=2000))
def test_hostile_names_stay_inside_the_data(name):
    opened = open_case(AS_OF, [candidate("eeee", range(2), filers=(name,))], {trade_id(n): trade(n) for n in range(2)})
    asked = anomaly_interrogation(load_settings())
    lines = case_work(asked, opened).build(opened.candidates).messages[1]["content"].splitlines()
    assert json.loads(lines[2])["filers"] == [name]
