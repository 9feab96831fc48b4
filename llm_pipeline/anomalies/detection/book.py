"""All trades in columns, sorted by filer and day, and what of them was public on a day. Pure.

Belongs here: the layout that makes a day's look at a filer a slice instead of a search.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any

import numpy as np
import polars as pl

from llm_pipeline.anomalies.detection.history import Flags, Histories, Ints, ranges, savings_plans, stable_order
from llm_pipeline.anomalies.detection.reach import within_reach
from llm_pipeline.anomalies.detection.thresholds import Thresholds
from llm_pipeline.anomalies.detection.trade import SIDES, Trade
from llm_pipeline.reference.records import GICS_SECTORS

NOTHING_REPORTED: Mapping[str, Mapping[str, int]] = MappingProxyType({})

EPOCH = date(1970, 1, 1)
NEVER = (date(9999, 12, 31) - EPOCH).days
"""The day number of what did not happen."""

SCHEMA = pl.Schema(
    {
        "record_id": pl.String,
        "filer": pl.String,
        "filer_key": pl.String,
        "transaction_date": pl.Date,
        "disclosure_date": pl.Date,
        "withdrawn_on": pl.Date,
        "ticker": pl.String,
        "asset": pl.String,
        "sector": pl.String,
        "side": pl.String,
        "amount_index": pl.Int64,
    }
)
"""Columns of a frame of trades; `sector` is a GICS name or null."""


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - EPOCH).days


def day_of(number: int) -> date:
    """The date of a day number."""
    return EPOCH + timedelta(days=int(number))


def frame_of(trades: Iterable[Trade], sector_of: Mapping[str, str]) -> pl.DataFrame:
    """Trades as a frame with `SCHEMA`; `sector_of` maps a ticker to its GICS sector."""
    rows = [
        (
            t.record_id, t.filer, t.filer_key, t.transaction_date, t.disclosure_date, t.withdrawn_on, t.ticker, t.asset,
            sector_of.get(t.ticker) if t.ticker else None, t.side, t.amount_index,
        )
        for t in trades
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


class TradeBook:
    """All trades of a set, in columns. Holds later disclosures too; only `known` decides what counts when."""

    def __init__(self, frame: pl.DataFrame, thresholds: Thresholds, days: tuple[date, date] | None = None) -> None:
        """Lay out trades with the columns of `SCHEMA`.

        days: the as-of dates [start, end) that will be asked about, all if not given. Of trades that no window of
        these dates reaches, only the filer's first day is kept: it says how long someone has been observed.
        """
        self.thresholds = thresholds
        if days is None:
            filers = frame.select(pl.col("filer_key").unique().sort(), first=pl.lit(None, pl.Int32))
        else:
            frame, filers = within_reach(frame, *days, thresholds)
        if not frame["record_id"].is_sorted():
            frame = frame.sort("record_id")
        self._frame = frame
        coded = _coded(frame, filers["filer_key"])
        self.filer_keys: list[str] = filers["filer_key"].to_list()
        self._filer_number = {key: i for i, key in enumerate(self.filer_keys)}
        self._first_days: Ints = _numbers(filers["first"].fill_null(NEVER))
        filer, day = _numbers(coded["filer"]), _numbers(coded["transaction_date"])
        self._order = order = stable_order(filer, day)
        self._starts: Ints = np.concatenate([[0], np.cumsum(np.bincount(filer, minlength=len(filers)))]).astype(
            np.int64
        )
        self.filer_of_row: Ints = np.repeat(np.arange(len(filers)), np.diff(self._starts))
        self.day: Ints = day[order]
        self.disclosed: Ints = _numbers(coded["disclosure_date"])[order]
        self.withdrawn: Ints = _numbers(coded["withdrawn_on"])[order]
        self.asset: Ints = _ranked(coded["asset"])[order]
        self.ticker_code: Ints = np.where(coded["listed"].to_numpy()[order], self.asset, -1)
        self.sector: Ints = _numbers(coded["sector"])[order]
        self.side: Ints = _numbers(coded["side"])[order]
        self.index: Ints = _numbers(coded["amount_index"])[order]
        self._by_disclosure = stable_order(self.disclosed)
        self._disclosed_sorted = self.disclosed[self._by_disclosure]
        self._by_day = stable_order(self.day)
        self._day_sorted = self.day[self._by_day]

    def record_ids(self, rows: Iterable[int]) -> list[str]:
        """The ids of these rows' trades."""
        return self._texts("record_id", rows)

    def ticker(self, row: int) -> str | None:
        """The ticker of a row's trade."""
        return self._texts("ticker", [row])[0]

    def disclosure_days(self) -> list[date]:
        """Days on which something became known, ascending."""
        return [day_of(n) for n in np.unique(self.disclosed)]

    def disclosed_on(self, as_of: date) -> Ints:
        """Rows that became known on that very day."""
        n = day_number(as_of)
        low, high = np.searchsorted(self._disclosed_sorted, [n, n + 1])
        return np.sort(self._by_disclosure[low:high])

    def filers_disclosing_on(self, as_of: date) -> list[str]:
        """Keys of the filers with a disclosure on that very day, ascending."""
        return [self.filer_keys[i] for i in np.unique(self.filer_of_row[self.disclosed_on(as_of)])]

    def rows_traded_between(self, first: int, last: int) -> Ints:
        """Rows with a trade day in [first, last], by day, known or not."""
        low, high = np.searchsorted(self._day_sorted, [first, last + 1])
        return self._by_day[low:high]

    def known(self, as_of: date, rows: Ints | slice = slice(None)) -> Flags:
        """Which of these rows, of all if not given, were public and in force on that day."""
        n = day_number(as_of)
        return (self.disclosed[rows] <= n) & (self.withdrawn[rows] > n)

    def histories(
        self, filer_keys: Sequence[str], as_of: date, reported: Mapping[str, Mapping[str, int]] = NOTHING_REPORTED
    ) -> Histories:
        """What was public about these filers on that day.

        reported: per filer and trade id, `CLASS_BITS` of the episodes of earlier as-of dates.
        """
        n = day_number(as_of)
        numbers = np.array([self._filer_number[key] for key in filer_keys], np.int64)
        of, row = ranges(self._starts[numbers], self._starts[numbers + 1])
        known = self.known(as_of, row)
        of, row = of[known], row[known]
        # Rows are by day: the first known one of a filer is the earliest, and so is the first of the new ones.
        first_days = np.minimum(_of_first(of, self.day[row], len(filer_keys), n), self._first_days[numbers])
        new = self.disclosed[row] == n
        oldest = _of_first(of[new], self.day[row[new]], len(filer_keys), -NEVER) - 2 * self.thresholds.baseline_days
        near = self.day[row] >= oldest[of]
        of, row, new = of[near], row[near], new[near]
        day, asset, side, index = self.day[row], self.asset[row], self.side[row], self.index[row]
        repeat, periodic = savings_plans(of, day, asset, side, index, self.thresholds)
        starts = np.concatenate([[0], np.cumsum(np.bincount(of, minlength=len(filer_keys)))])
        earlier = np.zeros(row.size, np.int64)
        for i, key in enumerate(filer_keys):
            if key in reported:
                part = slice(starts[i], starts[i + 1])
                earlier[part] = [reported[key].get(one, 0) for one in self.record_ids(row[part])]
        return Histories(
            filer_keys=tuple(filer_keys), as_of=n, numbers=numbers, first_days=first_days, starts=starts,
            row=row, day=day, asset=asset, sector=self.sector[row], side=side, index=index,
            new=new, decision=~repeat, periodic=periodic, reported=earlier,
        )  # fmt: skip

    def first_days_of(self, rows: Ints) -> Ints:
        """Each filer's first day by these known rows and what was known before; `NEVER` for a filer without any."""
        first_days = self._first_days.copy()
        np.minimum.at(first_days, self.filer_of_row[rows], self.day[rows])
        return first_days

    def name_of(self, filer_key: str, rows: Iterable[int]) -> str:
        """A filer's name as the earliest of these rows has it: a name that was public when they were."""
        number = self._filer_number[filer_key]
        return str(self._texts("filer", [min(row for row in rows if self.filer_of_row[row] == number)])[0])

    def names_of(self, rows: Ints) -> pl.Series:
        """The filers' names as these rows have them, null where a row is -1."""
        places = pl.Series(np.where(rows >= 0, self._order[rows], -1))
        return self._frame["filer"].gather(places.set(places < 0, None))

    def _texts(self, column: str, rows: Iterable[int]) -> list[Any]:
        return self._frame[column].gather(self._order[np.fromiter(rows, np.int64)]).to_list()


