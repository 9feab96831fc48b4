"""Baselines and candidates of one as-of date over many trades, beside bare aggregations by the same engine.

The floors are polars alone over the same frame, in the same run: a rolling 12-month count, mean and deviation for every
trade, and one grouping by filer. Each part of each size runs in a process of its own, so that its peak memory is its
own.
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

from llm_pipeline.anomalies.detection.baseline import baselines
from llm_pipeline.anomalies.detection.book import SCHEMA, TradeBook
from llm_pipeline.anomalies.detection.candidates import candidates_on
from llm_pipeline.anomalies.detection.congress import Congress
from llm_pipeline.anomalies.detection.thresholds import Thresholds
from llm_pipeline.reference.records import GICS_SECTORS, CalendarEvent, CommitteeSpell

SIZES = (10_000, 100_000, 1_000_000)
FILERS, TICKERS, YEARS = 2_000, 3_000, 8
COMMITTEES, SEATS, EVENTS = 20, 3, 4_000
FIRST = date(2018, 1, 1)
AS_OF = FIRST + timedelta(days=365 * YEARS - 200)
REPEATS = 7


def invented(trades: int) -> pl.DataFrame:
    """Trades over eight years, public 5 to 45 days later, of filers whose activity is Pareto: few make most of them."""
    rng = np.random.default_rng(1)
    weight = 1 + rng.pareto(1.6, FILERS)
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


def invented_congress() -> Congress:
    """Every filer sits on three of twenty committees of two sectors each; hearings and floor votes over all years."""
    rng = np.random.default_rng(2)
    codes = [f"SS{chr(65 + i)}{chr(65 + i)}" for i in range(COMMITTEES)]
    spells = [
        CommitteeSpell(f"F{filer:06d}", codes[i], FIRST, None)
        for filer in range(FILERS)
        for i in rng.choice(COMMITTEES, SEATS, replace=False)
    ]
    sectors = {code: list(rng.choice(np.array(GICS_SECTORS), 2, replace=False)) for code in codes}
    events = [
        CalendarEvent(
            event_id=f"event-{n}",
            kind="hearing" if n % 10 else "floor_vote",
            day=FIRST + timedelta(days=int(rng.integers(0, 365 * YEARS))),
            title="",
            committee_code=codes[n % COMMITTEES] if n % 10 else None,
            bill=None,
            sectors=() if n % 10 else (GICS_SECTORS[n % len(GICS_SECTORS)],),
            source="",
        )
        for n in range(EVENTS)
    ]
    return Congress(spells, events, sectors)


def median_seconds(what: Callable[[], object]) -> float:
    """The median of a few runs after a first one."""
    seconds = []
    for _ in range(REPEATS + 1):
        began = time.perf_counter()
        what()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds[1:])


def peak_mb() -> float:
    """The most memory this process has held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def rolling(frame: pl.DataFrame) -> pl.DataFrame:
    """A floor: 12 months of prior days for every trade."""
    return frame.rolling("transaction_date", period="12mo", closed="left", group_by="filer_key").agg(
        pl.len(), pl.col("amount_index").mean().alias("mean"), pl.col("amount_index").std().alias("sd")
    )


def rolling_by(frame: pl.DataFrame) -> pl.DataFrame:
    """The same by polars' window expressions."""
    amount, window = pl.col("amount_index"), {"window_size": "12mo", "closed": "left"}
    return frame.select(
        pl.col("amount_index")
        .is_not_null()
        .cast(pl.Int64)
        .rolling_sum_by("transaction_date", **window)
        .over("filer_key"),
        amount.rolling_mean_by("transaction_date", **window).over("filer_key").alias("mean"),
        amount.rolling_std_by("transaction_date", **window).over("filer_key").alias("sd"),
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


def floors(trades: int) -> tuple[float, float, float, float]:
    """(seconds of the rolling floor, of the same by window expressions, of the snapshot, peak MB)."""
    frame = invented(trades).sort("filer_key", "transaction_date")
    seconds = [median_seconds(lambda floor=floor: floor(frame)) for floor in (rolling, rolling_by, snapshot)]
    return *seconds, peak_mb()


def ours(trades: int) -> tuple[float, float, float, int, float]:
    """(seconds of the columns, of the baselines, of the candidates, filers that day, peak MB)."""
    frame, thresholds, congress = invented(trades), Thresholds(), invented_congress()
    days = (AS_OF, AS_OF + timedelta(days=1))
    book = TradeBook(frame, thresholds, days)
    return (
        median_seconds(lambda: TradeBook(frame, thresholds, days)),
        median_seconds(lambda: baselines(book, AS_OF, 30)),
        median_seconds(lambda: candidates_on(book, congress, AS_OF)),
        len(book.filers_disclosing_on(AS_OF)),
        peak_mb(),
    )


def main() -> None:
    """Print the table of benchmarks/README.md."""
    print(
        "| trades | rolling s | rolling by window s | snapshot s | columns s | baselines s | candidates s | sum s | "
        "sum / rolling | filers that day | peak MB, floors' |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for trades in SIZES:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as apart:
            floor, by_window, bare, floors_mb = apart.submit(floors, trades).result()
            columns, baseline, candidates, filers, mb = apart.submit(ours, trades).result()
        total = columns + baseline + candidates
        print(
            f"| {trades:,} | {floor:.3f} | {by_window:.3f} | {bare:.3f} | {columns:.3f} | {baseline:.3f} | "
            f"{candidates:.3f} | {total:.3f} | {total / floor:.1f} | {filers} | {mb:.0f}, {floors_mb:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
