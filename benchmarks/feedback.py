"""How often intervals of signals that know nothing hold zero alpha: simulated years, and placebos on real closes.

`python -m benchmarks.feedback` prints the first table; with `MARKET_PRICES_SOURCE` (CSV of daily closes) the second.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import date, timedelta

import numpy as np

from llm_pipeline.feedback.intervals import mean_alpha
from llm_pipeline.feedback.market import Market
from llm_pipeline.reference.asof import Reference
from llm_pipeline.reference.readers import strict
from llm_pipeline.reference.readers.prices import read_prices
from llm_pipeline.settings import load_settings

HORIZON = 21
YEARS = 2000
START = date(2020, 1, 5)
SEED = 20200105

Year = tuple[list[float], list[date]]


def simulated_year(rng: np.random.Generator, signals: int, shared: float) -> Year:
    """Alphas and entry days of a year of signals that know nothing.

    A share `shared` of each one's variance is the common move of the days over which it is held, so signals that
    overlap go together; they stand on a third as many days as there are signals.
    """
    moves = np.concatenate([[0.0], np.cumsum(rng.standard_normal(52 * 5 + HORIZON))])
    busy = rng.choice(52 * 5, size=max(5, signals // 3))
    days = rng.choice(busy, size=signals)
    common = (moves[days + HORIZON] - moves[days]) / np.sqrt(HORIZON)
    alphas = 6 * (np.sqrt(shared) * common + np.sqrt(1 - shared) * rng.standard_normal(signals))
    return alphas.tolist(), [START + timedelta(days=int(day // 5 * 7 + day % 5)) for day in days]


def coverage(year: Callable[[], Year], years: int) -> tuple[float, float]:
    """Share of the years whose interval holds zero, of those that have one, and the share that has one."""
    inside = []
    for _ in range(years):
        found = mean_alpha(*year(), HORIZON, 1)
        if found.interval is not None:
            inside.append(found.interval.low <= 0 <= found.interval.high)
    return float(np.mean(inside)), len(inside) / years


def placebo_year(rng: np.random.Generator, market: Market, tickers: list[str], start: date, signals: int) -> Year:
    """Signals on tickers, days and directions drawn by chance, followed on real closes: alpha is zero on average,
    because each is long or short with equal chance."""
    alphas: list[float] = []
    entries: list[date] = []
    while len(alphas) < signals:
        day = start + timedelta(days=int(rng.integers(0, 364)))
        held = market.hold(tickers[rng.integers(len(tickers))], day, HORIZON)
        if held.entry is None or held.last is None or held.growth is None or held.status != "closed":
            continue
        benchmark = market.benchmark_growth(held.entry.day, held.last.day)
        if benchmark is not None:
            alphas.append(float(rng.choice((1, -1)) * 100 * (held.growth - benchmark)))
            entries.append(held.entry.day)
    return alphas, entries


def main() -> None:
    """Print the tables of benchmarks/README.md."""
    print("| signals a year | variance in common | intervals that hold zero | years with an interval |")
    print("|---|---|---|---|")
    for signals in (30, 100, 300):
        for shared in (0.0, 0.1, 0.3):
            rng = np.random.default_rng(SEED)
            held, told = coverage(lambda n=signals, s=shared, r=rng: simulated_year(r, n, s), YEARS)  # type: ignore[misc]
            print(f"| {signals} | {shared:.0%} | {held:.1%} | {told:.0%} |")
    source = load_settings().market_prices_source
    if source is None:
        print("\nno placebos: MARKET_PRICES_SOURCE is not set", file=sys.stderr)
        return
    prices = {one.ticker: one for one in strict(read_prices(source))}
    market = Market(Reference(prices=prices), "SPY", max(one.days[-1] for one in prices.values()))
    tickers = sorted(set(prices) - {"SPY"})
    start = min(one.days[0] for one in prices.values()) + timedelta(days=365)
    print("\n| placebo signals a year | intervals that hold zero | years with an interval |")
    print("|---|---|---|")
    for signals in (30, 100):
        rng = np.random.default_rng(SEED)
        held, told = coverage(lambda n=signals, r=rng: placebo_year(r, market, tickers, start, n), YEARS // 2)  # type: ignore[misc]
        print(f"| {signals} | {held:.1%} | {told:.0%} |")


if __name__ == "__main__":
    main()
