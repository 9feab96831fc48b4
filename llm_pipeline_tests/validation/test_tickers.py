from __future__ import annotations

import pytest

from llm_pipeline.validation.tickers import ReportedNames, TickerNames, sec_names, ticker_key
from llm_pipeline_tests.validation.records import record


@pytest.fixture(scope="module")
def names() -> TickerNames:
    reported = ReportedNames()
    reported.add("QZZW", "Old Harbor Shipping Inc.", filer="A", rows=4)
    reported.add("MSFT", "Microsoft Corporation", filer="A", rows=5)
    return TickerNames(reported)


def test_the_secs_table_is_read_from_the_package() -> None:
    assert len(sec_names()) > 5_000
    assert sec_names()["AAPL"].startswith("Apple")


@pytest.mark.parametrize(
    ("written", "key"), [("brk.b", "BRK-B"), ("BRK/B", "BRK-B"), ("BAC$K", "BAC-PK"), (" msft ", "MSFT")]
)
def test_a_ticker_has_one_spelling(written: str, key: str) -> None:
    assert ticker_key(written) == key


@pytest.mark.parametrize(
    ("ticker", "name", "verdict"),
    [
        ("MSFT", "Microsoft Corp - Common Stock", "match"),
        ("GOOGL", "Google Inc. Class A", "match"),  # renamed, ticker kept
        ("BRK.B", "Berkshire Hathaway Inc. New", "match"),
        ("MSFT", "General Motors Company", "mismatch"),
        ("QZZW", "Old Harbor Shipping", "match"),  # delisted, known from filings
        ("QZZW", "Completely Other Widgets PLC", "mismatch"),  # well known from filings as another
        ("QQQZX", "Nobody Ever Heard Of Ltd", "unknown"),
        ("BBT", "BB&T Corporation", "unknown"),  # delisted, in no table
        ("NVDA", "Nivida", "unknown"),  # a typing error is no other company
    ],
)
def test_a_mismatch_needs_positive_evidence(names: TickerNames, ticker: str, name: str, verdict: str) -> None:
    assert names.judge(ticker, name) == verdict


def test_a_reused_ticker_does_not_alarm_on_its_former_company() -> None:
    assert TickerNames().judge("SE", "Spectra Energy Corp.") == "unknown"


def test_one_filed_row_is_no_evidence_for_itself() -> None:
    learned = ReportedNames.learn([record(ticker="MSFT", asset_description="General Motors Company")])
    assert TickerNames(learned).judge("MSFT", "General Motors Company") == "mismatch"
