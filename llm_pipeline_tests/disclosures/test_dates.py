from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_pipeline.disclosures.dates import parse_date


@given(st.dates(min_value=date(1900, 1, 1), max_value=date(2199, 12, 31)))
def test_both_spellings_of_a_day_are_read(day: date) -> None:
    assert parse_date(day.isoformat()) == day
    assert parse_date(f"{day.month}/{day.day}/{day.year}") == day
    assert parse_date(f"{day.month:02}/{day.day:02}/{day.year}") == day


@pytest.mark.parametrize(
    "text",
    [
        "0009-06-09",
        "0021-08-02",
        "0201-06-22",
        "20221-11-18",
        "2019-06-31",
        "13/01/2020",
        "04/30/3031",
        "",
        None,
        "soon",
    ],
)
def test_an_impossible_date_is_not_repaired(text: str | None) -> None:
    assert parse_date(text) is None


@given(st.text())
def test_no_text_makes_the_parser_fail(text: str) -> None:
    assert parse_date(text) is None or isinstance(parse_date(text), date)
