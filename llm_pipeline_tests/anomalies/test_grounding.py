from __future__ import annotations

import random
import re
import string
from copy import deepcopy
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_pipeline.anomalies.contract import AnomalyAnswer
from llm_pipeline.anomalies.grounding import ground_rejection, ground_signal
from llm_pipeline.anomalies.interrogation import bound_schema
from llm_pipeline.anomalies.prompting import case_variables
from llm_pipeline.anomalies.text_claims import Shown
from llm_pipeline.llm.schema import json_schema
from llm_pipeline_tests.anomalies.cases import case, good_answer, parsed, trade_id

CASE = case()
GOOD = good_answer(CASE)
OWN = CASE.shown["cand-aaaa0002"]
SHOWN = Shown.of(case_variables(CASE))


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


JUDGEMENTS = ("severity", "confidence", "trading_signal.time_horizon", "trading_signal.conviction")
"""Leaves that are the model's own opinion; everything else is borne out or refused."""
TEXTS = ("reasoning", "self_verification_notes")


def leaves(node: Any, path: str = "") -> list[str]:
    """The path of every value in an answer."""
    match node:
        case dict():
            return [one for name, child in node.items() for one in leaves(child, f"{path}.{name}" if path else name)]
        case list():
            return [one for number, child in enumerate(node) for one in leaves(child, f"{path}.{number}")]
    return [path]


def value_at(path: str) -> Any:
    node: Any = GOOD["signals"][0]
    for name in path.split("."):
        node = node[int(name) if name.isdigit() else name]
    return node


CHECKED = [path for path in leaves(GOOD["signals"][0]) if path not in (*JUDGEMENTS, *TEXTS)]
CANDIDATES, TRADES = sorted(CASE.shown), sorted(CASE.trades)
TICKERS = ("AAPL", "MSFT", "XOM", "NVDA", "F", "msft", "")
EVENTS = ("hearing-7", "vote-9", "hearing-8", "Hearing-7", "")
CLASSIFICATIONS = ("FREQUENCY_SPIKE", "SECTOR_CLUSTER", "TIMING_ANOMALY", "AMOUNT_ANOMALY", "COORDINATED_PATTERN")
_WORDS = st.text(string.ascii_letters + string.digits + "-", max_size=20)


def mutations(path: str) -> st.SearchStrategy[Any]:
    """Any value that the contract lets stand at a leaf: those of the case in the wrong place, and invented ones."""
    leaf = path.rsplit(".", 1)[-1]
    if path == "candidate_id":
        return st.one_of(st.sampled_from(CANDIDATES), _WORDS)
    if leaf == "record_id":
        return st.one_of(st.sampled_from(TRADES), _WORDS)
    if leaf == "ticker":
        return st.one_of(st.none(), st.sampled_from(TICKERS), _WORDS)
    if leaf == "date":
        return st.dates(date(2019, 1, 1), date(2021, 1, 1)).map(date.isoformat)
    if leaf == "z_score" or leaf == "baseline_deviation_pct":
        return st.one_of(st.none(), st.integers(0, 1_000_000))
    if leaf == "proximity_score":
        return st.one_of(st.none(), st.integers(0, 10))
    if path.startswith("legislative_context.related_events"):
        return st.one_of(st.sampled_from(EVENTS), _WORDS)
    if path.startswith("trading_signal.suggested_tickers"):
        return st.one_of(st.sampled_from(TICKERS), _WORDS)
    if leaf == "classification":
        return st.sampled_from(CLASSIFICATIONS)
    assert path == "trading_signal.direction"
    return st.sampled_from(("long", "short", "neutral"))


def expected(path: str, value: Any) -> set[str]:
    """The reason codes that a leaf's value must be refused with, found another way than `grounding.py` does."""
    if value == value_at(path):
        return set()
    leaf = path.rsplit(".", 1)[-1]
    if path == "candidate_id":
        # of the other candidate nothing else fits: kind, trades of its own, proximity, its events
        other = {"classification_mismatch", "trade_not_of_candidate", "number_mismatch", "event_not_of_candidate"}
        return other if value == "cand-aaaa0001" else {"unknown_candidate"}
    if leaf == "record_id":
        if value not in CASE.trades:
            return {"unknown_trade"}
        named = value_at(path.replace("record_id", "ticker")), value_at(path.replace("record_id", "date"))
        trade = CASE.trades[value]
        return (
            {"repeated_trade" if value in OWN else "trade_not_of_candidate"}
            | ({"ticker_mismatch"} if trade.ticker != named[0] else set())
            | ({"date_mismatch"} if trade.transaction_date.isoformat() != named[1] else set())
        )
    if path.startswith("legislative_context.related_events"):
        return {"event_not_of_candidate" if value == "vote-9" else "unknown_event"}
    if path.startswith("trading_signal.suggested_tickers"):
        return set() if value in {CASE.trades[one].ticker for one in OWN} else {"ticker_not_traded"}
    if path == "trading_signal.direction":
        return {"direction_mismatch"} if value == "short" else set()
    return {
        "ticker": {"ticker_mismatch"},
        "date": {"date_mismatch"},
        "classification": {"classification_mismatch"},
    }.get(leaf, {"number_mismatch"})


