from __future__ import annotations

import pytest

from llm_pipeline.disclosures.vocabulary import (
    ASSET_TYPES,
    HOUSE_ASSET_TYPES,
    OWNERS,
    TRANSACTION_TYPES,
    asset_type_of,
    owner_of,
    transaction_type_of,
)


@pytest.mark.parametrize(
    ("filed", "stored"),
    [
        ("purchase", "Purchase"),
        ("P", "Purchase"),
        ("S", "Sale"),
        ("S (partial)", "Sale (Partial)"),
        ("sale_full", "Sale (Full)"),
        ("E", "Exchange"),
        ("Sale (Full)", "Sale (Full)"),
        ("Gift", None),
        (None, None),
    ],
)
def test_transaction_types_of_all_sources_meet_in_one_spelling(filed: str | None, stored: str | None) -> None:
    assert transaction_type_of(filed) == stored


@pytest.mark.parametrize(
    ("filed", "stored"),
    [
        ("SP", "Spouse"),
        ("JT", "Joint"),
        ("DC", "Dependent"),
        ("self", "Self"),
        ("Child", "Child"),
        ("--", None),
    ],
)
def test_owners_of_all_sources_meet_in_one_spelling(filed: str, stored: str | None) -> None:
    assert owner_of(filed) == stored


def test_a_clerks_code_becomes_its_name() -> None:
    assert asset_type_of("[ST]") == "Stocks (including ADRs)"
    assert asset_type_of("op") == "Options"
    assert asset_type_of("Municipal Security") == "Municipal Security"
    assert asset_type_of("Beanie Babies") is None


def test_stored_spellings_are_part_of_their_vocabulary() -> None:
    assert {asset_type_of(code) for code in HOUSE_ASSET_TYPES} <= ASSET_TYPES
    assert {transaction_type_of(word) for word in TRANSACTION_TYPES} == TRANSACTION_TYPES
    assert {owner_of(word) for word in OWNERS} == OWNERS
