from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_pipeline.disclosures.text import field_text, plain_text


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (
            'Acme Muni <div class="text-muted"><em>Rate/Coupon:</em> 4.00%<br> <em>Matures:</em> 08/15/2032</div>',
            "Acme Muni Rate/Coupon: 4.00% Matures: 08/15/2032",
        ),
        ("Acme &amp; Sons", "Acme & Sons"),
        ("Acme &amp;amp; Sons", "Acme & Sons"),
        ("a<script>alert(1)</script>b", "a b"),
        ("yield < 5 % and > 2 %", "yield < 5 % and > 2 %"),
        ("nul\x00 and \ud800 lone", "nul and lone"),
        ("&#0;zero\u200bwidth", "\ufffdzerowidth"),
        (None, ""),
    ],
)
def test_markup_becomes_one_readable_line(cell: str | None, text: str) -> None:
    assert plain_text(cell) == text


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("$15,001-gfedcIDOwnerAssetTransactionType", "$15,001-"),
        ("$348.03gfedcbFILINgSTATuS:NewSuBHOLdINgOF:Somebody", "$348.03"),
        ("$1.00FS:NewD:50calls", "$1.00"),
        ("--", None),
        (" N/A ", None),
        ("gfedc", None),
    ],
)
def test_form_footers_and_dashes_are_not_part_of_a_field(cell: str, text: str | None) -> None:
    assert field_text(cell) == text


@given(st.text(st.characters(codec=None)))
def test_whatever_comes_out_can_be_stored(cell: str) -> None:
    text = plain_text(cell)
    assert "\x00" not in text
    text.encode()
    assert text == " ".join(text.split())
