"""Invented daily prices: a seeded random walk for each ticker around a common market, SPY."""

from __future__ import annotations

import csv
import gzip
import io
import random
from collections.abc import Iterable
from datetime import date
from pathlib import Path

from llm_pipeline.sample.trading_days import open_days

BENCHMARK = "SPY"
PRICE_COLUMNS = ("ticker", "date", "adj_close")

_DAILY_DRIFT, _MARKET_SD, _OWN_SD = 0.0003, 0.009, 0.014
_DEEPEST_FALL = -0.2


def write_prices(file: Path, tickers: Iterable[str], start: date, end: date, seed: int) -> None:
    """Closes of each ticker and of SPY on the trading days of [start, end), as gzipped CSV.

    The same arguments give the same bytes; a ticker's walk does not depend on which others there are.
    """
    days = open_days(start, end)
    market = random.Random(f"{seed}|{BENCHMARK}")
    moves = [max(_DEEPEST_FALL, market.gauss(_DAILY_DRIFT, _MARKET_SD)) for _ in days]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(PRICE_COLUMNS)
    for ticker in sorted({*tickers, BENCHMARK}):
        own = random.Random(f"{seed}|{ticker}")
        price, beta = own.uniform(18, 320), own.uniform(0.6, 1.4)
        for day, move in zip(days, moves, strict=True):
            alone = 0.0 if ticker == BENCHMARK else own.gauss(0, _OWN_SD)
            price *= 1 + max(_DEEPEST_FALL, (1 if ticker == BENCHMARK else beta) * move + alone)
            writer.writerow((ticker, day.isoformat(), f"{price:.4f}"))
    # Neither file name nor time goes into the archive, so that equal content gives equal bytes.
    with file.open("wb") as raw, gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) as packed:
        packed.write(text.getvalue().encode())
