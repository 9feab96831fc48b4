from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_pipeline.disclosures.filing import Filer
from llm_pipeline.disclosures.identity import disclosure_id, identify
from llm_pipeline.disclosures.names import name_key, tidy_name


@pytest.mark.parametrize(
    ("first", "last", "full"),
    [
        ("ADA Q ", "EXAMPLER", "Ada Q Exampler"),
        ("Ada Q", "Exampler , Jr", "Ada Q Exampler, Jr."),
        ("Ada", "Exampler,  ", "Ada Exampler"),
        ("A. Quentin", "McSample, III", "A. Quentin McSample, III"),
        ("BEA", "MCSAMPLE", "Bea McSample"),
        ("BEA", "O'SAMPLE", "Bea O'Sample"),
    ],
)
def test_names_are_tidied(first: str, last: str, full: str) -> None:
    assert tidy_name(first, last)[2] == full


@pytest.mark.parametrize(
    "spelling",
    [
        "Hon. Bea Sample",
        "BEA SAMPLE",
        "Mrs. Bea Q. Sample",
        "Bea Dr Sample",
        "Hon. Bea Quentin MD, FACS Sample",
        'Hon. Bea Q. "Bee" Sample, Jr.',
        "B. Bea Sample",
        "Béa Sample III",
    ],
)
def test_all_spellings_of_a_person_have_one_key(spelling: str) -> None:
    assert name_key(spelling) == "bea sample"


@given(st.text(st.characters(codec=None)))
def test_no_text_makes_a_name_fail(text: str) -> None:
    name_key(text)
    tidy_name(text, text)


def test_an_identifier_known_to_be_wrong_is_corrected_and_noted() -> None:
    reed = identify(Filer("John F", "Reed", chamber="Senate", bioguide="R000120"))
    assert reed.bioguide == "R000122"
    assert "R000120" in reed.notes[0]


def test_the_correction_spares_another_person_of_that_identifier() -> None:
    other = identify(Filer("Ada", "Exampler", chamber="Senate", bioguide="R000120"))
    assert (other.bioguide, other.notes) == ("R000120", ())


def test_a_house_member_keeps_the_identity_when_the_district_is_redrawn() -> None:
    before = identify(Filer(full_name="Hon. Bea Q. Sample", chamber="House", state="ZZ", district="05"))
    after = identify(Filer(full_name="Bea Sample", chamber="House", state="zz", district="17"))
    elsewhere = identify(Filer(full_name="Bea Sample", chamber="House", state="YY", district="05"))
    assert before.politician_id == after.politician_id != elsewhere.politician_id
    assert (before.first_name, before.last_name) == ("Bea Q.", "Sample")


def test_ids_never_change() -> None:
    assert disclosure_id("senate_efd", "doc", 1) == "27b3f822-f672-548b-b53d-8be03da20b43"
    assert identify(Filer(bioguide="X000001")).politician_id == "cd18abe2-0c80-5361-a509-ba8d53d2b6a8"
