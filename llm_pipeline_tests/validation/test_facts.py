from __future__ import annotations

import time
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_pipeline.disclosures.amounts import RANGES
from llm_pipeline.validation.context import context_of
from llm_pipeline.validation.facts import compute_facts
from llm_pipeline.validation.issue import EXPECTATIONS
from llm_pipeline.validation.record import MODEL_FIELDS, record_from_json
from llm_pipeline_tests.steps import steps
from llm_pipeline_tests.validation.records import CLERK, EFD, NOW, facts_of, issues_of, only, record


def test_a_sound_record_has_no_issue_and_all_facts() -> None:
    facts = only()
    assert facts.issues == ()
    assert (facts.days_to_filing, facts.trading_day, facts.exchange_traded) == (20, True, True)
    assert facts.name_match == "match"


@pytest.mark.parametrize(
    "field",
    ["filer_name", "filer_chamber", "transaction_date", "filing_date", "transaction_type", "amount_range"],
)
@pytest.mark.parametrize("text", [None, "", " ", "N/A"])
def test_a_missing_key_field_rejects_and_causes_nothing_else(field: str, text: str | None) -> None:
    facts = only(**{field: text})
    assert [(i.issue_type, i.field, i.action) for i in facts.issues] == [("missing_field", field, "reject")]


@pytest.mark.parametrize("field", ["source_url", "asset_description", "ticker", "extraction_ts"])
def test_a_missing_secondary_field_is_flagged(field: str) -> None:
    facts = only(**{field: None})
    assert [(i.issue_type, i.field, i.action) for i in facts.issues] == [("missing_field", field, "flag")]


def test_a_record_that_names_no_asset_at_all_is_rejected() -> None:
    assert only(ticker="--", asset_description=None).action == "reject"


def test_a_bond_needs_no_ticker_and_no_trading_day() -> None:
    bond = {"asset_type": "Municipal Security", "ticker": "--", "asset_description": "Elm County Sch Dist Go"}
    assert only(**bond, transaction_date="2023-03-12").issues == ()


def test_what_a_source_never_states_is_not_held_against_its_records() -> None:
    house = record(source="export", asset_type=None)
    context = context_of([house], NOW, unstated={"export": frozenset({"asset_type"})})
    assert facts_of(house, context=context)[0].issues == ()
    assert only(asset_type=None).action == "flag"


@pytest.mark.parametrize(
    ("field", "word"),
    [
        ("filer_chamber", "Sentate"),
        ("filer_chamber", "Parliament"),
        ("transaction_type", "Gift"),
        ("transaction_type", "Sale (Some)"),
        ("transaction_type", "P"),
        ("asset_type", "Stonk"),
        ("asset_type", "ST"),
        ("extraction_method", "telepathy"),
        ("extraction_method", "html-table"),
    ],
)
def test_a_word_outside_the_vocabulary_rejects(field: str, word: str) -> None:
    facts = only(**{field: word})
    assert ("wrong_enum", field, "reject") in [(i.issue_type, i.field, i.action) for i in facts.issues]


def test_letter_case_white_space_and_the_clerks_shorthand_are_innocent() -> None:
    assert only(transaction_type="sale (full) ", asset_type="STOCK", filer_chamber=" senate").issues == ()
    house = {"filer_chamber": "House", "source_url": CLERK, "extraction_method": "pdf_text"}
    assert only(**house, transaction_type="S (partial)", asset_type="[ST]", owner="SP").issues == ()


@pytest.mark.parametrize("field", ["transaction_date", "filing_date"])
@pytest.mark.parametrize("text", ["2019-06-31", "2018-13-02", "2018-00-14", "0021-08-02", "2093-05-01", "soon"])
def test_an_impossible_date_rejects_and_causes_nothing_else(field: str, text: str) -> None:
    facts = only(**{field: text})
    assert [(i.field, i.action) for i in facts.issues] == [(field, "reject")]
    assert facts.days_to_filing is None


def test_a_date_before_the_stock_act_is_only_doubted() -> None:
    types = {i.issue_type: i.action for i in only(transaction_date="2011-03-14").issues}
    assert types == {"implausible_date": "flag", "late_filing": "flag"}


@pytest.mark.parametrize("band", [b.label for b in RANGES])
def test_every_statutory_range_is_standard_with_and_without_spaces(band: str) -> None:
    assert only(amount_range=band).issues == ()
    assert only(amount_range=band.replace(" ", "")).issues == ()


@pytest.mark.parametrize(
    "text",
    [
        "$15,000 - $50,000",
        "$1,001 - $16,000",
        "$15,000 - $1,001",
        "$1,001 -",
        "$0 - $1,000",
        "$12,345",
        "1,001 - 15,000",
        "$1.001 - $15.000",
        "unknown",
        "$100,001 - $200,000",
    ],
)
def test_an_amount_off_the_ranges_is_flagged(text: str) -> None:
    assert [(i.issue_type, i.action) for i in only(amount_range=text).issues] == [("nonstandard_amount", "flag")]


