from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_pipeline.anomalies.text_claims import Shown, unsupported

FIGURES = st.text(alphabet="0123456789.,eE- x", max_size=60)


@given(FIGURES, FIGURES)
def test_whatever_strangers_and_models_write_as_figures_is_read_without_an_error(data: str, text: str) -> None:
    for code, words in unsupported(text, Shown.of({"data": data})):
        assert code.startswith("text_")
        assert words in text


@pytest.mark.parametrize(
    ("data", "text"),
    [("1e99999999", "5"), ("123456789012345", "0.12345678901234567890"), ("1" * 5000, "7e-9999")],
)
def test_figures_beyond_any_arithmetic_are_unsupported(data: str, text: str) -> None:
    assert [code for code, _ in unsupported(text, Shown.of({"data": data}))] == ["text_number"]
