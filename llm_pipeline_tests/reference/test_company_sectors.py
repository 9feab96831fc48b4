"""Sectors of companies on a day, by dated lists of before and the table of today."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_pipeline.reference.asof import Reference
from llm_pipeline.reference.records import GICS_SECTORS, EarlierTickerSector, TickerChange, TickerSector

FIRST_LIST, LAST_LIST = date(2018, 12, 31), date(2020, 12, 31)
DAYS = st.integers(0, 2000).map(lambda n: date(2017, 1, 1) + timedelta(days=n))
SECTORS = st.sampled_from(GICS_SECTORS[:4])


def listed(ticker: str, until: date, sector: str) -> EarlierTickerSector:
    return EarlierTickerSector(ticker, until, sector)


REFERENCE = Reference(
    ticker_sectors=tuple(
        TickerSector(ticker, None, sector, "gics")
        for ticker, sector in {
            "PAY": "Financials",
            "NEWCO": "Energy",
            "SAME": "Utilities",
            "TAKEN": "Health Care",
            "B.C": "Materials",
        }.items()
    ),
    earlier_ticker_sectors=(
        listed("PAY", LAST_LIST, "Information Technology"),
        listed("PAY", FIRST_LIST, "Industrials"),
        listed("SAME", FIRST_LIST, "Utilities"),
        listed("OLDCO", FIRST_LIST, "Materials"),
        listed("NEWCO", LAST_LIST, "Utilities"),
        listed("STALE", LAST_LIST, "Real Estate"),
        listed("GONE", LAST_LIST, "Consumer Staples"),
        listed("TAKEN", FIRST_LIST, "Industrials"),
        listed("TAKER", LAST_LIST, "Energy"),
        listed("B-C", LAST_LIST, "Energy"),
    ),
    ticker_changes=(
        TickerChange("OLDCO", "NEWCO", date(2019, 6, 1)),
        TickerChange("STALE", "FRESH", date(2020, 11, 1)),
        TickerChange("TAKEN", "NEXT", date(2019, 3, 1), reused=True),
        TickerChange("TAKER", "TAKEN", date(2021, 3, 1)),
        TickerChange("LATER", "TAKEN", date(2018, 6, 1)),
    ),
)


@pytest.mark.parametrize(
    ("ticker", "day", "sector"),
    [
        ("PAY", date(2012, 1, 3), "Industrials"),  # the first list holds for all days before
        ("PAY", FIRST_LIST, "Industrials"),
        ("PAY", FIRST_LIST + timedelta(days=1), "Information Technology"),
        ("PAY", LAST_LIST, "Information Technology"),
        ("PAY", LAST_LIST + timedelta(days=1), "Financials"),  # after the last list: today's
        ("pay", LAST_LIST, "Information Technology"),
        ("SAME", date(2019, 1, 2), "Utilities"),
        ("GONE", date(2019, 1, 2), "Consumer Staples"),  # on no table of today
        ("GONE", date(2021, 1, 4), None),
        ("B.C", date(2019, 1, 2), "Energy"),  # spelt in two ways
        ("B.C", date(2021, 1, 4), "Materials"),
    ],
)
def test_the_next_list_tells_the_sector_of_a_day_and_after_the_last_one_today(
    ticker: str, day: date, sector: str | None
) -> None:
    assert REFERENCE.sector_of(ticker, day) == sector


@pytest.mark.parametrize(
    ("ticker", "day", "sector"),
    [
        ("OLDCO", date(2018, 6, 1), "Materials"),  # by the list that had its ticker of then
        ("OLDCO", date(2019, 2, 1), "Utilities"),  # renamed before the next list
        ("NEWCO", date(2020, 2, 3), "Utilities"),
        ("NEWCO", date(2021, 2, 1), "Energy"),
        ("FRESH", date(2020, 12, 1), "Real Estate"),  # the list still has the ticker of before
        ("STALE", date(2020, 6, 1), "Real Estate"),
        ("TAKEN", date(2018, 12, 3), "Industrials"),  # then another company's ticker, and so on the list
        ("TAKEN", date(2019, 2, 1), None),  # that company is on no later list and in no table
        ("TAKER", date(2020, 2, 3), "Energy"),
        ("LATER", date(2018, 3, 1), "Industrials"),  # it was TAKEN on the list's day
    ],
)
def test_lists_are_read_under_the_ticker_that_the_company_had_on_their_day(
    ticker: str, day: date, sector: str | None
) -> None:
    assert REFERENCE.sector_of(ticker, day) == sector


def test_a_row_about_the_former_owner_of_a_ticker_is_not_the_new_owners() -> None:
    reference = Reference(
        ticker_sectors=(TickerSector("IR", None, "Industrials", None),),
        earlier_ticker_sectors=(listed("IR", FIRST_LIST, "Materials"), listed("TT", LAST_LIST, "Energy")),
        ticker_changes=(
            TickerChange("IR", "TT", date(2020, 3, 2), reused=True),
            TickerChange("GDI", "IR", date(2020, 3, 2)),
        ),
    )
    assert reference.sector_of("GDI", date(2018, 6, 1)) == "Industrials"
    assert reference.sector_of("IR", date(2018, 6, 1)) == "Materials"
    assert reference.sector_of("IR", date(2019, 6, 3)) == "Energy"
    assert reference.sector_of("IR", date(2020, 6, 1)) == "Industrials"


def rows() -> st.SearchStrategy[list[EarlierTickerSector]]:
    row = st.builds(EarlierTickerSector, st.sampled_from(["AAA", "BBB"]), DAYS, SECTORS)
    return st.lists(row, max_size=12, unique_by=lambda one: (one.ticker, one.until))


def expected(given_rows: Iterable[EarlierTickerSector], today: str | None, day: date) -> str | None:
    later = [row for row in given_rows if row.ticker == "AAA" and row.until >= day]
    return min(later, key=lambda row: row.until).sector if later else today


@given(rows(), st.none() | SECTORS, st.lists(DAYS, min_size=1, max_size=8))
def test_without_renames_the_first_list_of_the_day_or_later_decides(
    given_rows: list[EarlierTickerSector], today: str | None, days: list[date]
) -> None:
    reference = Reference(
        ticker_sectors=(TickerSector("AAA", None, today, None),), earlier_ticker_sectors=tuple(given_rows)
    )
    answers = [reference.sector_of("AAA", day) for day in days]
    assert answers == [expected(given_rows, today, day) for day in days]
    if not reference.sector_depends_on_day("AAA"):
        assert set(answers) == {today}


def test_only_tickers_with_a_rename_or_another_sector_depend_on_the_day() -> None:
    tickers = ("PAY", "SAME", "GONE", "OLDCO", "NEWCO", "B.C", "UNKNOWN", "TAKER")
    assert [ticker for ticker in tickers if REFERENCE.sector_depends_on_day(ticker)] == [
        *("PAY", "GONE", "OLDCO", "NEWCO", "B.C", "TAKER")
    ]