def _coded(frame: pl.DataFrame, filer_keys: pl.Series) -> pl.DataFrame:
    """The columns as numbers, assets as categories."""
    return (
        frame.lazy()
        .select(
            pl.col("filer_key").cast(pl.Enum(filer_keys)).to_physical().alias("filer"),
            pl.col("asset").cast(pl.Categorical),
            pl.col("transaction_date", "disclosure_date").to_physical(),
            pl.col("withdrawn_on").to_physical().fill_null(NEVER),
            pl.col("ticker").is_not_null().alias("listed"),
            pl.col("sector").cast(pl.Enum(GICS_SECTORS), strict=False).to_physical().cast(pl.Int8).fill_null(-1),
            pl.col("side").cast(pl.Enum(SIDES)).to_physical(),
            pl.col("amount_index").fill_null(0),
        )
        .collect()
    )


def _numbers(column: pl.Series) -> Ints:
    return column.cast(pl.Int64).to_numpy()


def _ranked(coded: pl.Series) -> Ints:
    """The place of each text among the distinct ones in order."""
    used = coded.unique()
    distinct = used.cast(pl.String)
    order = distinct.arg_sort().to_numpy()
    codes = used.to_physical().to_numpy()
    place = np.zeros(int(codes.max(initial=0)) + 1, np.int64)
    place[codes[order]] = np.arange(order.size)
    return place[coded.to_physical().to_numpy()]


def _of_first(of: Ints, values: Ints, groups: int, otherwise: int) -> Ints:
    """The value of each group's first row, `otherwise` where it has none; rows come group by group."""
    found = np.full(groups, otherwise, np.int64)
    groups_present, first = np.unique(of, return_index=True)
    found[groups_present] = values[first]
    return found
