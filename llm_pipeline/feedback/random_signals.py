"""Signals that know nothing: the same days, directions and numbers of tickers, but tickers drawn by chance. Pure.

For every as-of date, each ticker that its signals name is exchanged for one drawn without replacement from the tickers
of trades that became public in the 30 days up to it. Signals that share a ticker still share one, so a pattern reported
under two classifications does not count as two lucky draws. What is tested is the choice of tickers, given day and
direction; a signal's own tickers are among those drawn from.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from llm_pipeline.feedback.market import Market
from llm_pipeline.feedback.outcome import SIGN
from llm_pipeline.feedback.result import Result
from llm_pipeline.feedback.rules import FeedbackRules
from llm_pipeline.feedback.signal import Signal
from llm_pipeline.hashing import sha256_hex
from llm_pipeline.reference.trading_days import next_trading_day, trading_day_after

# Sums of the same closes in another order differ in the last digits; such means are equal.
_EQUAL_PCT = 1e-5


@dataclass(frozen=True)
class _Day:
    """The draws of one as-of date: row r, column i is the percentage of ticker i's substitute in draw r."""

    due: date
    column: Mapping[str, int]
    returns: np.ndarray
    alphas: np.ndarray


@dataclass(frozen=True)
class Chance:
    """Mean alpha and hit rate of each draw, and ours over the same signals."""

    mean_alphas: np.ndarray
    hit_rates: np.ndarray
    own_mean_alpha: float

    @property
    def percentile(self) -> float:
        """Share of draws below ours, 0-100."""
        return float(100 * np.mean(self.mean_alphas < self.own_mean_alpha - _EQUAL_PCT))

    @property
    def p_value(self) -> float:
        """Chance of a draw as high as ours; ours counts as one of them, so it is never 0."""
        as_high = int(np.sum(self.mean_alphas >= self.own_mean_alpha - _EQUAL_PCT))
        return (1 + as_high) / (1 + self.mean_alphas.size)


@dataclass(frozen=True)
class RandomSignals:
    """All draws; `chance` picks those of a group of signals."""

    days: Mapping[date, _Day] = field(default_factory=dict)
    _kept: dict[tuple[str, tuple[str, ...]], tuple[np.ndarray, np.ndarray]] = field(default_factory=dict, repr=False)

    def chance(self, results: Sequence[Result], end: date) -> Chance | None:
        """How random signals did in the place of these, by `end`; None where nothing can be compared.

        Left out: signals without alpha or with a position of their own length, and days whose draws were not all
        settled by then.
        """
        compared = [one for one in results if self._comparable(one, end)]
        if not compared:
            return None
        drawn = [self._drawn(one) for one in compared]
        return Chance(
            np.mean([alphas for alphas, _ in drawn], axis=0),
            np.mean([returns > 0 for _, returns in drawn], axis=0),
            float(np.mean([one.alpha_pct for one in compared])),
        )

    def _comparable(self, result: Result, end: date) -> bool:
        day = self.days.get(result.signal.as_of_date)
        priced = result.scored and result.alpha_pct is not None and not result.by_position
        return priced and day is not None and day.due < end

    def _drawn(self, result: Result) -> tuple[np.ndarray, np.ndarray]:
        """Alpha and return of each draw in a signal's place, its tickers' mean; kept, as every week asks again."""
        key = (result.signal.signal_id, result.tickers)
        if key not in self._kept:
            day, sign = self.days[result.signal.as_of_date], SIGN[result.signal.direction]
            columns = [day.column[ticker] for ticker in result.tickers]
            self._kept[key] = (
                sign * day.alphas[:, columns].mean(axis=1),
                sign * day.returns[:, columns].mean(axis=1),
            )
        return self._kept[key]


def draw_random_signals(
    signals: Iterable[Signal], pools: Mapping[date, Collection[str]], market: Market, rules: FeedbackRules
) -> RandomSignals:
    """Draw for every as-of date of these signals; the same input and seed give the same draws.

    Args:
        pools: tickers of the trades that became public in the days up to each as-of date.
    """
    named: dict[date, set[str]] = defaultdict(set)
    for signal in signals:
        if signal.direction != "neutral":
            named[signal.as_of_date].update(signal.held)
    days = {day: _draw(day, sorted(named[day]), pools.get(day, ()), market, rules) for day in sorted(named)}
    return RandomSignals({day: drawn for day, drawn in days.items() if drawn is not None})


def _draw(
    day: date, tickers: Sequence[str], pool: Collection[str], market: Market, rules: FeedbackRules
) -> _Day | None:
    first = next_trading_day(day)
    due = trading_day_after(first, rules.primary) if first else None
    if first is None or due is None:
        return None
    numbers = [found for ticker in sorted(pool) if (found := _priced(ticker, day, first, due, market, rules.primary))]
    if not numbers:
        return None
    seed = int(sha256_hex(f"{rules.seed}|{day.isoformat()}|{rules.primary}")[:16], 16)
    random = np.random.default_rng(seed)
    if len(numbers) >= len(tickers):
        drawn = random.random((rules.draws, len(numbers))).argsort(axis=1)[:, : len(tickers)]
    else:
        drawn = random.integers(0, len(numbers), (rules.draws, len(tickers)))
    table = np.array(numbers)
    return _Day(due, {ticker: at for at, ticker in enumerate(tickers)}, table[drawn, 0], table[drawn, 1])


def _priced(ticker: str, day: date, first: date, due: date, market: Market, horizon: int) -> tuple[float, float] | None:
    """Return and alpha in percent of a ticker held in time: then the pool is the same whenever it is asked for."""
    holding = market.hold(ticker, day, horizon)
    if holding.status != "closed" or holding.entry is None or holding.last is None or holding.growth is None:
        return None
    if holding.entry.day != first or holding.last.day > due:
        return None
    benchmark = market.benchmark_growth(first, holding.last.day)
    return None if benchmark is None else (100 * holding.growth, 100 * (holding.growth - benchmark))
