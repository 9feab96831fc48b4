"""Every filer's habit in the 12 months before a window, as of a date: one aggregation over all filers. Pure.

Belongs here: the table `baseline_stats`. The detectors compute the same quantities inside their own windows.
Counts are of all known trades (no trade is left out as a repeat or a savings plan), so that a person can recount them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from llm_pipeline.anomalies.detection.book import TradeBook, day_number
from llm_pipeline.anomalies.detection.history import Floats, Ints
from llm_pipeline.anomalies.detection.rates import MONTH_DAYS
from llm_pipeline.anomalies.detection.thresholds import Thresholds
from llm_pipeline.reference.records import GICS_SECTORS

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


def baselines(book: TradeBook, as_of: date, window_days: int) -> pl.DataFrame:
    """One row per filer with any known trade up to the baseline's end, sorted by filer_key, as `BASELINE_SCHEMA`.

    Only trades disclosed on or before the as-of date and then in force count. `filer` is the name in the latest of
    them. Months are 30-day months counted back from the baseline's end; months without a trade count as 0. Observation
    starts at the filer's first known trade if that is within the baseline. Standard deviations are of the sample
    (n - 1), null below two values. sector_counts: known sectors by name; weekday_counts: Monday to Sunday.
    """
    thresholds, number = book.thresholds, len(book.filer_keys)
    period = baseline_period(as_of, window_days, thresholds)
    start, end = day_number(period.start), day_number(period.end)
    rows = np.flatnonzero(book.known(as_of) & (book.day < end))
    first_days = book.first_days_of(rows)
    latest = np.full(number, -1)
    latest[book.filer_of_row[rows]] = rows  # by day: the last one stays
    rows = rows[book.day[rows] >= start]
    of, day, index = book.filer_of_row[rows], book.day[rows], book.index[rows]
    observed = np.clip(end - first_days, 0, thresholds.baseline_days)
    n_trades = np.bincount(of, minlength=number)
    n_amounts, amount_mean, amount_sd, _ = _moments(of[index > 0], index[index > 0], number)
    same = np.diff(of) == 0
    n_gaps, gap_mean, gap_sd, gap_max = _moments(of[1:][same], np.diff(day)[same], number)
    short = (observed < thresholds.short_history_days) | (n_trades < thresholds.short_history_trades)
    everybody = pl.DataFrame(
        {
            "filer_key": book.filer_keys,
            "filer": book.names_of(latest),
            "as_of_date": pl.repeat(as_of, number, dtype=pl.Date, eager=True),
            "window_days": pl.repeat(window_days, number, dtype=pl.Int64, eager=True),
            "baseline_start": pl.repeat(period.start, number, dtype=pl.Date, eager=True),
            "baseline_end": pl.repeat(period.end, number, dtype=pl.Date, eager=True),
            "n_trades": n_trades,
            "months_observed": observed / MONTH_DAYS,
            **_monthly(of, (end - day - 1) // MONTH_DAYS, observed // MONTH_DAYS),
            "n_amounts": n_amounts,
            "amount_index_mean": _where(n_amounts > 0, amount_mean),
            "amount_index_sd": _where(n_amounts > 1, amount_sd),
            "sector_counts": _sector_counts(of, book.sector[rows], number),
            "weekday_counts": _weekday_counts(of, day, number),
            "gap_days_mean": _where(n_gaps > 0, gap_mean),
            "gap_days_sd": _where(n_gaps > 1, gap_sd),
            "gap_days_max": _where(n_gaps > 0, gap_max),
            "short_history": short,
        }
    )
    return everybody.filter(pl.Series(first_days < end)).cast(_COLUMNS)


def _where(defined: NDArray[np.bool_], values: Floats | Ints) -> pl.Series:
    """The values, null where they are not defined."""
    return pl.DataFrame({"value": values, "defined": defined}).select(pl.when("defined").then("value")).to_series()


def _moments(of: Ints, values: Ints, number: int) -> tuple[Ints, Floats, Floats, Ints]:
    """(number, mean, standard deviation of the sample, largest) of each filer's values."""
    n = np.bincount(of, minlength=number)
    mean = np.bincount(of, values, minlength=number) / np.maximum(n, 1)
    squares = np.bincount(of, (values - mean[of]) ** 2, minlength=number)
    largest = np.zeros(number, np.int64)
    np.maximum.at(largest, of, values)
    return n, mean, np.sqrt(squares / np.maximum(n - 1, 1)), largest


def _monthly(of: Ints, month: Ints, whole: Ints) -> dict[str, pl.Series]:
    """Mean and standard deviation of the counts of all whole months observed, those without a trade included."""
    longest = int(whole.max(initial=0))
    inside = month < whole[of]
    counts = np.bincount(of[inside] * longest + month[inside], minlength=whole.size * longest)
    counts = counts.reshape(whole.size, longest)
    n = np.maximum(whole, 1)
    mean = counts.sum(axis=1) / n
    off = np.where(np.arange(longest) < whole[:, None], counts - mean[:, None], 0.0)
    sd = np.sqrt((off * off).sum(axis=1) / np.maximum(whole - 1, 1))
    return {"monthly_mean": _where(whole > 0, mean), "monthly_sd": _where(whole > 1, sd)}


def _sector_counts(of: Ints, sector: Ints, number: int) -> pl.Series:
    known, width = sector >= 0, len(GICS_SECTORS)
    counts = np.bincount(of[known] * width + sector[known], minlength=number * width)
    some = np.flatnonzero(counts)
    lists = (
        pl.DataFrame({"of": some // width, "sector": np.array(GICS_SECTORS)[some % width], "n": counts[some]})
        .group_by("of", maintain_order=True)
        .agg("sector", "n")
    )
    return (
        pl.DataFrame({"of": np.arange(number)})
        .join(lists, on="of", how="left", maintain_order="left")
        .select(pl.struct(pl.col("sector", "n").fill_null([])))
        .to_series()
    )


def _weekday_counts(of: Ints, day: Ints, number: int) -> pl.Series:
    weekday = (day + 3) % 7  # 1970-01-01 was a Thursday
    return pl.Series(np.bincount(of * 7 + weekday, minlength=number * 7).reshape(-1, 7)).arr.to_list()
