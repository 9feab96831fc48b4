from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_pipeline.validation.record import MODEL_FIELDS, is_missing, record_from_json
from llm_pipeline_tests.validation.records import SOUND, record


@pytest.mark.parametrize("text", [None, "", "  ", "--", "N/A", "null", "\u2014"])
def test_absent_empty_blank_and_placeholders_are_all_missing(text: str | None) -> None:
    assert is_missing(text)
    assert record(filer_name=text).value("filer_name") is None


def test_a_ticker_that_spells_a_placeholder_is_a_ticker() -> None:
    assert record(ticker="NA").value("ticker") == "NA"


def test_values_of_other_types_become_text() -> None:
    made = record_from_json({**SOUND, "ticker": 7, "owner": ["Joint"], "amount_range": True, "row_ordinal": "3"})
    assert (made.ticker, made.owner, made.amount_range, made.row_ordinal) == ("7", '["Joint"]', "true", 3)


def test_a_record_without_any_id_is_refused() -> None:
    with pytest.raises(ValueError, match="record_id"):
        record_from_json({"ticker": "MSFT"})


@given(st.dictionaries(st.sampled_from(MODEL_FIELDS), st.none() | st.booleans() | st.integers() | st.text()))
def test_any_json_object_makes_a_record(data: dict[str, object]) -> None:
    made = record_from_json(data, fallback_id="line-1")
    assert all(isinstance(getattr(made, name), str | None) for name in MODEL_FIELDS)
    assert made.record_id


def test_a_missing_ticker_is_shown_to_the_model_as_two_dashes() -> None:
    assert record(ticker=None).as_model_sees_it()["ticker"] == "--"
