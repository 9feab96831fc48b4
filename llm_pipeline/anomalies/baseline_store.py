"""The SQL of baseline_stats: a frame of baselines in, rows that are the same left alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, LiteralString

import polars as pl
from psycopg import Cursor

from llm_pipeline.db.bulk import copy_into

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_DIGITS = 9  # sums of floats differ in the last bits with the order of addition; nine decimals do not
_COLUMNS = (
    "filer",
    "as_of_date",
    "window_days",
    "politician_id",
    "n_trades",
    "months_observed",
    "monthly_mean",
    "monthly_sd",
    "amount_index_mean",
    "amount_index_sd",
    "sector_shares",
    "weekday_distribution",
    "inter_trade_gaps",
)
_VALUES = _COLUMNS[3:]

_MERGE: LiteralString = f"""
    WITH gone AS (
        DELETE FROM baseline_stats b WHERE b.as_of_date >= %(start)s AND b.as_of_date < %(end)s
          AND NOT EXISTS (SELECT FROM incoming_baselines i
                          WHERE (i.filer, i.as_of_date, i.window_days) = (b.filer, b.as_of_date, b.window_days))
    ), written AS (
        INSERT INTO baseline_stats ({", ".join(_COLUMNS)}, computed_at)
        SELECT {", ".join(f"i.{column}" for column in _COLUMNS)}, %(now)s
        FROM incoming_baselines i LEFT JOIN baseline_stats b USING (filer, as_of_date, window_days)
        WHERE b.filer IS NULL OR ({", ".join(f"i.{column}" for column in _VALUES)})
            IS DISTINCT FROM ({", ".join(f"b.{column}" for column in _VALUES)})
        ON CONFLICT (filer, as_of_date, window_days) DO UPDATE SET
            {", ".join(f"{column} = EXCLUDED.{column}" for column in _VALUES)}, computed_at = EXCLUDED.computed_at
        RETURNING 1
    )
    SELECT count(*) FROM written"""  # noqa: S608


def write_baselines(
    cur: Cursor[Any],
    start: date,
    end: date,
    frames: Iterable[pl.DataFrame],
    politician_of: Mapping[str, str],
    now: datetime,
) -> tuple[int, int]:
    """Make the as-of dates [start, end) of baseline_stats what the frames say: (rows, of them written anew).

    Args:
        frames: each with the columns of `baseline.BASELINE_SCHEMA`.
        politician_of: politician id by filer key.
    """
    cur.execute(
        f"""CREATE TEMP TABLE incoming_baselines ON COMMIT DROP AS
            SELECT {", ".join(_COLUMNS)} FROM baseline_stats WITH NO DATA"""  # noqa: S608
    )
    total = copy_into(
        cur,
        "incoming_baselines",
        _COLUMNS,
        (_row(row, politician_of) for frame in frames for row in frame.iter_rows(named=True)),
    )
    cur.execute("ANALYZE incoming_baselines")
    written = cur.execute(_MERGE, {"start": start, "end": end, "now": now}).fetchone()
    return total, written[0] if written else 0


def _row(row: Mapping[str, Any], politician_of: Mapping[str, str]) -> tuple[Any, ...]:
    counted = dict(zip(row["sector_counts"]["sector"], row["sector_counts"]["n"], strict=True))
    in_sectors = sum(counted.values())
    return (
        row["filer"],
        row["as_of_date"],
        row["window_days"],
        politician_of.get(row["filer_key"]),
        row["n_trades"],
        _rounded(row["months_observed"]),
        _rounded(row["monthly_mean"]),
        _rounded(row["monthly_sd"]),
        _rounded(row["amount_index_mean"]),
        _rounded(row["amount_index_sd"]),
        {sector: _rounded(n / in_sectors) for sector, n in counted.items()},
        dict(zip(WEEKDAYS, row["weekday_counts"], strict=True)),
        {
            "mean_days": _rounded(row["gap_days_mean"]),
            "sd_days": _rounded(row["gap_days_sd"]),
            "max_days": row["gap_days_max"],
            "short_history": row["short_history"],
        },
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)
