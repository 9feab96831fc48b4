from __future__ import annotations

import random
import string
from copy import deepcopy
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_pipeline.anomalies.contract import AnomalyAnswer
from llm_pipeline.anomalies.grounding import ground_rejection, ground_signal
from llm_pipeline.anomalies.interrogation import bound_schema
from llm_pipeline.llm.schema import json_schema
from llm_pipeline_tests.anomalies.cases import case, good_answer, parsed, trade_id

CASE = case()
GOOD = good_answer(CASE)
OWN = CASE.shown["cand-aaaa0002"]


def codes(change: Any) -> set[str]:
    answer = deepcopy(GOOD)
    change(answer["signals"][0])
    return {claim.reason_code for claim in ground_signal(CASE, parsed(answer).signals[0])}


def put(path: str, value: Any) -> Any:
    def change(signal: dict[str, Any]) -> None:
        *where, last = path.split(".")
        node: Any = signal
        for name in where:
            node = node[int(name) if name.isdigit() else name]
        node[int(last) if last.isdigit() else last] = value

    return change


def test_a_good_answer_stands():
    assert codes(lambda signal: None) == set()
    assert ground_rejection(CASE, parsed(GOOD).rejected_candidates[0]) == []


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        ("candidate_id", "cand-ffff", "unknown_candidate"),
        ("classification", "FREQUENCY_SPIKE", "classification_mismatch"),
        ("trades_involved", [], "no_trades"),
        ("trades_involved.0.record_id", trade_id(999), "unknown_trade"),
        ("trades_involved.0.record_id", trade_id(0), "trade_not_of_candidate"),
        ("trades_involved.0.record_id", trade_id(11), "trade_not_of_candidate"),
        ("trades_involved.0.record_id", OWN[1], "repeated_trade"),
        ("trades_involved.0.ticker", "ZZZZ", "ticker_mismatch"),
        ("trades_involved.0.ticker", None, "ticker_mismatch"),
        ("trades_involved.0.date", "2020-05-30", "date_mismatch"),
        ("statistical_evidence.z_score", 8, "number_mismatch"),
        ("statistical_evidence.z_score", None, "number_mismatch"),
        ("statistical_evidence.baseline_deviation_pct", 432, "number_mismatch"),
        ("legislative_context.proximity_score", 8, "number_mismatch"),
        ("legislative_context.related_events.0", "hearing-8", "unknown_event"),
        ("legislative_context.related_events.0", "vote-9", "event_not_of_candidate"),
        ("trading_signal.suggested_tickers.0", "NVDA", "ticker_not_traded"),
        ("trading_signal.direction", "short", "direction_mismatch"),
        ("reasoning", "26 purchases within 30 days.", "text_number"),
        ("reasoning", "Purchases before 2020-05-15.", "text_date"),
        ("reasoning", "Purchases of NVDA.", "text_ticker"),
        ("reasoning", f"See {trade_id(999)}.", "text_id"),
        ("self_verification_notes", "Up 4711 percent.", "text_number"),
    ],
)
def test_what_the_evidence_does_not_bear_out_is_refused_with_its_reason(path, value, code):
    assert code in codes(put(path, value))


WHOLE_NUMBERS = ("statistical_evidence.z_score", "statistical_evidence.baseline_deviation_pct")
IDS = ("candidate_id", "legislative_context.related_events.0", "trades_involved.0.record_id")


@given(path=st.sampled_from(WHOLE_NUMBERS), value=st.one_of(st.none(), st.integers(0, 1_000_000)))
def test_any_other_number_is_refused(path, value):
    good = {"statistical_evidence.z_score": 7, "statistical_evidence.baseline_deviation_pct": 431}[path]
    assert codes(put(path, value)) == (set() if value == good else {"number_mismatch"})


@given(path=st.sampled_from(IDS), at=st.integers(0, 200), letter=st.sampled_from("0123456789abcdefx-"))
def test_any_id_with_one_other_letter_is_refused(path, at, letter):
    node: Any = GOOD["signals"][0]
    for name in path.split("."):
        node = node[int(name) if name.isdigit() else name]
    changed = node[: at % len(node)] + letter + node[at % len(node) + 1 :]
    found = codes(put(path, changed))
    assert bool(found) is (changed != node)
    if changed != node:
        expected = {
            "candidate_id": {"unknown_candidate", "classification_mismatch"},
            "legislative_context.related_events.0": {"unknown_event"},
            "trades_involved.0.record_id": {"unknown_trade", "trade_not_of_candidate", "repeated_trade"},
        }[path]
        assert found & expected


@given(number=st.integers(0, len(OWN) - 1), days=st.integers(-400, 400).filter(bool))
def test_any_other_day_of_a_trade_is_refused(number, days):
    day = date.fromisoformat(GOOD["signals"][0]["trades_involved"][number]["date"]) + timedelta(days=days)
    assert codes(put(f"trades_involved.{number}.date", day.isoformat())) == {"date_mismatch"}


@given(st.text(max_size=300))
def test_hostile_sentences_are_read_without_an_error(text):
    answer = deepcopy(GOOD)
    answer["signals"][0]["reasoning"] = text
    ground_signal(CASE, parsed(answer).signals[0])


def test_words_without_figures_are_free():
    assert codes(put("reasoning", "The purchases cluster shortly before the hearing; a small sample, though.")) == set()


def test_a_rejection_may_not_invent_figures_either():
    answer = deepcopy(GOOD)
    answer["rejected_candidates"][0]["mundane_explanation"] = "The market rose 38 percent on 2020-03-24."
    found = {claim.reason_code for claim in ground_rejection(CASE, parsed(answer).rejected_candidates[0])}
    assert found == {"text_number", "text_date"}


def _random_value(node: dict[str, Any], root: dict[str, Any], rng: random.Random) -> Any:
    """A value that a server which enforces the schema, and nothing else, might produce."""
    if "$ref" in node:
        return _random_value(root["$defs"][node["$ref"].rsplit("/", 1)[1]], root, rng)
    if "anyOf" in node:
        return _random_value(rng.choice(node["anyOf"]), root, rng)
    if "enum" in node:
        return rng.choice(node["enum"])
    match node["type"]:
        case "object":
            return {name: _random_value(one, root, rng) for name, one in node["properties"].items()}
        case "array":
            count = rng.randint(node.get("minItems", 0), min(node["maxItems"], 6))
            return [_random_value(node["items"], root, rng) for _ in range(count)]
        case "integer":
            return rng.randint(node["minimum"], min(node["maximum"], 500))
        case "string" if node.get("format") == "date":
            return f"2020-05-{rng.randint(1, 28):02}"
        case "string":
            return "".join(rng.choice(string.ascii_letters + string.digits + " .,-") for _ in range(60))
    return None


def test_a_thousand_random_answers_that_fit_the_schema_come_to_no_signal():
    schema = bound_schema(json_schema(AnomalyAnswer), CASE)
    rng, signals = random.Random(20), 0
    for _ in range(1000):
        answer = parsed(_random_value(schema, schema, rng))
        signals += len(answer.signals)
        assert all(ground_signal(CASE, signal) for signal in answer.signals)
    assert signals > 500
