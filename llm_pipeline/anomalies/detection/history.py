"""What is known of filers' trades on an as-of date, in columns; detectors see nothing else. Pure.

Belongs here: which known trades are decisions, savings plans or parts of earlier episodes. Which rows are known is in
`book.py`. All filers of a day are one set of columns: what is asked of each is answered for all of them at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import cached_property
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from llm_pipeline.anomalies.detection.thresholds import Thresholds
from llm_pipeline.anomalies.detection.trade import SIDES, Classification

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

CLASS_BITS: dict[str, int] = {name: 1 << i for i, name in enumerate(get_args(Classification))}


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Known trades, one item each, by filer and day.

    row: position in the book; day: day number; asset: its number; sector: 0-10 or -1; side: place in `SIDES`; index:
    range index or 0; new: became known on the as-of date itself; decision: False for a repeat of the same asset, side
    and day (the same order filled for several accounts counts once); periodic: part of a savings plan; reported: bits
    of `CLASS_BITS`, the classifications of episodes of earlier as-of dates that the trade is part of.
    """

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
    def fresh(self) -> Flags:
        """Newly known counted decisions."""
        return self.counted & self.new

    @cached_property
    def unreported(self) -> Flags:
        """Counted decisions that no earlier episode contains."""
        return self.counted & (self.reported == 0)

    def usual(self, *classifications: Classification) -> Flags:
        """Counted decisions that make up a baseline: those of reported episodes of these kinds are set apart.

        Else an unusual month would teach the baseline that such months are usual, as in outbreak detection
        (Farrington et al. 1996, J. R. Stat. Soc. A 159, 547-563).
        """
        return self.counted & (self.reported & sum(CLASS_BITS[name] for name in classifications) == 0)


_NAMES = tuple(one.name for one in fields(Columns))


@dataclass(frozen=True, kw_only=True)
class History(Columns):
    """One filer's trades known on an as-of date, by day.

    first_day: of all known trades; the columns leave out what lies more than two baselines before the newly known ones,
    for no window reaches there.
    """

    filer_key: str
    as_of: int
    first_day: int

    def set_apart(self, baseline: Flags, after: int, until: int) -> int:
        """How many counted decisions of (after, until] are not in a baseline: parts of episodes reported before."""
        return int(np.count_nonzero(self.counted & ~baseline & (self.day > after) & (self.day <= until)))


@dataclass(frozen=True, kw_only=True)
class Histories(Columns):
    """The histories of several filers, one after the other.

    numbers: of the filers in the book; first_days: as in `History`; starts: where each one's trades begin, and the end.
    """

    filer_keys: tuple[str, ...]
    as_of: int
    numbers: Ints
    first_days: Ints
    starts: Ints

    def __len__(self) -> int:
        return len(self.filer_keys)

    @cached_property
    def of(self) -> Ints:
        """Which of the filers each trade belongs to."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))

    @cached_property
    def anchors(self) -> tuple[tuple[int, ...], ...]:
        """Of each filer, distinct days of the newly known counted decisions: where a window under test may end."""
        of, day = self.of[self.fresh], self.day[self.fresh]
        first = np.ones(of.size, bool)
        first[1:] = (np.diff(of) != 0) | (np.diff(day) != 0)
        days, ends = tuple(day[first].tolist()), np.cumsum(np.bincount(of[first], minlength=len(self))).tolist()
        return tuple(days[begin:end] for begin, end in zip([0, *ends], ends, strict=False))

    def one(self, i: int) -> History:
        """The history of one filer; its columns are views."""
        part = slice(self.starts[i], self.starts[i + 1])
        return History(
            filer_key=self.filer_keys[i],
            as_of=self.as_of,
            first_day=int(self.first_days[i]),
            **{name: getattr(self, name)[part] for name in _NAMES},
        )


def savings_plans(
    of: Ints, day: Ints, asset: Ints, side: Ints, index: Ints, thresholds: Thresholds
) -> tuple[Flags, Flags]:
    """(repeat of the same filer, asset, side and day; member of a monthly series of one asset, side and range).

    of: number of the filer; trades come by filer and day.
    """
    n = day.size
    repeat, periodic = np.zeros(n, bool), np.zeros(n, bool)
    if n < 2:
        return repeat, periodic
    # Rows come by day, and sorting is stable: each asset and side keeps its days in order.
    kind = asset * len(SIDES) + side
    order = stable_order(of, kind)
    repeat[order[1:]] = _same(order, of, kind, day)
    firsts = np.flatnonzero(~repeat)
    order = firsts[stable_order(of[firsts], kind[firsts], index[firsts])]
    low, high = thresholds.periodic_gap_days
    gap = np.diff(day[order])
    monthly = (gap >= low) & (gap <= high) & _same(order, of, kind, index)
    edges = np.diff(np.concatenate([[0], monthly.astype(np.int8), [0]]))
    begins, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    long = ends - begins >= thresholds.periodic_min_trades - 1
    member = np.zeros(order.size + 1, np.int64)
    member[begins[long]] = 1
    member[ends[long] + 1] -= 1  # two runs share no trade: between them is a gap that is not a month
    periodic[order[np.cumsum(member[:-1]) > 0]] = True
    return repeat, periodic


def _same(order: Ints, *columns: Ints) -> Flags:
    """Whether each row agrees with the one before it in all columns, from the second row on."""
    return np.logical_and.reduce([np.diff(one[order]) == 0 for one in columns])


def columns_of(rows: Iterable[tuple[int, ...]], width: int) -> tuple[Ints, ...]:
    """Rows of `width` numbers as that many columns."""
    return tuple(np.array(list(rows), np.int64).reshape(-1, width).T)


def first_least(values: Floats | Ints, groups: Ints, rows: Ints) -> dict[int, int]:
    """Of each group among these rows, the row with the least value, the first one of equals."""
    order = rows[np.lexsort((values[rows], groups[rows]))]
    found, first = np.unique(groups[order], return_index=True)
    return dict(zip(found.tolist(), order[first].tolist(), strict=True))


def stable_order(*columns: Ints) -> Ints:
    """The order of rows by these columns, the first one foremost; equal rows keep their order."""
    return np.lexsort([narrow(one) for one in reversed(columns)])


def narrow(values: Ints) -> NDArray[np.integer]:
    """The same order in 16 bits where they suffice (179 years of days): those are sorted without comparisons."""
    low, high = (int(values.min()), int(values.max())) if values.size else (0, 0)
    return (values - low).astype(np.uint16) if high - low < 1 << 16 else values


def distinct(values: Ints) -> Ints:
    """Distinct values, ascending. Sorting takes a tenth of the time of `np.unique`, which hashes them."""
    ordered = np.sort(values)
    first = np.ones(ordered.size, bool)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    return ordered[first]


def ranges(begins: Ints, ends: Ints) -> tuple[Ints, Ints]:
    """(which range, every number in it) for ranges [begin, end), one after the other."""
    sizes = ends - begins
    of = np.repeat(np.arange(sizes.size), sizes)
    return of, np.arange(of.size) + (begins - np.cumsum(sizes) + sizes)[of]
