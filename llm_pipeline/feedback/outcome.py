"""What became of a signal in one ticker at one horizon: a row of `signal_outcomes`. Pure.

A position that names the signal is what really happened and goes before prices; it was held as long as it was held, so
its outcome is the same at every horizon. Returns are those of a position in the signal's direction.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from llm_pipeline.anomalies.contract import Direction
from llm_pipeline.feedback.market import NO_TICKER_SUGGESTED, Market, Status, max_drawdown
from llm_pipeline.feedback.signal import NO_TICKER, Position, Positions, Signal

SIGN = {"long": 1, "neutral": 1, "short": -1}
"""Of a position in a signal's direction. Without a direction the price itself is followed, and no hit is called."""
DIGITS = 6
"""Decimal places of percentages stored: far below a cent on any price, and the same on every machine."""


@dataclass(frozen=True)
class Outcome:
    """A row of signal_outcomes; the columns' comments say what each means. Percentages are rounded to `DIGITS`."""

    signal_id: str
    trading_signal_id: str | None
    ticker: str
    horizon_days: int
    direction: Direction
    status: Status
    as_of_date: date
    evaluated_to: date
    entry_date: date | None = None
    entry_price: float | None = None
    exit_date: date | None = None
    exit_price: float | None = None
    holding_days: int | None = None
    return_pct: float | None = None
    benchmark: str | None = None
    benchmark_return_pct: float | None = None
    alpha_pct: float | None = None
    max_drawdown_pct: float | None = None
    hit: bool | None = None
    basis: Literal["prices", "position"] = "prices"
    reason: str | None = None


def outcomes_of(
    signals: Iterable[Signal], horizons: Iterable[int], market: Market, positions: Positions
) -> list[Outcome]:
    """One outcome for each signal, ticker and horizon, as known at the end of the market's last day."""
    lengths = tuple(horizons)
    return [
        _outcome(signal, ticker, horizon, market, positions.of(signal, ticker, market.through))
        for signal in signals
        for ticker in signal.held
        for horizon in lengths
    ]


def _outcome(signal: Signal, ticker: str, horizon: int, market: Market, position: Position | None) -> Outcome:
    common: dict[str, Any] = {
        "signal_id": signal.signal_id,
        "trading_signal_id": signal.trading_signal_of(ticker),
        "ticker": ticker,
        "horizon_days": horizon,
        "direction": signal.direction,
        "as_of_date": signal.as_of_date,
    }
    if ticker == NO_TICKER:
        return Outcome(**common, status="no_price", evaluated_to=signal.as_of_date, reason=NO_TICKER_SUGGESTED)
    if position is not None:
        return _of_position(common, position, market)
    holding = market.hold(ticker, signal.as_of_date, horizon)
    common |= {"status": holding.status, "evaluated_to": holding.settled, "reason": holding.reason}
    if holding.entry is None:
        return Outcome(**common)
    common |= {"entry_date": holding.entry.day, "entry_price": holding.entry.price}
    if holding.status == "no_price" or holding.last is None or holding.growth is None:
        return Outcome(**common)
    if holding.status == "closed":
        common |= {"exit_date": holding.last.day, "exit_price": holding.last.price}
    sign = SIGN[signal.direction]
    return Outcome(
        **common,
        holding_days=(holding.last.day - holding.entry.day).days,
        **_returns(signal.direction, holding.status, holding.growth, market, holding.entry.day, holding.last.day),
        max_drawdown_pct=_percent(max_drawdown(holding.prices, sign)),
    )


def _of_position(common: dict[str, Any], position: Position, market: Market) -> Outcome:
    """Of an open position nothing is known but its entry: its price is as paid, closes are adjusted."""
    common |= {"entry_date": position.entry_date, "entry_price": position.entry_price, "basis": "position"}
    exit_day, exit_price = position.exit_date, position.exit_price
    if exit_day is None or exit_price is None or exit_day > market.through:
        return Outcome(**common, status="open", evaluated_to=market.through)
    path = market.path(position.ticker, position.entry_date, exit_day)
    direction: Direction = common["direction"]
    return Outcome(
        **common,
        status="closed",
        evaluated_to=exit_day,
        exit_date=exit_day,
        exit_price=exit_price,
        holding_days=(exit_day - position.entry_date).days,
        **_returns(direction, "closed", exit_price / position.entry_price - 1, market, position.entry_date, exit_day),
        max_drawdown_pct=_percent(max_drawdown(path, SIGN[direction])),
    )


def _returns(
    direction: Direction, status: Status, growth: float, market: Market, first: date, last: date
) -> dict[str, Any]:
    sign = SIGN[direction]
    own = _percent(sign * growth)
    compared = market.benchmark_growth(first, last)
    benchmark = None if compared is None else _percent(sign * compared)
    return {
        "return_pct": own,
        "benchmark": market.benchmark if benchmark is not None else None,
        "benchmark_return_pct": benchmark,
        "alpha_pct": None if own is None or benchmark is None else round(own - benchmark, DIGITS) + 0.0,
        "hit": own > 0 if own is not None and status == "closed" and direction != "neutral" else None,
    }


def _percent(share: float | None) -> float | None:
    return None if share is None else round(100 * share, DIGITS) + 0.0
