"""Baselines and candidates of one as-of date over many trades, beside bare aggregations by the same engine.

The floors are polars alone over the same frame, in the same run: a rolling 12-month count, mean and deviation for every
trade, and one grouping by filer. Each size runs in a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import date, timedelta
from multiprocessing import get_context

import numpy as np
import polars as pl

from llm_pipeline.anomalies.baseline import baselines
from llm_pipeline.anomalies.book import SCHEMA, TradeBook
from llm_pipeline.anomalies.candidates import candidates_on
from llm_pipeline.anomalies.congress import Congress
from llm_pipeline.anomalies.thresholds import Thresholds
from llm_pipeline.reference.records import GICS_SECTORS

SIZES = (10_000, 100_000, 1_000_000)
FILERS, TICKERS, YEARS = 2_000, 3_000, 8
FIRST = date(2018, 1, 1)
AS_OF = FIRST + timedelta(days=365 * YEARS - 200)


def invented(trades: int) -> pl.DataFrame:
    """Trades of filers whose activity is log-normal, over eight years, disclosed 5 to 45 days later."""
    rng = np.random.default_rng(1)
    weight = rng.lognormal(0, 1.2, FILERS)
    filer = rng.choice(FILERS, trades, p=weight / weight.sum())
    day = rng.integers(0, 365 * YEARS, trades)
    ticker = np.minimum(rng.zipf(1.3, trades), TICKERS)
    start = (FIRST - date(1970, 1, 1)).days
    return (
        pl.DataFrame(
            {"n": np.arange(trades), "f": filer, "d": start + day, "lag": rng.integers(5, 46, trades), "t": ticker}
        )
        .with_columns(
            record_id=pl.format("r{}", pl.col("n").cast(pl.String).str.zfill(7)),
            filer=pl.format("Filer {}", "f"),
            filer_key=pl.format("F{}", pl.col("f").cast(pl.String).str.zfill(6)),
            transaction_date=pl.col("d").cast(pl.Int32).cast(pl.Date),
            disclosure_date=(pl.col("d") + pl.col("lag")).cast(pl.Int32).cast(pl.Date),
            withdrawn_on=pl.lit(None, dtype=pl.Date),
            ticker=pl.format("T{}", "t"),
            asset=pl.format("T{}", "t"),
            sector=(pl.col("t") % len(GICS_SECTORS)).replace_strict(
                dict(enumerate(GICS_SECTORS)), return_dtype=pl.String
            ),
            side=pl.Series(rng.choice(np.array(["buy", "sell"]), trades)),
            amount_index=pl.Series(rng.integers(1, 6, trades)),
        )
        .select(pl.col(name).cast(kind) for name, kind in SCHEMA.items())
    )


def median_seconds(what: Callable[[], object], times: int = 3) -> float:
    """The median of a few runs."""
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        what()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def rolling(frame: pl.DataFrame) -> pl.DataFrame:
    """The floor: 12 months of prior days for every trade."""
    return frame.rolling("transaction_date", period="12mo", closed="left", group_by="filer_key").agg(
        pl.len(), pl.col("amount_index").mean().alias("mean"), pl.col("amount_index").std().alias("sd")
    )


def snapshot(frame: pl.DataFrame) -> pl.DataFrame:
    """The floor of one as-of date: one grouping by filer over the 12 months before it."""
    within = (pl.col("transaction_date") >= AS_OF - timedelta(days=365)) & (pl.col("disclosure_date") <= AS_OF)
    return (
        frame.lazy()
        .filter(within)
        .group_by("filer_key")
        .agg(pl.len(), pl.col("amount_index").mean().alias("mean"), pl.col("amount_index").std().alias("sd"))
        .collect()
    )


def line(trades: int) -> str:
    """One row of the table in README.md."""
    frame, thresholds = invented(trades), Thresholds()
    by_filer = frame.sort("filer_key", "transaction_date")
    floor, bare = median_seconds(lambda: rolling(by_filer)), median_seconds(lambda: snapshot(frame))
    baseline = median_seconds(lambda: baselines(frame, AS_OF, 30, thresholds))
    began = time.perf_counter()
    book = TradeBook(frame, thresholds)
    columns = time.perf_counter() - began
    congress = Congress((), (), {})
    candidates = median_seconds(lambda: candidates_on(book, congress, AS_OF))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    total = baseline + columns + candidates
    return (
        f"| {trades:,} | {floor:.3f} | {bare:.3f} | {baseline:.3f} | {columns:.3f} | {candidates:.3f} | "
        f"{len(book.filers_disclosing_on(AS_OF))} | {total / floor:.1f} | {peak:.0f} |"
    )


def main() -> None:
    """Print the table of benchmarks/README.md."""
    print(
        "| trades | rolling floor s | snapshot floor s | baselines s | columns s | candidates s | filers that day | "
        "sum / rolling floor | peak MB |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for trades in SIZES:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as apart:
            print(apart.submit(line, trades).result(), flush=True)


if __name__ == "__main__":
    main()
