"""A signal as the feedback loop sees it, and a position somebody took on one. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from llm_pipeline.anomalies.contract import Direction
from llm_pipeline.anomalies.detection.trade import Classification
from llm_pipeline.reference.codes import ticker_code

NO_TICKER = "--"
"""Stands for the ticker of a signal that suggests none, as filings write it."""


@dataclass(frozen=True)
class Signal:
    """An active signal.

    Attributes:
        as_of_date: day on which its disclosures became public; nobody could act on it before that day's end.
        tickers: as suggested, each once; empty where the signal suggests none.
        confidence: 0-10.
        prompt_version, model: of the answer that made it; "unknown" without an audit row.
        trading_signals: ids of the rows in trading_signals made from it, by ticker.
    """

    signal_id: str
    as_of_date: date
    classification: Classification
    direction: Direction
    tickers: tuple[str, ...]
    confidence: int
    prompt_version: str
    model: str
    trading_signals: tuple[tuple[str, str], ...] = ()

    def trading_signal_of(self, ticker: str) -> str | None:
        """Id of the trading signal of a ticker, if there is one."""
        return dict(self.trading_signals).get(ticker)

    @property
    def held(self) -> tuple[str, ...]:
        """The tickers that outcomes are kept of, one at least."""
        return self.tickers or (NO_TICKER,)


@dataclass(frozen=True)
class Position:
    """A position that names the signal it was taken on (`signal_id`: of the signal, or of its trading signal).

    Prices are as paid, in US dollars; exit is None while it is held.
    """

    signal_id: str
    ticker: str
    side: Literal["long", "short"]
    entry_date: date
    entry_price: float
    exit_date: date | None
    exit_price: float | None


class Positions:
    """Positions by signal and ticker; of several the first taken counts."""

    def __init__(self, positions: tuple[Position, ...] = ()) -> None:
        self._by_name: dict[tuple[str, str], Position] = {}
        for one in sorted(positions, key=lambda p: (p.entry_date, p.exit_date or date.max, p.entry_price)):
            self._by_name.setdefault((one.signal_id, ticker_code(one.ticker)), one)

    def of(self, signal: Signal, ticker: str, through: date) -> Position | None:
        """The position taken on a signal by a day, in its direction; one that bets against it says nothing of it."""
        named = (signal.signal_id, signal.trading_signal_of(ticker))
        found = (self._by_name.get((name, ticker_code(ticker))) for name in named if name)
        position = next((one for one in found if one is not None), None)
        if position is None or position.side != signal.direction or position.entry_date > through:
            return None
        return position
