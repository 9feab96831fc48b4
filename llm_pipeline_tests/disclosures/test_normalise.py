from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_pipeline.disclosures.filing import Filing, FilingRow
from llm_pipeline.disclosures.identity import identify
from llm_pipeline.disclosures.record import DisclosureRecord, make_record

_CELLS = ("transaction_date", "ticker", "asset_name", "asset_type", "transaction_type", "amount", "owner")


def record(source: str = "senate_efd", **cells: str | None) -> DisclosureRecord:
    filing = Filing(source, "doc", "file#1", "0" * 64, disclosure_date_text="02/10/2020")
    return make_record(filing, FilingRow(1, dict(cells), **cells), identify(filing.filer), "pid")


@pytest.mark.parametrize(
    ("cells", "column", "typed", "filed_name", "filed"),
    [
        ({"transaction_date": "0021-08-02"}, "transaction_date", None, "transaction_date", "0021-08-02"),
        (
            {"transaction_date": "01/4/2016"},
            "transaction_date",
            "2016-01-04",
            "transaction_date",
            "01/4/2016",
        ),
        ({"amount": "$1,001-$15,000"}, "amount_range_max", 15_000, "amount_range", "$1,001-$15,000"),
        ({"amount": "$15,001-gfedcIDOwnerAsset"}, "amount_range_min", None, "amount_range", "$15,001-"),
        ({"ticker": "--"}, "asset_ticker", None, "ticker", None),
        ({"ticker": "PARTIAL"}, "asset_ticker", None, "ticker", None),
        ({"owner": "dependent"}, "owner", "Dependent", "owner", "dependent"),
        ({"owner": "Cat"}, "owner", "Cat", "owner", "Cat"),
        (
            {"transaction_type": "sale_full"},
            "transaction_type",
            "Sale (Full)",
            "transaction_type",
            "sale_full",
        ),
        ({"asset_type": ""}, "asset_type", None, "asset_type", None),
    ],
)
def test_a_cell_is_typed_and_its_text_kept(
    cells: dict[str, Any], column: str, typed: Any, filed_name: str, filed: str | None
) -> None:
    made = record(**cells)
    assert made.columns[column] == typed
    assert made.as_filed[filed_name] == filed


def test_the_exports_shorthand_for_an_open_band_is_read_for_that_export_alone() -> None:
    assert record("house_stock_watcher", amount="$1,000,000 +").columns["amount_range_min"] == 1_000_001
    assert record("senate_efd", amount="$1,000,000 +").columns["amount_range_min"] is None


def test_an_unread_value_is_noted() -> None:
    made = record(amount="$1,001 -", transaction_date="soon")
    assert made.columns["processing_notes"] == (
        "amount '$1,001 -' is not a standard range; transaction date 'soon' is not a date"
    )


@given(st.fixed_dictionaries({cell: st.none() | st.text(st.characters(codec=None)) for cell in _CELLS}))
def test_no_text_makes_a_record_fail_and_all_of_it_can_be_stored(cells: dict[str, str | None]) -> None:
    made = record(**cells)
    for value in [*made.columns.values(), *made.as_filed.values()]:
        if isinstance(value, str):
            assert "\x00" not in value
            value.encode()
