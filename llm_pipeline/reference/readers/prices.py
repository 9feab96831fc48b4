"""Daily adjusted closes (CSV: ticker, date, adj_close), any order, about 700,000 rows in 2 s."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path

from llm_pipeline.reference.codes import ticker_code
from llm_pipeline.reference.readers.rows import (
    CSV_PATTERNS,
    Reading,
    SourceError,
    day_of,
    matching_documents,
    open_csv,
    open_document,
    require_columns,
    shown,
)
from llm_pipeline.reference.records import PriceSeries


def read_prices(location: str | Path) -> Reading[PriceSeries]:
    """One series a ticker, sorted by ticker; a price that is not positive, or a second one for a day, is a problem.

    Raises:
        SourceError: nothing is there, or a column is missing.
    """
    documents = matching_documents(location, CSV_PATTERNS)
    if not documents:
        raise SourceError(f"{location} names no CSV file; give a file, folder, glob or URL")
    series: dict[str, dict[date, Decimal]] = defaultdict(dict)
    problems: list[str] = []
    days: dict[str, date] = {}  # a few thousand days, each written hundreds of times
    tickers: dict[str, str] = {}
    for document in documents:
        with open_document(document) as stream:
            header, lines = open_csv(document, stream)
            require_columns(document, header, ("ticker", "date", "adj_close"))
            at_ticker, at_day, at_close = (header.index(name) for name in ("ticker", "date", "adj_close"))
            for line, row in lines:
                try:
                    name, text, close = row[at_ticker], row[at_day], _close(row[at_close])
                    day = days.get(text) or days.setdefault(text, day_of(text, "date"))
                    ticker = tickers.get(name) or tickers.setdefault(name, _ticker(name))
                    if series[ticker].setdefault(day, close) is not close:
                        raise ValueError(f"a second price of {ticker} for {day}")
                except ValueError as error:
                    problems.append(f"{document.name} line {line}: {error}")
                except IndexError:
                    problems.append(f"{document.name} line {line}: {len(row)} cells, the header has {len(header)}")
    rows = [
        PriceSeries(ticker, tuple(ordered), tuple(closes[day] for day in ordered))
        for ticker, closes in sorted(series.items())
        if (ordered := sorted(closes))
    ]
    return Reading(rows, problems)


def _ticker(text: str) -> str:
    ticker = ticker_code(text)
    if not ticker:
        raise ValueError("ticker is empty")
    return ticker


def _close(text: str) -> Decimal:
    try:
        close = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"adj_close {shown(text)} is no number") from None
    if not (close.is_finite() and close > 0):
        raise ValueError(f"adj_close {shown(text)} is not positive")
    return close
