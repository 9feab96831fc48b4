"""Every filer's habit in the 12 months before a window, as of a date: one aggregation over all filers. Pure.

Belongs here: the table `baseline_stats`. The detectors compute the same quantities inside their own windows.
Counts are of all known trades (no trade is left out as a repeat or a savings plan), so that a person can recount them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import polars as pl

from llm_pipeline.anomalies.rates import MONTH_DAYS
from llm_pipeline.anomalies.thresholds import Thresholds

_COLUMNS: Any = {
    "filer_key": pl.String,
    "filer": pl.String,
    "as_of_date": pl.Date,
    "window_days": pl.Int64,
    "baseline_start": pl.Date,
    "baseline_end": pl.Date,
    "n_trades": pl.Int64,
    "months_observed": pl.Float64,
    "monthly_mean": pl.Float64,
    "monthly_sd": pl.Float64,
    "n_amounts": pl.Int64,
    "amount_index_mean": pl.Float64,
    "amount_index_sd": pl.Float64,
    "sector_counts": pl.Struct({"sector": pl.List(pl.String), "n": pl.List(pl.Int64)}),
    "weekday_counts": pl.List(pl.Int64),
    "gap_days_mean": pl.Float64,
    "gap_days_sd": pl.Float64,
    "gap_days_max": pl.Int64,
    "short_history": pl.Boolean,
}
BASELINE_SCHEMA = pl.Schema(_COLUMNS)


@dataclass(frozen=True)
class Period:
    """The 12 months [start, end) before a window of `window_days` that ends on the as-of date."""

    as_of: date
    window_days: int
    start: date
    end: date


def baseline_period(as_of: date, window_days: int, thresholds: Thresholds) -> Period:
    """The window is (as_of - window_days, as_of]; its baseline the `baseline_days` before that."""
    end = as_of - timedelta(days=window_days - 1)
    return Period(as_of, window_days, end - timedelta(days=thresholds.baseline_days), end)


def baselines(frame: pl.DataFrame, as_of: date, window_days: int, thresholds: Thresholds) -> pl.DataFrame:
    """One row per filer with any known trade up to the baseline's end, sorted by filer_key, as `BASELINE_SCHEMA`.

    frame: trades as `book.SCHEMA`. Only trades disclosed on or before the as-of date and then in force count.
    Months are 30-day months counted back from the baseline's end; months without a trade count as 0. Observation
    starts at the filer's first known trade if that is within the baseline. Standard deviations are of the sample
    (n - 1), null below two values. sector_counts: known sectors by name; weekday_counts: Monday to Sunday.
    """
    period = baseline_period(as_of, window_days, thresholds)
    known = frame.lazy().filter(
        (pl.col("disclosure_date") <= as_of)
        & (pl.col("withdrawn_on").is_null() | (pl.col("withdrawn_on") > as_of))
        & (pl.col("transaction_date") < period.end)
    )
    first = known.group_by("filer_key").agg(
        pl.col("transaction_date").min().alias("first"),
        pl.col("filer").sort_by("transaction_date", "record_id").first(),
    )
    day = pl.col("transaction_date")
    within = known.filter(day >= period.start).with_columns(
        month=(pl.lit(period.end) - day).dt.total_days().sub(1) // MONTH_DAYS
    )
    stats = within.group_by("filer_key").agg(
        pl.len().cast(pl.Int64).alias("n_trades"),
        pl.col("amount_index").count().cast(pl.Int64).alias("n_amounts"),
        pl.col("amount_index").mean().alias("amount_index_mean"),
        pl.col("amount_index").std().alias("amount_index_sd"),
        *[(day.dt.weekday() == i).sum().cast(pl.Int64).alias(f"weekday_{i}") for i in range(1, 8)],
        day.sort().diff().dt.total_days().alias("gaps"),
        pl.col("sector").drop_nulls().value_counts(sort=False).alias("sectors"),
    )
    months = within.group_by("filer_key", "month").len("in_month")
    observed = pl.min_horizontal(
        pl.lit(thresholds.baseline_days), (pl.lit(period.end) - pl.col("first")).dt.total_days()
    ).cast(pl.Int64)
    monthly = (
        months.join(first, on="filer_key")
        .with_columns(whole=(observed // MONTH_DAYS).cast(pl.Int64))
        .filter(pl.col("month") < pl.col("whole"))
        .group_by("filer_key")
        .agg(pl.col("in_month").sum().alias("total"), (pl.col("in_month").cast(pl.Int64) ** 2).sum().alias("squares"))
    )
    whole, total = pl.col("whole"), pl.col("total").fill_null(0)
    squares = pl.col("squares").fill_null(0)
    sectors = pl.col("sectors").list.eval(pl.element().sort_by(pl.element().struct.field("sector")))
    result = (
        first.join(stats, on="filer_key", how="left")
        .join(monthly, on="filer_key", how="left")
        .with_columns(observed=observed)
        .with_columns(whole=pl.col("observed") // MONTH_DAYS)
        .select(
            "filer_key",
            "filer",
            pl.lit(as_of).alias("as_of_date"),
            pl.lit(window_days, pl.Int64).alias("window_days"),
            pl.lit(period.start).alias("baseline_start"),
            pl.lit(period.end).alias("baseline_end"),
            pl.col("n_trades").fill_null(0),
            (pl.col("observed") / MONTH_DAYS).alias("months_observed"),
            pl.when(whole > 0).then(total / whole).alias("monthly_mean"),
            pl.when(whole > 1).then(((squares - total**2 / whole).clip(0) / (whole - 1)).sqrt()).alias("monthly_sd"),
            pl.col("n_amounts").fill_null(0),
            "amount_index_mean",
            "amount_index_sd",
            pl.struct(
                sectors.list.eval(pl.element().struct.field("sector")).alias("sector"),
                sectors.list.eval(pl.element().struct.field("count").cast(pl.Int64)).alias("n"),
            ).alias("sector_counts"),
            pl.concat_list([pl.col(f"weekday_{i}").fill_null(0) for i in range(1, 8)]).alias("weekday_counts"),
            pl.col("gaps").list.mean().alias("gap_days_mean"),
            pl.col("gaps").list.drop_nulls().list.std().alias("gap_days_sd"),
            pl.col("gaps").list.max().alias("gap_days_max"),
            (
                (pl.col("observed") < thresholds.short_history_days)
                | (pl.col("n_trades").fill_null(0) < thresholds.short_history_trades)
            ).alias("short_history"),
        )
        .sort("filer_key")
    )
    return result.collect().cast(_COLUMNS)


def baseline_of(
    frame: pl.DataFrame, filer_key: str, as_of: date, window_days: int, thresholds: Thresholds
) -> dict[str, object] | None:
    """The row of one filer, None when nothing of theirs was known by then."""
    rows: Sequence[dict[str, object]] = baselines(
        frame.filter(pl.col("filer_key") == filer_key), as_of, window_days, thresholds
    ).to_dicts()
    return rows[0] if rows else None
