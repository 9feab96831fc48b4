"""Detector: several filers trade the same ticker on the same side within a few days. Pure.

Given that a filer traded a ticker, how many others did so at the same time, and how many would have if all chose their
tickers independently? Each other filer's chance follows from how many trades that filer made in those days and from
the ticker's share (own share of the 12 months before, with the pooled share as prior). Conditioning on activity makes
busy days, when everybody trades, no evidence by themselves.
Sources: Poisson-binomial tail (Hong 2013); its Poisson limit by Le Cam (1960), Pac. J. Math. 10, 1181-1197.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from llm_pipeline.anomalies.book import History
from llm_pipeline.anomalies.crowd import Crowd, Ints
from llm_pipeline.anomalies.tails import poisson_binomial_tail, poisson_tail
from llm_pipeline.anomalies.thresholds import Thresholds
from llm_pipeline.anomalies.trade import SIDES
from llm_pipeline.anomalies.trial import Finding, Measure, Trial, measure, no_evidence

DETECTOR = "coordination"


@dataclass(frozen=True)
class _Group:
    p: float
    asset: int
    side: int
    rows: Ints
    others: int
    expected: float
    active: int
    pooled_share: float
    pooled_n: int
    poisson: float


def examine_coordination(history: History, crowd: Crowd, thresholds: Thresholds) -> Trial:
    """One trial: the least likely company among the filer's newly known purchases and sales with a ticker.

    p is the Poisson-binomial tail times the number of tickers and sides looked at, and times 2 because the days
    before and after the filer's own trade are looked at.
    """
    book = crowd.book
    fresh = history.counted & history.new & (history.side < 2) & book.has_ticker[history.row]
    if not fresh.any():
        return no_evidence(DETECTOR, history.filer_key)
    me = int(book.filer_of_row[history.row[0]])
    pairs = sorted(set(zip(history.asset[fresh].tolist(), history.side[fresh].tolist(), strict=True)))
    best: _Group | None = None
    for asset, side in pairs:
        days = np.unique(history.day[fresh & (history.asset == asset) & (history.side == side)])
        for start in _starts(crowd, asset, side, days, thresholds):
            group = _group(crowd, me, asset, side, start, thresholds)
            if group is not None and (best is None or group.p < best.p):
                best = group
    if best is None:
        return no_evidence(DETECTOR, history.filer_key)
    p_value = min(1.0, 2 * best.p * len(pairs))
    chosen = best
    spread = max(best.expected, 1e-12) ** 0.5
    z = (best.others - best.expected) / spread

    def describe() -> Finding:
        rows = chosen.rows
        keys = tuple(sorted({book.filer_keys[i] for i in book.filer_of_row[rows].tolist()}))
        ticker = book.tickers[int(rows[0])]
        return Finding(
            classification="COORDINATED_PATTERN",
            detector=DETECTOR,
            subject=f"{ticker} {SIDES[chosen.side]}",
            filer_keys=keys,
            rows=tuple(rows.tolist()),
            measures=_measures(chosen, len(keys), z, p_value, len(pairs), thresholds.coordination_days),
            cautions=(f"small_sample: {len(keys)} filers",) if len(keys) < 5 else (),
        )

    return Trial(DETECTOR, history.filer_key, p_value, z >= float(thresholds.min_z), describe)


def _measures(group: _Group, filers: int, z: float, p_value: float, tested: int, days: int) -> tuple[Measure, ...]:
    n = group.active
    above = 100 * (group.others / group.expected - 1)
    return (
        measure("filers", filers, filers, f"filers in the ticker on the same side within {days} days"),
        measure("active_filers", n, n, "other filers with trades on that side in those days"),
        measure("expected_others", group.expected, n, "other filers expected under independence"),
        measure("pooled_ticker_share", group.pooled_share, group.pooled_n, "(trades + 1/2) / (all trades + 1)"),
        measure("baseline_deviation_pct", above, n, "others / expected - 1"),
        measure("z_score", z, n, "(others - expected) / sqrt(expected)"),
        measure("poisson_p", group.poisson, n, "Poisson tail at the expected count"),
        measure("poisson_binomial_p", group.p, n, "exact tail under independence"),
        measure("p_value", p_value, tested, "poisson_binomial_p x 2 x tickers and sides looked at"),
    )


def _starts(crowd: Crowd, asset: int, side: int, days: Ints, thresholds: Thresholds) -> list[int]:
    """First days of windows that hold one of these days and enough filers, as few as needed."""
    book, reach = crowd.book, thresholds.coordination_days - 1
    starts: set[int] = set()
    for day in days.tolist():
        rows = crowd.between(day - reach, day + reach)
        rows = rows[(book.asset[rows] == asset) & (book.side[rows] == side)]
        if np.unique(book.filer_of_row[rows]).size >= thresholds.coordination_min_filers:
            starts.update(int(d) for d in book.day[rows] if d <= day)
    return sorted(starts)


def _group(crowd: Crowd, me: int, asset: int, side: int, start: int, thresholds: Thresholds) -> _Group | None:
    book = crowd.book
    active = crowd.between(start, start + thresholds.coordination_days - 1)
    active = active[book.side[active] == side]
    rows = active[book.asset[active] == asset]
    members = set(book.filer_of_row[rows].tolist())
    if len(members) < thresholds.coordination_min_filers or me not in members:
        return None
    before = crowd.between(start - thresholds.baseline_days, start - 1)
    same = before[book.asset[before] == asset]
    pooled = (same.size + 0.5) / (before.size + 1)
    filers, trades = np.unique(book.filer_of_row[active], return_counts=True)
    size = len(book.filer_keys)
    own_n = np.bincount(book.filer_of_row[before], minlength=size)[filers]
    own_same = np.bincount(book.filer_of_row[same], minlength=size)[filers]
    weight = thresholds.coordination_prior_weight
    chance = 1 - (1 - (own_same + weight * pooled) / (own_n + weight)) ** trades
    chance = chance[filers != me]
    others, expected = len(members) - 1, float(chance.sum())
    poisson = poisson_tail(others, expected)
    # Le Cam: the Poisson limit is within sum(p^2) of the exact tail; exact convolution is quadratic in filers.
    p = poisson_binomial_tail(others, chance.tolist()) if chance.size <= 200 else poisson
    return _Group(p, asset, side, np.sort(rows), others, expected, int(chance.size), pooled, int(before.size), poisson)
