"""What the price of a company did from the first close after a disclosure to a horizon; pure.

Entry and exit are closes of one and the same adjusted series: two series are adjusted to different days, so a return
across them means nothing. A ticker that another company took over later, and a company's name before and after a
change, are told apart by `Reference.listings`. A company that was bought or went private is sold at its last close.
A price that is missing is said to be missing; nothing is filled in, and no close after `through` is looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
import polars as pl

from llm_pipeline.reference.asof import Reference
from llm_pipeline.reference.records import LONGEST_PRICE_GAP, PriceSeries
from llm_pipeline.reference.trading_days import next_trading_day, trading_day_after

UNIVERSE = "equal_weighted_universe"

Status = Literal["closed", "open", "no_price"]

NO_TICKER_SUGGESTED = "no_ticker"
NO_ENTRY = "no_price_at_entry"
NO_EXIT = "no_price_at_exit"


@dataclass(frozen=True)
class Close:
    """An adjusted close in US dollars."""

    day: date
    price: float


@dataclass(frozen=True)
class Holding:
    """A company held from the first close after a day, for so many trading days.

    Attributes:
        entry: None while it is still to come, and where there is no price.
        last: the exit of a closed one; of an open one the last close known.
        settled: last day whose closes this depends on (see signal_outcomes.evaluated_to).
        reason: why there is no price.
        prices: by day from entry to `last`, for the drawdown.
    """

    status: Status
    settled: date
    entry: Close | None = None
    last: Close | None = None
    reason: str | None = None
    prices: tuple[float, ...] = ()

    @property
    def growth(self) -> float | None:
        """Exit (or last close) over entry, minus 1; None without both."""
        return None if self.entry is None or self.last is None else self.last.price / self.entry.price - 1


class Market:
    """Prices up to and with the day `through`, with a benchmark; answers are kept."""

    def __init__(self, reference: Reference, benchmark: str, through: date) -> None:
        self._reference, self.through = reference, through
        self._kept: dict[tuple[str, date, int], Holding] = {}
        own = reference.prices.get(benchmark)
        self.benchmark = benchmark if own else UNIVERSE
        self._benchmark = own or _universe(reference.prices)

    def hold(self, ticker: str, public: date, horizon: int) -> Holding:
        """The company that `ticker` named on the day `public`, held from the first close after it for `horizon`
        trading days."""
        key = (ticker, public, horizon)
        if key not in self._kept:
            self._kept[key] = self._hold(ticker, public, horizon)
        return self._kept[key]

    def benchmark_growth(self, first: date, last: date) -> float | None:
        """The benchmark's last close by `last` over that by `first`, minus 1; None where one is missing."""
        if self._benchmark is None:
            return None
        start, end = (self._at(self._benchmark, day) for day in (first, last))
        return end.price / start.price - 1 if start and end else None

    def path(self, ticker: str, first: date, last: date) -> tuple[float, ...]:
        """Closes of [first, last] of the company that a ticker named on the first day; empty where there are none."""
        for name in self._reference.listings(ticker, first):
            if name in self._reference.prices and (found := self._between(self._reference.prices[name], first, last)):
                return found
        return ()

    def _hold(self, ticker: str, public: date, horizon: int) -> Holding:
        first = next_trading_day(public)
        if first is None or first > self.through:
            return Holding("open", self.through)
        found = self._entry(ticker, public, first)
        if found is None:
            given_up = first + LONGEST_PRICE_GAP
            if given_up > self.through:
                return Holding("open", self.through)
            return Holding("no_price", given_up, reason=NO_ENTRY)
        series, entry = found
        due = trading_day_after(entry.day, horizon)
        ended = self._reference.listing_ends(ticker, entry.day, min(due or self.through, self.through))
        if ended is not None and (last := self._at(series, ended)) and last.day > entry.day:
            return self._held("closed", ended, series, entry, last)
        if due is None or due > self.through:
            return self._open(series, entry)
        exit_ = series.on_or_after(due)
        if exit_ and exit_.day <= min(due + LONGEST_PRICE_GAP, self.through):
            return self._held("closed", exit_.day, series, entry, Close(exit_.day, float(exit_.close)))
        if due + LONGEST_PRICE_GAP > self.through:
            return self._open(series, entry)
        return Holding("no_price", due + LONGEST_PRICE_GAP, entry, reason=NO_EXIT)

    def _entry(self, ticker: str, public: date, first: date) -> tuple[PriceSeries, Close] | None:
        for name in self._reference.listings(ticker, public):
            series = self._reference.prices.get(name)
            price = series.on_or_after(first) if series else None
            if series and price and price.day <= min(first + LONGEST_PRICE_GAP, self.through):
                return series, Close(price.day, float(price.close))
        return None

    def _open(self, series: PriceSeries, entry: Close) -> Holding:
        last = self._at(series, self.through) or entry
        return self._held("open", self.through, series, entry, last)

    def _held(self, status: Status, settled: date, series: PriceSeries, entry: Close, last: Close) -> Holding:
        return Holding(status, settled, entry, last, prices=self._between(series, entry.day, last.day))

    def _at(self, series: PriceSeries, day: date) -> Close | None:
        price = series.on_or_before(min(day, self.through))
        return Close(price.day, float(price.close)) if price and day - price.day <= LONGEST_PRICE_GAP else None

    def _between(self, series: PriceSeries, first: date, last: date) -> tuple[float, ...]:
        return tuple(float(close) for close in series.between(first, min(last, self.through)))


def max_drawdown(prices: tuple[float, ...], sign: int) -> float | None:
    """The deepest fall of a position's value below its highest value so far, as a share of that value: 0 or more.

    The position is worth 1 at the first price and 1 + sign x (growth since then) afterwards: sign -1 is one that was
    sold short and not rebalanced, which can lose more than its worth. None without prices.
    """
    if not prices:
        return None
    values = 1 + sign * (np.asarray(prices) / prices[0] - 1)
    return float(np.max(1 - values / np.maximum.accumulate(values)))


def _universe(prices: Mapping[str, PriceSeries]) -> PriceSeries | None:
    """An index of every ticker with equal weight, rebalanced daily: the mean of their returns since their last close.

    A return over a gap of more than `LONGEST_PRICE_GAP` counts for no day.
    """
    if not prices:
        return None
    frame = pl.concat(
        pl.DataFrame({"ticker": one.ticker, "day": list(one.days), "close": [float(c) for c in one.closes]})
        for one in prices.values()
    )
    daily = (
        frame.sort("ticker", "day")
        .with_columns(
            growth=pl.col("close") / pl.col("close").shift(1).over("ticker") - 1,
            gap=pl.col("day") - pl.col("day").shift(1).over("ticker"),
        )
        .group_by("day", maintain_order=True)  # one order of summing, the same digits every time
        .agg(pl.col("growth").filter(pl.col("gap") <= LONGEST_PRICE_GAP).mean())
        .sort("day")
        .with_columns(level=100 * (1 + pl.col("growth").fill_null(0.0)).cum_prod())
    )
    return PriceSeries(UNIVERSE, tuple(daily["day"]), tuple(daily["level"]))
