from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_pipeline.validation.names import all_words, core_words, resemblance


@pytest.mark.parametrize(
    ("name", "core"),
    [
        ("The Procter & Gamble Company", ("procter", "gamble")),
        ("AT&T Inc. (NYSE)", ("att",)),
        ("C. R. Bard, Inc.", ("cr", "bard")),
        ("Fox Corporation (Class B)", ("fox",)),
        ("UiPath Inc. Class A Common Stock", ("uipath",)),
        ("McDonald's Corp. Rate/Coupon: 3.7 Matures: 01/30/2026", ("mcdonalds",)),
        ("Société Générale S.A.", ("societe", "generale")),
        ("Inc.", ("inc",)),
    ],
)
def test_a_name_is_reduced_to_its_distinctive_words(name: str, core: tuple[str, ...]) -> None:
    assert core_words(name) == core


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("Wal-Mart Stores Inc.", "Walmart Inc."),
        ("INTL BUSINESS MACHS CORP", "International Business Machines Corporation"),
        ("IBM", "International Business Machines Corporation"),
        ("Twenty-First Century Fox, Inc.", "Fox Corp"),
        ("Discovery Communications, Inc.", "Discovery, Inc."),
        ("Regeneron Pharma", "REGENERON PHARMACEUTICALS, INC."),
    ],
)
def test_spellings_of_one_company_resemble_each_other(a: str, b: str) -> None:
    assert resemblance(a, b) >= 0.6


@pytest.mark.parametrize(
    ("a", "b"), [("Urban Outfitters, Inc.", "Graham Holdings Company"), ("AT&T Inc.", "Boeing Co")]
)
def test_different_companies_do_not(a: str, b: str) -> None:
    assert resemblance(a, b) < 0.35


@given(st.text(max_size=60), st.text(max_size=60))
def test_resemblance_is_symmetric_and_bounded(a: str, b: str) -> None:
    assert 0 <= resemblance(a, b) <= 1
    assert (resemblance(a, b) == 1) == (resemblance(b, a) == 1) or core_words(a) != core_words(b)


@given(st.text(max_size=80))
def test_a_name_is_itself(name: str) -> None:
    assert not all_words(name) or resemblance(name, name) == 1
