from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_pipeline.validation.garbled import GarbleDetector
from llm_pipeline.validation.tickers import ReportedNames, TickerNames

DETECTOR = GarbleDetector(TickerNames(ReportedNames()), {"Ada Q Example": 9, "Sheldon B Testcase": 12})


@pytest.mark.parametrize(
    "text",
    [
        "Fin@nci@l Services Group",
        "A1bcrnar1c Corporation",
        "Genera1 Motors Company",
        "Thc W@lt Disncy Cornpany",
        "Micros0ft Corporation",
        "lnternational Business Machines",
        "lTC Holdings Corp.",
        "Caterpi!lar Inc.",
        "Waste Managernent Group",
        "Wal1\ufffdmart Stores",
        "Starbucks Corporatlon",
    ],
)
def test_damaged_descriptions_are_recognised(text: str) -> None:
    assert DETECTOR.asset_description(text)


@pytest.mark.parametrize(
    "text",
    [
        "3M Company",
        "1-800-Flowers.com, Inc.",
        "8x8, Inc.",
        "F5 Networks, Inc.",
        "E*TRADE Financial Corporation",
        "Yum! Brands, Inc.",
        "Yahoo! Inc.",
        "Wal-Mart Stores Inc.",
        "23andMe Holding Co.",
        "L3Harris Technologies",
        "10x Genomics",
        "H&R Block, Inc.",
        "VERIZON COMM INC 03.700% 081529 DTD081717",
        "MADISON WIS GO 4% 10/01/20 AO (MUNI)",
        "CARMAN-AINSWORTH CMNTY SCH DIST MICH RFDG",
        "GUILFORD CNTY N C RFDG PUB IMPT-SER B",
        "Metropolitan Gov't Nashville & Go REF BDS",
        "10 calls @ $50 exp 1/21/22",
        "US Treasury 2.5% 912828XG0",
        "Vanguard 500 Index Fund 401(k)",
        "Société Générale S.A.",
    ],
)
def test_legitimate_names_stay_innocent(text: str) -> None:
    assert DETECTOR.asset_description(text) is None


@pytest.mark.parametrize(
    "text", ["Ad@ Q Example", "Ada Q Examp1e", "Ada Q Exarnple", "Shcldon B Testcase", "Ada Q Exampl€"]
)
def test_damaged_filer_names_are_recognised(text: str) -> None:
    assert DETECTOR.filer_name(text)


@pytest.mark.parametrize(
    "text", ["Ada Q Example", "Hon. Ana María O'Brien-Núñez, Jr.", "Robert P. Casey III", "J. D. Doe, 2nd", "X Æ"]
)
def test_legitimate_filer_names_stay_innocent(text: str) -> None:
    assert DETECTOR.filer_name(text) is None


@pytest.mark.parametrize(
    ("ticker", "name"),
    [
        ("M5FT", "Microsoft Corporation"),
        ("C0P", "ConocoPhillips"),
        ("F0XA", "Fox Corporation"),
        ("@APL", "Apple Inc."),
        ("5LB", "SLB Limited"),
    ],
)
def test_a_ticker_with_a_misread_letter_is_recognised_by_the_name(ticker: str, name: str) -> None:
    assert DETECTOR.ticker(ticker, name)


@pytest.mark.parametrize(
    ("ticker", "name"), [("MSFT", "Microsoft Corporation"), ("BRK.B", "Berkshire Hathaway"), ("0QZI.IL", "Meta")]
)
def test_real_tickers_stay_innocent(ticker: str, name: str) -> None:
    assert DETECTOR.ticker(ticker, name) is None


@given(st.text(max_size=80), st.text(max_size=12))
def test_judging_any_text_never_raises(text: str, ticker: str) -> None:
    DETECTOR.filer_name(text)
    DETECTOR.asset_description(text, ticker)
    DETECTOR.ticker(ticker, text)
