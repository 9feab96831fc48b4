"""Invented companies, their closes, and signals on them."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from llm_pipeline.feedback.signal import Signal
from llm_pipeline.reference.asof import Reference
from llm_pipeline.reference.records import PriceSeries, TickerChange
from llm_pipeline.reference.trading_days import trading_days

FIRST, LAST = date(2020, 1, 2), date(2020, 12, 31)


def series(ticker: str, closes: Mapping[date, float | str]) -> PriceSeries:
    """Closes by day."""
    days = tuple(sorted(closes))
    return PriceSeries(ticker, days, tuple(Decimal(str(closes[day])) for day in days))


def steady(ticker: str, start: float = 100, step: float = 1, first: date = FIRST, last: date = LAST) -> PriceSeries:
    """A close that grows by `step` dollars every session."""
    return series(ticker, {day: start + n * step for n, day in enumerate(trading_days(first, last))})


def walk(ticker: str, seed: str, sd: float = 0.02, first: date = FIRST, last: date = LAST) -> PriceSeries:
    """A random walk without drift."""
    own = random.Random(f"{seed} {ticker}")
    price, closes = 100.0, {}
    for day in trading_days(first, last):
        price *= 1 + own.gauss(0, sd)
        closes[day] = f"{price:.4f}"
    return series(ticker, closes)


def world(*prices: PriceSeries, changes: Iterable[TickerChange] = ()) -> Reference:
    """Prices and changes of tickers, nothing else."""
    return Reference(prices={one.ticker: one for one in prices}, ticker_changes=tuple(changes))


def signal(name: str = "s", **given: Any) -> Signal:
    """A long signal of confidence 8 on AAA, public on Monday 2020-03-02."""
    values: dict[str, Any] = {
        "signal_id": name,
        "as_of_date": date(2020, 3, 2),
        "classification": "FREQUENCY_SPIKE",
        "direction": "long",
        "tickers": ("AAA",),
        "confidence": 8,
        "prompt_version": "1.0.0",
        "model": "one",
        **given,
    }
    return Signal(**values)
