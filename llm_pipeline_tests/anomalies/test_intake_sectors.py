"""The sector that detection sees of a trade is its company's on the day of the trade."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from llm_pipeline.anomalies.intake import with_sectors
from llm_pipeline.reference.asof import Reference
from llm_pipeline.reference.records import EarlierTickerSector, TickerChange, TickerSector

LIST = date(2020, 12, 31)
BEFORE, AFTER = LIST, LIST + timedelta(days=1)
REFERENCE = Reference(
    ticker_sectors=(
        TickerSector("V", None, "Financials", None),
        TickerSector("XOM", None, "Energy", None),
        TickerSector("META", None, "Communication Services", None),
    ),
    earlier_ticker_sectors=(
        EarlierTickerSector("V", LIST, "Information Technology"),
        EarlierTickerSector("XOM", LIST, "Energy"),
        EarlierTickerSector("FB", LIST, "Information Technology"),
        EarlierTickerSector("BF-B", LIST, "Consumer Staples"),
    ),
    ticker_changes=(TickerChange("FB", "META", date(2022, 6, 9)),),
)


def sectors(reference: Reference, *trades: tuple[str | None, date | None]) -> list[str | None]:
    frame = pl.DataFrame(trades, schema={"ticker": pl.String, "transaction_date": pl.Date}, orient="row")
    found = with_sectors(frame, reference)
    assert found.select("ticker", "transaction_date").equals(frame)
    return found["sector"].to_list()


def test_two_trades_of_one_ticker_before_and_after_it_moved_have_two_sectors() -> None:
    assert sectors(REFERENCE, ("V", BEFORE), ("V", AFTER), ("XOM", BEFORE), ("XOM", AFTER)) == [
        "Information Technology",
        "Financials",
        "Energy",
        "Energy",
    ]


def test_renamed_companies_papers_without_ticker_and_trades_without_a_day_go_along() -> None:
    trades = (("FB", BEFORE), ("FB", AFTER), ("META", date(2023, 1, 3)), ("bf.b", BEFORE), ("BF.B", AFTER))
    assert sectors(REFERENCE, *trades, (None, BEFORE), ("V", None), ("ZZZ", BEFORE)) == [
        "Information Technology",
        "Communication Services",
        "Communication Services",
        "Consumer Staples",
        None,
        None,
        None,
        None,
    ]


def test_a_list_alone_is_enough_and_without_any_table_no_sector_is_known() -> None:
    only_lists = Reference(earlier_ticker_sectors=REFERENCE.earlier_ticker_sectors)
    assert sectors(only_lists, ("V", BEFORE), ("V", AFTER)) == ["Information Technology", None]
    assert sectors(Reference(), ("V", BEFORE)) == [None]
