"""All trades in columns, sorted by filer and day, and what of them was public on a day. Pure.

Belongs here: the layout that makes a day's look at one filer a slice (20-50 µs) instead of a search.
A `History` is one filer's trades known on an as-of date; detectors see nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from types import MappingProxyType
from typing import Any, get_args

import numpy as np
import polars as pl
from numpy.typing import NDArray

from llm_pipeline.anomalies.thresholds import Thresholds
from llm_pipeline.anomalies.trade import SIDES, Classification, Trade
from llm_pipeline.reference.records import GICS_SECTORS

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

NOTHING_REPORTED: Mapping[str, int] = MappingProxyType({})
CLASS_BITS: Mapping[str, int] = {name: 1 << i for i, name in enumerate(get_args(Classification))}

EPOCH = date(1970, 1, 1)
NEVER = date(9999, 12, 31)

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


@dataclass(frozen=True)
class History:
    """One filer's trades known on an as-of date, by day. Arrays have one item per trade.

    first_day: of all known trades; the arrays leave out what lies more than two baselines before the newly known
    ones, for no window reaches there. row: position in the book; day: day number; sector: 0-10 or -1; index: range
    index or 0; new: became known on the as-of date itself; decision: False for a repeat of the same asset, side and
    day (the same order filled for several accounts counts once); periodic: part of a savings plan; reported: bits of
    `CLASS_BITS`, the classifications of episodes of earlier as-of dates that the trade is part of.
    """

    filer_key: str
    as_of: int
    first_day: int
    row: Ints
    day: Ints
    asset: Ints
    sector: Ints
    side: Ints
    index: Ints
    new: Flags
    decision: Flags
    periodic: Flags
    reported: Ints

    @cached_property
    def counted(self) -> Flags:
        """Decisions that are not part of a savings plan: what rates and windows are counted over."""
        return self.decision & ~self.periodic

    @cached_property
    def days(self) -> Ints:
        """Days of the counted decisions, ascending."""
        return self.day[self.counted]

    def usual(self, *classifications: Classification) -> Flags:
        """Counted decisions that make up a baseline: those of reported episodes of these kinds are set apart.

        Else an unusual month would teach the baseline that such months are usual, as in outbreak detection
        (Farrington et al. 1996, J. R. Stat. Soc. A 159, 547-563).
        """
        return self.counted & (self.reported & sum(CLASS_BITS[name] for name in classifications) == 0)

    @cached_property
    def unreported(self) -> Flags:
        """Counted decisions that no earlier episode contains."""
        return self.counted & (self.reported == 0)

    @cached_property
    def anchors(self) -> Ints:
        """Distinct days of the newly known counted decisions: where a window under test may end."""
        return np.unique(self.day[self.counted & self.new])


def _savings_plans(day: Ints, asset: Ints, side: Ints, index: Ints, thresholds: Thresholds) -> tuple[Flags, Flags]:
    """(repeat of the same asset, side and day; member of a monthly series of one asset, side and range)."""
    n = day.size
    repeat, periodic = np.zeros(n, bool), np.zeros(n, bool)
    if n < 2:
        return repeat, periodic
    # Rows come by day, and sorting is stable: each asset and side keeps its days in order.
    same = asset * len(SIDES) + side
    order = np.argsort(same, kind="stable")
    repeat[order[1:]] = (np.diff(same[order]) == 0) & (np.diff(day[order]) == 0)
    firsts = np.flatnonzero(~repeat)
    series = same[firsts] * (index.max() + 1) + index[firsts]
    by_series = np.argsort(series, kind="stable")
    order = firsts[by_series]
    low, high = thresholds.periodic_gap_days
    gap = np.diff(day[order])
    monthly = (np.diff(series[by_series]) == 0) & (gap >= low) & (gap <= high)
    needed = thresholds.periodic_min_trades - 1
    if np.count_nonzero(monthly) >= needed:
        edges = np.diff(np.concatenate([[0], monthly.astype(np.int8), [0]]))
        begins, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
        for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
            if end - begin >= needed:
                periodic[order[begin : end + 1]] = True
    return repeat, periodic


class TradeBook:
    """All trades of a set, in columns. Holds later disclosures too; only `history` decides what counts when."""

    def __init__(self, frame: pl.DataFrame, thresholds: Thresholds) -> None:
        self.thresholds = thresholds
        if not frame["record_id"].is_sorted():
            frame = frame.sort("record_id")
        self._frame = frame
        keys, filer = _ranked(frame["filer_key"])
        self.filer_keys: list[str] = keys.to_list()
        day = _day_column(frame["transaction_date"])
        order = np.lexsort((narrow(day), narrow(filer)))
        self._order = order
        self._starts: Ints = np.concatenate([[0], np.cumsum(np.bincount(filer, minlength=len(keys)))]).astype(np.int64)
        self._filer_number = {key: i for i, key in enumerate(self.filer_keys)}
        self.filer_of_row: Ints = filer[order]
        self.day: Ints = day[order]
        self.disclosed: Ints = _day_column(frame["disclosure_date"])[order]
        self.withdrawn: Ints = _day_column(frame["withdrawn_on"].fill_null(NEVER))[order]
        self.asset: Ints = _ranked(frame["asset"])[1][order]
        self.ticker_code: Ints = np.where(frame["ticker"].is_not_null().to_numpy()[order], self.asset, -1)
        self.sector: Ints = _numbered(frame["sector"], GICS_SECTORS, strict=False)[order]
        self.side: Ints = _numbered(frame["side"], SIDES)[order]
        self.index: Ints = frame["amount_index"].fill_null(0).to_numpy()[order]
        self._by_disclosure = np.argsort(narrow(self.disclosed), kind="stable")
        self._disclosed_sorted = self.disclosed[self._by_disclosure]
        self._by_day = np.argsort(narrow(self.day), kind="stable")
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

    def known(self, as_of: date) -> Flags:
        """Which rows were public and in force on that day."""
        n = day_number(as_of)
        return (self.disclosed <= n) & (self.withdrawn > n)

    def history(self, filer_key: str, as_of: date, reported: Mapping[str, int] = NOTHING_REPORTED) -> History:
        """What was public about one filer on that day; `reported` gives `CLASS_BITS` of trades in earlier episodes."""
        i, n = self._filer_number[filer_key], day_number(as_of)
        part = slice(self._starts[i], self._starts[i + 1])
        row = part.start + np.flatnonzero((self.disclosed[part] <= n) & (self.withdrawn[part] > n))
        if row.size == 0:
            return History(
                filer_key, n, n, *(np.zeros(0, np.int64),) * 6, *(np.zeros(0, bool),) * 3, np.zeros(0, np.int64)
            )
        first_day = int(self.day[row[0]])
        fresh = row[self.disclosed[row] == n]
        if fresh.size:
            row = row[self.day[row] >= self.day[fresh[0]] - 2 * self.thresholds.baseline_days]
        day, asset, side, index = self.day[row], self.asset[row], self.side[row], self.index[row]
        repeat, periodic = _savings_plans(day, asset, side, index, self.thresholds)
        earlier = np.zeros(row.size, np.int64)
        if reported:
            earlier[:] = [reported.get(one, 0) for one in self.record_ids(row)]
        return History(
            filer_key, n, first_day, row, day, asset, self.sector[row], side, index,
            self.disclosed[row] == n, ~repeat, periodic, earlier,
        )  # fmt: skip

    def number_of(self, filer_key: str) -> int:
        """A filer's number in `filer_of_row`."""
        return self._filer_number[filer_key]

    def name_of(self, filer_key: str, rows: Iterable[int]) -> str:
        """A filer's name as the earliest of these rows has it: a name that was public when they were."""
        number = self._filer_number[filer_key]
        return str(self._texts("filer", [min(row for row in rows if self.filer_of_row[row] == number)])[0])

    def _texts(self, column: str, rows: Iterable[int]) -> list[Any]:
        return self._frame[column].gather(self._order[np.fromiter(rows, np.int64)]).to_list()


