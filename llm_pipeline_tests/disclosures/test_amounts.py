from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_pipeline.disclosures.amounts import RANGES, label_for, parse_amount


def test_there_are_eleven_ranges_without_gap_or_overlap() -> None:
    assert [band.index for band in RANGES] == list(range(1, 12))
    for lower, upper in itertools.pairwise(RANGES):
        assert lower.high is not None
        assert upper.low == lower.high + 1
    assert RANGES[-1].high is None


@pytest.mark.parametrize("band", RANGES)
def test_every_label_reads_back_with_and_without_spaces(band: object) -> None:
    assert parse_amount(band.label) == band  # type: ignore[attr-defined]
    assert parse_amount(band.label.replace(" ", "")) == band  # type: ignore[attr-defined]
    assert label_for(band.low, band.high) == band.label  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "text",
    [
        "",
        None,
        "$1,001 -",
        "$15,001-",
        "$1,000 - $15,000",
        "1,001 - 15,000",
        "$348.03",
        "$1,001 - $50,000",
        "unknown",
    ],
)
def test_anything_else_is_not_a_standard_range(text: str | None) -> None:
    assert parse_amount(text) is None


def test_the_open_band_of_a_spouse_is_read() -> None:
    band = parse_amount("Spouse/DC Over $1,000,000")
    assert band is not None
    assert (band.low, band.high) == (1_000_001, None)
    assert label_for(band.low, band.high) == "Over $1,000,000"


@given(st.text())
def test_no_text_makes_the_parser_fail(text: str) -> None:
    band = parse_amount(text)
    assert band is None or band.low >= 0
