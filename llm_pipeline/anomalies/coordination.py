"""Detector: several filers trade the same ticker, or in the same sector, on the same side within a few days. Pure.

Given that a filer traded a ticker, how many others did so at the same time, and how many would have if all chose
independently? Each other filer's chance follows from how many trades that filer made in those days and from the
ticker's share (own share of the 12 months before, with the pooled share as prior). Conditioning on activity makes
busy days, when everybody trades, no evidence by themselves. A sector is looked at in the same way.
Sources: Poisson-binomial tail, averaged over the pooled share (`company`); number of windows as in the scan statistic
(Naus 1982).
"""

from __future__ import annotations

from dataclasses import dataclass

from llm_pipeline.anomalies.history import History
from llm_pipeline.anomalies.company import Company, Group, Level
from llm_pipeline.anomalies.thresholds import Thresholds
from llm_pipeline.anomalies.trade import SIDES
from llm_pipeline.anomalies.trial import Finding, Measure, Trial, measure, no_evidence, no_test
from llm_pipeline.reference.records import GICS_SECTORS

DETECTORS: dict[Level, str] = {"ticker": "coordination", "sector": "sector_coordination"}


@dataclass(frozen=True)
class _Best:
    """The least likely group, its p over all its windows, and over how many others it was chosen."""

    group: Group
    windows_p: float


def examine_coordination(history: History, company: Company, level: Level, thresholds: Thresholds) -> Trial:
    """One trial: the least likely company among the filer's newly known purchases and sales.

    p is the tail times the number of filers in the group, of the filer's own days in it and of tickers (sectors) and
    sides looked at. A window of fixed length may begin before the filer's own trade; k points within such a window
    around a given one are k times as likely as within one window given in advance, when they are rare.
    """
    detector = DETECTORS[level]
    crowd = company.crowd
    code = company.codes(level)
    fresh = history.counted & history.new & (history.side < 2) & (code[history.row] >= 0)
    if not fresh.any():
        return no_test(detector, history.filer_key)
    me = int(crowd.book.filer_of_row[history.row[0]])
    own: dict[tuple[int, int], set[int]] = {}
    newly = history.day[fresh].tolist(), code[history.row[fresh]].tolist(), history.side[fresh].tolist()
    for day, kind, side in zip(*newly, strict=True):
        own.setdefault((kind, side), set()).add(day)
    if not company.possible(level, me, {(day, side) for (_, side), days in own.items() for day in days}):
        return no_test(detector, history.filer_key)
    best: _Best | None = None
    for (kind, side), days in sorted(own.items()):
        for group in company.groups(level, me, kind, side, days):
            windows_p = group.p * (group.others + 1) * len(days)
            if best is None or windows_p < best.windows_p:
                best = _Best(group, windows_p)
    if best is None:
        return no_evidence(detector, history.filer_key)
    chosen = best.group
    p_value = min(1.0, best.windows_p * len(own))

    def describe() -> Finding:
        book, rows = crowd.book, chosen.rows
        keys = tuple(sorted({book.filer_keys[i] for i in book.filer_of_row[rows].tolist()}))
        what = GICS_SECTORS[chosen.code] if level == "sector" else book.ticker(int(rows[0]))
        return Finding(
            classification="COORDINATED_PATTERN",
            detector=detector,
            subject=f"{what} {SIDES[chosen.side]}",
            filer_keys=keys,
            rows=tuple(rows.tolist()),
            measures=_measures(chosen, level, len(keys), p_value, len(own), thresholds.coordination_days),
            cautions=(f"small_sample: {len(keys)} filers",) if len(keys) < 5 else (),
        )

    return Trial(detector, history.filer_key, p_value, chosen.z >= float(thresholds.min_z), describe)


def _measures(group: Group, level: Level, filers: int, p_value: float, tested: int, days: int) -> tuple[Measure, ...]:
    n = group.active
    above = 100 * (group.others / group.expected - 1)
    return (
        measure("filers", filers, filers, f"filers in the {level} on the same side within {days} days"),
        measure("active_filers", n, n, "other filers with trades on that side in those days"),
        measure("expected_others", group.expected, n, "other filers expected under independence"),
        measure(f"pooled_{level}_share", group.pooled_share, group.pooled_n, "(trades + 1/2) / (all trades + 1)"),
        measure("baseline_deviation_pct", above, n, "others / expected - 1"),
        measure("z_score", group.z, n, "(others - expected) / sqrt(expected)"),
        measure("poisson_p", group.poisson_p, n, "Poisson tail at the expected count"),
        measure("poisson_binomial_p", group.p, n, "tail under independence, over the uncertain pooled share"),
        measure("p_value", p_value, tested, f"poisson_binomial_p x filers x own days x {level}s and sides looked at"),
    )