def _day_column(days: pl.Series) -> Ints:
    return days.cast(pl.Date).to_physical().cast(pl.Int64).to_numpy()


def _ranked(texts: pl.Series) -> tuple[pl.Series, Ints]:
    """(the distinct texts in order, the place of each text among them)."""
    coded = texts.cast(pl.Categorical)
    used = coded.unique()
    distinct = used.cast(pl.String)
    order = distinct.arg_sort().to_numpy()
    codes = used.to_physical().to_numpy()
    place = np.zeros(int(codes.max(initial=0)) + 1, np.int64)
    place[codes[order]] = np.arange(order.size)
    return distinct.gather(order), place[coded.to_physical().to_numpy()]


def _numbered(names: pl.Series, numbers: Sequence[str], *, strict: bool = True) -> Ints:
    """The number of each name; -1 for null and, unless strict, for other names."""
    return names.cast(pl.Enum(numbers), strict=strict).to_physical().cast(pl.Int64).fill_null(-1).to_numpy()


def narrow(values: Ints) -> NDArray[Any]:
    """The same order in 16 bits where they suffice (179 years of days): those are sorted without comparisons."""
    low, high = (int(values.min()), int(values.max())) if values.size else (0, 0)
    return (values - low).astype(np.uint16) if high - low < 1 << 16 else values
