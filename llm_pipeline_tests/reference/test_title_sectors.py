from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_pipeline.reference.records import GICS_SECTORS
from llm_pipeline.reference.title_sectors import event_sectors, sectors_in_title, sectors_of_committee

MAP = {"SSXX": ("Energy", "Utilities"), "SSXX05": ("Materials",), "SSYY": ()}


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Oversight of the Securities and Exchange Commission", ("Financials",)),
        ("Vaccines: Saving Lives", ("Health Care",)),
        ("Housing Finance and Mortgages", ("Financials", "Real Estate")),
        ("Rising Health Insurance Premiums", ("Health Care",)),
        ("The Army's Talent Pipeline", ("Industrials",)),
        ("A bill to protect employees from retaliation", ()),
        ("Securing America's Pipelines Against Cyber Threats", ("Energy", "Information Technology")),
        ("Nomination of an Ambassador to the Riverbank Republic", ()),  # "bank" only as a whole word
        ("", ()),
    ],
)
def test_a_title_names_sectors_by_whole_words(title: str, expected: tuple[str, ...]) -> None:
    assert sectors_in_title(title) == expected
    assert sectors_in_title(title.upper()) == expected


def test_the_committee_decides_only_where_the_title_says_nothing() -> None:
    assert event_sectors("Vaccines", ["SSXX"], MAP) == ("Health Care",)
    assert event_sectors("Pending business", ["SSXX"], MAP) == ("Energy", "Utilities")
    assert event_sectors("Pending business", ["SSYY"], MAP) == ()
    assert event_sectors("Pending business", [], MAP) == ()


def test_a_subcommittee_has_its_own_sectors_or_those_of_its_committee() -> None:
    assert sectors_of_committee("ssxx00", MAP) == ("Energy", "Utilities")
    assert sectors_of_committee("SSXX05", MAP) == ("Materials",)
    assert sectors_of_committee("SSXX06", MAP) == ("Energy", "Utilities")
    assert sectors_of_committee("ZZZZ", MAP) == ()


@given(st.text(max_size=200))
def test_any_title_gives_sectors_of_gics_in_order(title: str) -> None:
    found = sectors_in_title(title)
    assert list(found) == [sector for sector in GICS_SECTORS if sector in found]