@pytest.mark.parametrize("text", ["BRK.B", "brk/b", "BAC-PK", "RDSA.AS", "3V64.TI", "VFIAX", "PX LIN", "T"])
def test_real_forms_of_tickers_are_sound(text: str) -> None:
    assert "ticker_syntax" not in {i.issue_type for i in only(ticker=text).issues}


@pytest.mark.parametrize("text", ["Microsoft Corp", "MSFTXYZQ", "M$", "12"])
def test_what_is_no_ticker_is_flagged(text: str) -> None:
    assert ("ticker_syntax", "ticker") in issues_of(record(ticker=text, asset_description="Zyx Qwv Holdings"))[0]


def test_an_address_of_the_other_chamber_is_flagged() -> None:
    assert issues_of(record(filer_chamber="House"))[0] == {("bad_source_url", "source_url")}


def test_an_html_table_cannot_have_been_read_from_a_pdf() -> None:
    found = issues_of(record(filer_chamber="House", source_url=CLERK, extraction_method="html_table"))[0]
    assert found == {("extraction_method_url", "extraction_method")}
    assert issues_of(record(source_url=EFD, extraction_method="pdf_text"))[0] == set()


@given(st.integers(min_value=-400, max_value=800))
def test_the_days_to_filing_decide(days: int) -> None:
    filed = date(2021, 3, 16) + timedelta(days=days)
    facts = only(transaction_date="2021-03-16", filing_date=str(filed), extraction_ts=f"{filed}T12:00:00Z")
    expected = [("filing_before_trade", "reject")] if days < 0 else [("late_filing", "flag")] * (days > 45)
    assert [(i.issue_type, i.action) for i in facts.issues] == expected
    assert facts.days_to_filing == days


def test_a_late_filing_is_a_finding_not_a_defect() -> None:
    (issue,) = only(filing_date="2023-04-29", extraction_ts="2023-04-30").issues
    assert (issue.kind, issue.action, issue.field) == ("finding", "flag", "filing_date")


def test_a_weekend_trade_of_a_stock_is_a_finding_an_exchange_of_papers_is_not() -> None:
    (issue,) = only(transaction_date="2023-03-12").issues
    assert (issue.issue_type, issue.kind) == ("nontrading_day", "finding")
    assert only(transaction_date="2023-03-12", transaction_type="Exchange").issues == ()


def test_an_extraction_before_the_filing_is_flagged() -> None:
    (issue,) = only(extraction_ts="2023-04-02T23:59:59Z").issues
    assert (issue.issue_type, issue.action) == ("extraction_before_filing", "flag")
    assert only(extraction_ts="2023-04-03T00:00:01Z").issues == ()


def test_a_ticker_of_another_company_is_flagged_once() -> None:
    assert issues_of(record(asset_description="General Motors Company"))[0] == {("ticker_asset_mismatch", "ticker")}


def test_a_garbled_name_is_not_also_a_mismatch() -> None:
    assert issues_of(record(asset_description="Micros0ft C0rporation"))[0] == {("garbled_text", "asset_description")}
    assert issues_of(record(ticker="M5FT"))[0] == {("garbled_text", "ticker")}


def test_the_description_of_a_bond_is_not_held_against_its_ticker() -> None:
    bond = record(asset_type="Corporate Bond", asset_description="General Motors Finl Co 4.35% 2027")
    assert issues_of(bond)[0] == set()


def test_ids_must_be_unique_within_a_batch() -> None:
    with pytest.raises(ValueError, match="r1"):
        compute_facts([record(), record()], context_of([record()], NOW))


@given(st.dictionaries(st.sampled_from(MODEL_FIELDS[1:]), st.none() | st.integers() | st.text(max_size=60)))
def test_facts_of_any_record_name_only_fields_that_exist(data: dict[str, Any]) -> None:
    one = record_from_json(data, fallback_id="x")
    for issue in facts_of(one)[0].issues:
        assert issue.field in MODEL_FIELDS
        assert issue.issue_type in EXPECTATIONS


@pytest.mark.parametrize("field", MODEL_FIELDS[1:])
@pytest.mark.parametrize("unit", ["x", "A. ", "1l", "@", "a@b.", "Inc ", "-"])
def test_a_huge_hostile_field_costs_little(field: str, unit: str) -> None:
    start = time.process_time()
    facts_of(record(**{field: unit * 100_000}))
    assert time.process_time() - start < 30  # of a processor: an expression that goes back and forth takes minutes


def test_ten_times_as_many_records_take_ten_times_as_many_steps() -> None:
    rows = [replace(record(), record_id=f"r{i}", filer_name=f"Filer {chr(65 + i % 26)} Name") for i in range(2_000)]
    rows = [
        replace(r, transaction_date=str(date(2022, 1, 3) + timedelta(days=7 * (i // 26)))) for i, r in enumerate(rows)
    ]
    context = context_of(rows, NOW)
    compute_facts(rows[:50], context)  # what is computed once is there by now
    few, many = (steps(lambda n=n: compute_facts(rows[:n], context)) for n in (200, 2_000))
    assert many < 12 * few
