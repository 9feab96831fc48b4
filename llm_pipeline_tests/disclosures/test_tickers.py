from __future__ import annotations

import pytest

from llm_pipeline.disclosures.tickers import read_ticker
from llm_pipeline_tests.disclosures.samples import ANCHOR


@pytest.mark.parametrize(
    ("cell", "primary"),
    [
        (ANCHOR.format("ACME"), "ACME"),
        ("--", None),
        (None, None),
        ("", None),
        ("acme", "ACME"),
        ("BRK.B", "BRK.B"),
        ("BRK . B", "BRK.B"),
        ("RDS-A", "RDS-A"),
        ("DUK$A", "DUK$A"),
        ("^MWE", "^MWE"),
        ("\x00ACME", "ACME"),
        ("Acme Corp", "Acme Corp"),
    ],
)
def test_a_cell_gives_its_symbol(cell: str | None, primary: str | None) -> None:
    assert read_ticker(cell).primary == primary


def test_the_first_of_two_anchors_is_the_primary_symbol() -> None:
    cell = read_ticker(f"{ANCHOR.format('OLD')}      <br>    {ANCHOR.format('NEW')}")
    assert (cell.primary, cell.others) == ("OLD", ("NEW",))
    assert "several symbols: OLD, NEW" in cell.notes[0]


def test_what_ocr_made_of_partial_is_no_symbol() -> None:
    cell = read_ticker("PARTIAL")
    assert cell.primary is None
    assert "PARTIAL" in cell.notes[0]
