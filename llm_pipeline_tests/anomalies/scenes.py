"""Invented filers, calendars and books for the tests of detection."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import date, timedelta

from llm_pipeline.anomalies.detection.book import TradeBook, frame_of
from llm_pipeline.anomalies.detection.congress import Congress
from llm_pipeline.anomalies.detection.thresholds import Thresholds
from llm_pipeline.anomalies.detection.trade import Side, Trade
from llm_pipeline.reference.records import GICS_SECTORS, CalendarEvent, CommitteeSpell

THRESHOLDS = Thresholds()
SECTOR_OF = {f"{sector[:2].upper()}{n}": sector for sector in GICS_SECTORS for n in range(40)}
TICKERS = sorted(SECTOR_OF)
START = date(2019, 1, 1)


def tickers_of(sector: str) -> list[str]:
    """Forty tickers of one sector."""
    return [ticker for ticker in TICKERS if SECTOR_OF[ticker] == sector]


def trade(
    number: int,
    day: date,
    *,
    filer: str = "A",
    ticker: str = "EN1",
    side: Side = "buy",
    amount: int = 2,
    disclosed: date | None = None,
    withdrawn: date | None = None,
) -> Trade:
    """An invented trade; disclosed 20 days later unless said otherwise."""
    return Trade(
        record_id=f"{filer}-{number:05d}",
        filer=f"Senator {filer}",
        filer_key=filer,
        chamber="Senate",
        transaction_date=day,
        disclosure_date=disclosed or day + timedelta(days=20),
        ticker=ticker,
        asset_description=f"{ticker} Inc",
        asset_type="Stock",
        side=side,
        amount_index=amount,
        amount_low=None,
        amount_high=None,
        owner="Self",
        source_url=None,
        withdrawn_on=withdrawn,
    )


def habit(filer: str = "A", n: int = 24, days: int = 500, seed: int = 1, start: date = START) -> list[Trade]:
    """A filer's usual trades: spread evenly at random, any ticker outside Energy, ranges 2 and 3."""
    rng = random.Random(f"{filer}{seed}")
    usual = [ticker for ticker in TICKERS if SECTOR_OF[ticker] != "Energy"]
    return [
        trade(
            i,
            start + timedelta(days=rng.randrange(days)),
            filer=filer,
            ticker=rng.choice(usual),
            side=rng.choice(("buy", "sell")),
            amount=rng.choice((2, 2, 2, 3)),
        )
        for i in range(n)
    ]


def burst(
    filer: str, day: date, gaps: Iterable[int], *, known: date, sector: str = "Energy", amount: int = 2
) -> list[Trade]:
    """Trades in one sector on day + gap for each gap, all disclosed on one day."""
    names = tickers_of(sector)
    return [
        trade(900 + i, day + timedelta(days=gap), filer=filer, ticker=names[i], amount=amount, disclosed=known)
        for i, gap in enumerate(gaps)
    ]


def book_of(
    trades: Iterable[Trade], thresholds: Thresholds = THRESHOLDS, days: tuple[date, date] | None = None
) -> TradeBook:
    """A book of invented trades."""
    return TradeBook(frame_of(trades, SECTOR_OF), thresholds, days)


def congress_of(events: Iterable[CalendarEvent] = (), filers: Iterable[str] = "ABCDEFGH") -> Congress:
    """A Congress where every filer sits on one energy committee."""
    spells = [CommitteeSpell(filer, "SSEG", date(2015, 1, 1), None) for filer in filers]
    return Congress(spells, events, {"SSEG": ["Energy"], "SSBK": ["Financials"]})


def hearing(
    day: date, committee: str = "SSEG", sectors: tuple[str, ...] = ("Energy",), name: str = "H1"
) -> CalendarEvent:
    """An invented hearing."""
    return CalendarEvent(name, "hearing", day, "A hearing", committee, None, sectors, "https://example.org/h1")
