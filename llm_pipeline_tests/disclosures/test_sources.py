"""Settings that name where disclosures are read from."""

from __future__ import annotations

import pytest

from llm_pipeline.disclosures.sources import SourceLocation, source_locations


def test_the_file_name_decides_the_house_source() -> None:
    assert source_locations("house", "a/all_transactions.csv.gz, b/ptr.jsonl") == [
        SourceLocation("house_stock_watcher", "a/all_transactions.csv.gz"),
        SourceLocation("house_ptr", "b/ptr.jsonl"),
    ]


def test_a_location_may_name_its_source() -> None:
    assert source_locations("house", "house_stock_watcher=https://example.org/x?y=1") == [
        SourceLocation("house_stock_watcher", "https://example.org/x?y=1")
    ]


def test_a_url_with_an_equals_sign_is_not_a_named_source() -> None:
    assert source_locations("senate", "https://example.org/reports?day=1") == [
        SourceLocation("senate_efd", "https://example.org/reports?day=1")
    ]


def test_places_of_one_source_are_read_as_one() -> None:
    assert source_locations("senate", "a/*.json, b.jsonl.gz") == [SourceLocation("senate_efd", "a/*.json,b.jsonl.gz")]


def test_no_setting_means_no_location() -> None:
    assert source_locations("senate", None) == []


def test_a_source_of_the_other_chamber_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="house_ptr"):
        source_locations("senate", "house_ptr=x.jsonl")
