"""Detector: several filers trade the same ticker, or in the same sector, on the same side within a few days. Pure.

Given that a filer traded a ticker, how many others did so at the same time, and how many would have if all chose
independently? Each other filer's chance follows from how many trades that filer made in those days and from the
ticker's share (own share of the 12 months before, with the pooled share as prior). Conditioning on activity makes
busy days, when everybody trades, no evidence by themselves. A sector is looked at in the same way.
Sources: Poisson-binomial tail, averaged over the pooled share (`company_tail`); number of windows as in the scan
statistic (Naus 1982).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Literal

from llm_pipeline.anomalies.detection.book import TradeBook
from llm_pipeline.anomalies.detection.company import Company, Newly, newly_known
from llm_pipeline.anomalies.detection.crowd import Crowd
from llm_pipeline.anomalies.detection.group import Group
from llm_pipeline.anomalies.detection.history import Histories
from llm_pipeline.anomalies.detection.thresholds import Thresholds
from llm_pipeline.anomalies.detection.trade import SIDES
from llm_pipeline.anomalies.detection.trial import Finding, Measure, Trial, measure, no_evidence, no_test
from llm_pipeline.reference.records import GICS_SECTORS

Level = Literal["ticker", "sector"]

DETECTORS: dict[Level, str] = {"ticker": "coordination", "sector": "sector_coordination"}


@dataclass(frozen=True)
class _Best:
    """The least likely group of a filer, its tail and its p over all its windows."""

    group: Group
    p: float
    windows_p: float

    @property
    def rank(self) -> tuple[float, int, int, int]:
        """The smallest is taken: of equals the first by number of the ticker or sector, side and first day."""
        return self.windows_p, self.group.code, self.group.side, self.group.start


def examine_coordination(histories: Histories, crowd: Crowd, thresholds: Thresholds) -> dict[Level, list[Trial]]:
    """By level one trial for each filer: the least likely company among its newly known purchases and sales.

    p is the tail times the number of filers in the group, of the filer's own days in it and of tickers (sectors) and
    sides looked at. A window of fixed length may begin before the filer's own trade; k points within such a window
    around a given one are k times as likely as within one window given in advance, when they are rare.
    """
    company, newly = Company(crowd, thresholds), newly_known(histories, crowd)
    enough = company.possible(newly)
    looks = _distinct_looks(newly)
    own_days = Counter(look for look, _ in looks)
    tested = Counter((filer, _level(code)) for filer, code, _ in own_days)
    possible = {(filer, _level(code)) for (filer, code, _), _ in _distinct_looks(newly.where(enough))}
    best: dict[tuple[int, Level], _Best] = {}
    for group, p in company.groups(newly.where(enough)):
        windows_p = p * (group.others + 1) * own_days[group.filer, group.code, group.side]
        one, found = (group.filer, _level(group.code)), _Best(group, p, windows_p)
        if one not in best or found.rank < best[one].rank:
            best[one] = found

    def trial(filer: int, filer_key: str, level: Level) -> Trial:
        if (filer, level) not in possible:
            return no_test(DETECTORS[level], filer_key)
        if (filer, level) not in best:
            return no_evidence(DETECTORS[level], filer_key)
        return _trial(filer_key, level, best[filer, level], company, crowd.book, tested[filer, level])

    filers = list(zip(histories.numbers.tolist(), histories.filer_keys, strict=True))
    return {level: [trial(*filer, level) for filer in filers] for level in DETECTORS}


def _level(code: int) -> Level:
    return "sector" if code < len(GICS_SECTORS) else "ticker"


def _distinct_looks(newly: Newly) -> set[tuple[tuple[int, int, int], int]]:
    """((filer, code, side), day) of trades, each once."""
    looks = zip(newly.filer.tolist(), newly.code.tolist(), newly.side.tolist(), strict=True)
    return set(zip(looks, newly.day.tolist(), strict=True))


def _trial(filer_key: str, level: Level, best: _Best, company: Company, book: TradeBook, tested: int) -> Trial:
    """The trial of the least likely group; tested: tickers (sectors) and sides looked at."""
    group, thresholds, p_value = best.group, company.thresholds, min(1.0, best.windows_p * tested)

    def describe() -> Finding:
        rows = company.rows(group)
        keys = tuple(sorted({book.filer_keys[i] for i in book.filer_of_row[rows].tolist()}))
        what = GICS_SECTORS[group.code] if level == "sector" else book.ticker(int(rows[0]))
        return Finding(
            classification="COORDINATED_PATTERN",
            detector=DETECTORS[level],
            subject=f"{what} {SIDES[group.side]}",
            filer_keys=keys,
            rows=tuple(rows.tolist()),
            measures=_measures(best, level, len(keys), p_value, tested, thresholds.coordination_days),
            cautions=(f"small_sample: {len(keys)} filers",) if len(keys) < 5 else (),
        )

    return Trial(DETECTORS[level], filer_key, p_value, group.z >= float(thresholds.min_z), describe)


def _measures(best: _Best, level: Level, filers: int, p_value: float, tested: int, days: int) -> tuple[Measure, ...]:
    group, n = best.group, best.group.active
    above = 100 * (group.others / group.expected - 1)
    return (
        measure("filers", filers, filers, f"filers in the {level} on the same side within {days} days"),
        measure("active_filers", n, n, "other filers with trades on that side in those days"),
        measure("expected_others", group.expected, n, "other filers expected under independence"),
        measure(f"pooled_{level}_share", group.pooled_share, group.pooled_n, "(trades + 1/2) / (all trades + 1)"),
        measure("baseline_deviation_pct", above, n, "others / expected - 1"),
        measure("z_score", group.z, n, "(others - expected) / sqrt(expected)"),
        measure("poisson_p", group.poisson_p, n, "Poisson tail at the expected count"),
        measure("poisson_binomial_p", best.p, n, "tail under independence, over the uncertain pooled share"),
        measure("p_value", p_value, tested, f"poisson_binomial_p x filers x own days x {level}s and sides looked at"),
    )
