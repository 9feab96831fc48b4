from __future__ import annotations

from datetime import date

import pytest

from llm_pipeline.reference.asof import Reference
from llm_pipeline.reference.records import Chamber, Legislator, Term


def legislator(
    bioguide: str, full: str, *others: str, chamber: Chamber = "Senate", state: str = "VT", since: int = 2015
) -> Legislator:
    first, _, last = full.partition(" ")
    term = Term(chamber, date(since, 1, 3), date(since + 6, 1, 3), state, None, None)
    return Legislator(bioguide, first, last, full, others, (term,))


EVERYBODY = Reference(
    legislators=(
        legislator("X1", "Addie Quarrel", "Adelaide Quarrel"),
        legislator("X2", "Bill Wick"),
        legislator("X3", "John Lantern", state="VT"),
        legislator("X4", "John Lantern", chamber="House", state="OH"),
        legislator("X5", "John Lantern", state="NM", since=1999),
        legislator("X6", "Ted Marsh", "Theodore Marsh"),
        legislator("X7", "Tammy Ferrow", "Lindgard Ferrow"),
    )
)
DAY = date(2019, 5, 1)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Adelaide Quarrel", "X1"),
        ("QUARREL, ADDIE", None),  # not the way reports write names: nothing is guessed
        ("Hon. Adelaide B Quarrel, Jr.", "X1"),
        ("William F Wick, IV", "X2"),
        ("Wilhelmina Wick", None),
        ("Barbara Wick", None),
        ("Rudolf Edward (Ted) Marsh", "X6"),
        ("Ladda Tammy Ferrow", "X7"),
        ("Nobody Known", None),
        ("", None),
    ],
)
def test_a_name_is_found_under_its_usual_spellings(name: str, expected: str | None) -> None:
    assert EVERYBODY.bioguide_of(name, chamber="Senate", day=DAY) == expected


def test_two_people_of_one_name_are_told_apart_or_left_alone() -> None:
    assert EVERYBODY.bioguide_of("John Lantern") is None
    assert EVERYBODY.bioguide_of("John Lantern", chamber="House") == "X4"
    assert EVERYBODY.bioguide_of("John Lantern", chamber="Senate") is None
    assert EVERYBODY.bioguide_of("John Lantern", chamber="Senate", day=DAY) == "X3"
    assert EVERYBODY.bioguide_of("John Lantern", state="NM") == "X5"


def test_a_name_that_is_only_alike_needs_a_day_in_office() -> None:
    assert EVERYBODY.bioguide_of("William Wick", day=DAY) == "X2"
    assert EVERYBODY.bioguide_of("William Wick") is None


def test_somebody_who_left_still_reports_for_a_year() -> None:
    assert EVERYBODY.bioguide_of("Bill Wick", day=date(2021, 12, 1)) == "X2"
    assert EVERYBODY.bioguide_of("Bill Wick", day=date(2022, 12, 1)) is None
    assert EVERYBODY.bioguide_of("Bill Wick", day=date(2014, 12, 1)) is None


def test_the_id_on_record_counts_unless_nobody_has_it() -> None:
    assert EVERYBODY.bioguide_of("Bill Wick", bioguide="x3") == "X3"
    assert EVERYBODY.bioguide_of("Bill Wick", bioguide="X999") == "X2"
    assert EVERYBODY.bioguide_of("Nobody Known", bioguide="X999") == "X999"
    assert EVERYBODY.bioguide_of("Nobody Known", bioguide=" ") is None
