from __future__ import annotations

from typing import Any

import pytest

from llm_pipeline.validation.context import context_of
from llm_pipeline.validation.record import ValidationRecord
from llm_pipeline_tests.validation.records import NOW, facts_of, issues_of, record


def pair(**changes: Any) -> tuple[ValidationRecord, ValidationRecord]:
    """Two records that differ in their ids and in `changes` of the second."""
    return record(record_id="first"), record(record_id="second", **changes)


def test_the_later_of_two_equal_records_is_rejected_and_names_the_original() -> None:
    first, second = facts_of(*pair(extraction_ts="2023-04-04T09:00:00Z"))
    assert first.issues == ()
    (issue,) = second.issues
    assert (issue.issue_type, issue.action) == ("duplicate", "reject")
    assert "first" in issue.detail


def test_a_stored_record_comes_before_the_batch() -> None:
    stored, new = pair()
    context = context_of([new], NOW, neighbours=[stored])
    assert issues_of(new, context=context) == [{("duplicate", "record_id")}]


def test_arrival_decides_where_it_is_known() -> None:
    late, early = record(record_id="late", ingest_seq=9), record(record_id="early", ingest_seq=3)
    context = context_of([late], NOW, neighbours=[late, early])
    assert issues_of(early, context=context_of([early], NOW, neighbours=[late])) == [set()]
    assert issues_of(late, context=context) == [{("duplicate", "record_id")}]


def test_the_same_trade_listed_twice_in_one_filing_is_a_finding() -> None:
    rows = [record(record_id=str(n), source="efd", source_document_id="D1", row_ordinal=n) for n in range(2)]
    (issue,) = facts_of(*rows)[1].issues
    assert (issue.issue_type, issue.kind, issue.action) == ("repeated_in_filing", "finding", "flag")


def test_the_same_row_of_one_document_read_twice_is_a_duplicate() -> None:
    rows = [record(record_id=i, source="efd", source_document_id="D1", row_ordinal=4) for i in ("a", "b")]
    assert issues_of(*rows)[1] == {("duplicate", "record_id")}


@pytest.mark.parametrize(
    "changes",
    [
        {"filing_date": "2023-04-10", "extraction_ts": "2023-04-11"},
        {"asset_description": "Microsoft Corp. Class A"},
        {"owner": "Joint"},
    ],
)
def test_a_copy_with_small_differences_is_flagged(changes: dict[str, str]) -> None:
    first, second = facts_of(*pair(**changes))
    assert first.action == "accept"
    assert [(i.issue_type, i.action) for i in second.issues] == [("near_duplicate", "flag")]


@pytest.mark.parametrize(
    "changes",
    [
        {"filer_name": "ADA Q. EXAMPLE"},
        {"asset_description": "MICROSOFT  CORPORATION"},
        {"transaction_date": "03/14/2023"},
        {"amount_range": "$1,001-$15,000"},
        {"ticker": "msft"},
    ],
)
def test_spelling_alone_does_not_hide_a_duplicate(changes: dict[str, str]) -> None:
    assert ("duplicate", "record_id") in issues_of(*pair(**changes))[1]


@pytest.mark.parametrize(
    "changes",
    [
        {"transaction_date": "2023-03-15"},
        {"filer_name": "Bo R Other"},
        {"ticker": "AAPL", "asset_description": "Apple Inc."},
    ],
)
def test_another_day_filer_or_asset_is_another_trade(changes: dict[str, str]) -> None:
    assert issues_of(*pair(**changes)) == [set(), set()]


def test_bonds_differ_by_their_terms() -> None:
    bond = {"ticker": None, "asset_type": "Corporate Bond"}
    a = record(record_id="a", asset_description="ACME INC 03.700% 081529", **bond)
    b = record(record_id="b", asset_description="ACME INC 04.100% 081531", **bond)
    c = record(record_id="c", asset_description="Acme, Inc. 03.700% 081529", **bond)
    assert issues_of(a, b) == [set(), set()]
    assert issues_of(a, c)[1] == {("duplicate", "record_id")}


def test_both_sides_on_one_day_contradict_and_both_records_say_so() -> None:
    both = {("contradiction", "transaction_type")}
    assert issues_of(*pair(transaction_type="Sale (Full)")) == [both, both]


def test_two_amounts_for_one_trade_contradict() -> None:
    both = {("contradiction", "amount_range")}
    assert issues_of(*pair(amount_range="$15,001 - $50,000")) == [both, both]


def test_another_export_of_the_same_report_contradicts_nothing() -> None:
    first = record(record_id="a", source="house_stock_watcher")
    other = record(record_id="b", source="house_ptr", transaction_type="Sale (Full)")
    assert issues_of(first, other) == [set(), set()]


def test_in_one_document_two_amounts_are_two_trades_and_two_sides_a_finding() -> None:
    place = {"source": "efd", "source_document_id": "D1"}
    first = record(record_id="a", row_ordinal=1, **place)
    more = record(record_id="b", row_ordinal=2, amount_range="$15,001 - $50,000", **place)
    sold = record(record_id="c", row_ordinal=3, transaction_type="Sale (Full)", **place)
    assert issues_of(first, more) == [set(), set()]
    assert {(i.issue_type, i.kind) for f in facts_of(first, sold) for i in f.issues} == {("contradiction", "finding")}


def test_different_owners_and_options_do_not_contradict() -> None:
    mine, hers = record(record_id="a", owner="Self"), record(record_id="b", owner="Spouse", transaction_type="Sale")
    assert issues_of(mine, hers) == [set(), set()]
    option = {"asset_type": "Stock Option"}
    call, put = record(record_id="a", **option), record(record_id="b", transaction_type="Sale (Full)", **option)
    assert issues_of(call, put) == [set(), set()]


def test_records_with_an_impossible_date_are_compared_with_nothing() -> None:
    rows = [record(record_id=i, transaction_date="2019-06-31") for i in ("a", "b")]
    assert issues_of(*rows) == [{("impossible_date", "transaction_date")}] * 2


def test_near_names_the_other_records_of_the_trade() -> None:
    first, second = facts_of(*pair(amount_range="$15,001 - $50,000"))
    assert (first.near, second.near) == (("second",), ("first",))
