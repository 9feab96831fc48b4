"""Which trades the as-of dates of a window can look at at all: of decades of filings, two or three years. Pure."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from llm_pipeline.anomalies.detection.activity import LEGAL_DAYS
from llm_pipeline.anomalies.detection.thresholds import Thresholds


def within_reach(
    frame: pl.DataFrame, start: date, end: date, thresholds: Thresholds
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(the trades that as-of dates in [start, end) may look at, filer_key and first day of the filers).

    first: day number by the trades that are known on all these dates, null if there is none.

    A window and its baseline reach back less than two baselines from the as-of date or from a newly known trade.
    Everything is kept of filers who report a trade later than the law allows, or have none before the windows within
    reach: their latest trade says what they are called.
    """
    day, disclosed, withdrawn = pl.col("transaction_date"), pl.col("disclosure_date"), pl.col("withdrawn_on")
    in_time = start - timedelta(days=LEGAL_DAYS)
    limit = in_time - timedelta(days=2 * thresholds.baseline_days)
    before = start - timedelta(days=max(thresholds.windows_days))
    known = frame.lazy().filter(disclosed < end)
    lasting = withdrawn.is_null() & (disclosed < start)
    filers = (
        known.select(
            "filer_key",
            first=pl.when(lasting).then(day),
            last=pl.when(lasting & (day < before)).then(day),
            reported=pl.when(disclosed >= start).then(day),
        )
        .group_by("filer_key")
        .agg(pl.col("first", "reported").min(), pl.col("last").max())
        .collect()
    )
    whole = filers.filter((pl.col("reported") < in_time) | (pl.col("last").fill_null(limit) <= limit))["filer_key"]
    near = (day >= limit) | withdrawn.is_not_null()
    if not whole.is_empty():
        near = near | pl.col("filer_key").is_in(whole.implode())
    return known.filter(near).collect(), filers.select("filer_key", pl.col("first").to_physical()).sort("filer_key")