def test_every_leaf_of_a_signal_is_either_checked_or_named_as_an_opinion():
    assert {path.rsplit(".", 1)[-1] if not path[-1].isdigit() else path.split(".")[-2] for path in CHECKED} == {
        "candidate_id",
        "record_id",
        "ticker",
        "date",
        "z_score",
        "baseline_deviation_pct",
        "proximity_score",
        "related_events",
        "classification",
        "direction",
        "suggested_tickers",
    }
    assert len(CHECKED) == 3 * len(OWN) + 9


@pytest.mark.parametrize("path", CHECKED)
@given(data=st.data())
def test_any_change_of_any_leaf_is_refused_with_exactly_its_reason_codes(path, data):
    value = data.draw(mutations(path))
    assert codes(put(path, value)) == expected(path, value)


@pytest.mark.parametrize("path", TEXTS)
@pytest.mark.parametrize(
    "kind",
    [("text_number", re.compile(r"(?<![\w.-])\d+(?:\.\d+)?(?![\w-])")), ("text_date", re.compile(r"\d{4}-\d\d-\d\d"))],
)
@given(data=st.data())
def test_any_other_figure_or_day_in_a_sentence_is_refused(path, kind, data):
    code, pattern = kind
    text = "6 purchases within 30 days before the hearing of 2020-05-14, z 6.52 of 13, in MSFT and XOM."
    found = list(pattern.finditer(text))
    spot = data.draw(st.sampled_from([one for one in found if one.group() != "30"]))
    if code == "text_date":
        new = data.draw(st.dates(date(2018, 1, 1), date(2022, 1, 1))).isoformat()
        wrong = new not in SHOWN.dates
    else:
        number = data.draw(st.integers(0, 10**7)) / data.draw(st.sampled_from([1, 10, 100]))
        new = f"{number:.2f}" if number % 1 else str(int(number))
        wrong = not any(
            shown == Decimal(new) or shown.quantize(Decimal(new), ROUND_HALF_UP) == Decimal(new)
            for shown in SHOWN.numbers
            if shown < 10**9
        )
    changed = text[: spot.start()] + new + text[spot.end() :]
    assert codes(put(path, changed)) == ({code} if wrong else set())


@pytest.mark.parametrize("path", TEXTS)
@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("Bought on May 13, 2020.", "text_date"),  # trades were made on 4 to 12 May, events are on the 14th and 20th
        ("Bought on May 14, 2020.", None),
        ("Bought on 14 May.", None),
        ("Bought in May 2020.", None),
        ("Bought on 5/14/2020.", None),
        ("Bought on June 14, 2020.", "text_date"),
        ("Bought on the 31st of May.", "text_date"),
        ("Bought in April 2020.", "text_date"),
        ("Bought on May 14, 2019.", "text_date"),
        ("Bought on 5/15/2020.", "text_date"),
        ("Bought on 2020/05/15.", "text_date"),
        ("Sales may follow; they march on.", None),
        ("Some seventy trades.", "text_number"),
        ("Twenty-four tests that day.", None),
        ("Twenty-five tests that day.", "text_number"),
        ("It rose by a thousand.", "text_number"),
        ("Bought 7 days before the hearing.", None),
        ("Bought 14 days before the hearing.", "text_number"),
        ("Unusual within 90 days.", None),
        ("Before hearing-7.", None),
        ("Before hearing-8.", "text_id"),
        ("Before RH116S0417.", "text_id"),
        ("Calls on $F.", "text_ticker"),
        ("Evidently insider trading.", "text_accusation"),
        ("The senator knew of the bill.", "text_accusation"),
        ("The motive is plain.", "text_accusation"),
        ("This is fraudulent.", "text_accusation"),
    ],
)
def test_dates_in_other_forms_numbers_in_words_event_ids_and_accusations_are_read(path, words, code):
    found = codes(put(path, f"Purchases cluster. {words}"))
    assert found == (set() if code is None else {code})


@pytest.mark.parametrize("words", ["", " ", "...", "1", "a b c"])
def test_a_signal_or_rejection_without_a_reason_is_refused(words):
    assert "no_reason" in codes(put("reasoning", words))
    answer = deepcopy(GOOD)
    answer["rejected_candidates"][0]["mundane_explanation"] = words
    found = ground_rejection(CASE, parsed(answer).rejected_candidates[0])
    assert {claim.reason_code for claim in found} == {"no_reason"}


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
