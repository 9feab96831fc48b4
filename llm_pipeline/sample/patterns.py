"""Planted anomalies: trades that stand out against a filer's own past, or against chance.

Belongs here: the making of such trades, each filed in time and without any defect. The filers of patterns
file nothing else in the sample but their own quiet past.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from llm_pipeline.sample.assets import STOCKS, STOCKS_BY_SECTOR, Asset
from llm_pipeline.sample.filings import HOUSE, SENATE, Filing, FilingMaker, Source, Trade
from llm_pipeline.sample.manifest import PlantedAnomaly, RowIdentity
from llm_pipeline.sample.people import REPRESENTATIVES, SENATORS, Filer
from llm_pipeline.sample.trading_days import is_open, open_day_before

PATTERN_FILERS: tuple[Filer, ...] = (*SENATORS[-6:], *REPRESENTATIVES[-2:])
"""Filers that ordinary filings leave alone."""

CALM_FILERS: tuple[Filer, ...] = (*SENATORS[-12:-6], *REPRESENTATIVES[4:8])
"""Filers that trade as ever all the while: against them it shows that the others do not."""


@dataclass(frozen=True)
class Pattern:
    """A planted anomaly together with its filings."""

    filings: tuple[Filing, ...]
    anomaly: PlantedAnomaly


def _sessions_back(day: date, n: int) -> list[date]:
    """The n trading days before a day, oldest first."""
    days: list[date] = []
    while len(days) < n:
        days.append(open_day_before(days[-1] if days else day))
    return days[::-1]


def _source(filer: Filer) -> Source:
    return SENATE if filer.chamber == "Senate" else HOUSE


def _pattern(kind: str, classification: str, detail: str, filings: Sequence[Filing]) -> Pattern:
    rows = tuple(RowIdentity(f.source, f.document_id, n) for f in filings for n in range(1, len(f.trades) + 1))
    traded = [trade.day for filing in filings for trade in filing.trades]
    filers = tuple(filing.filer.full_name for filing in filings)
    anomaly = PlantedAnomaly(kind, classification, filers, min(traded), max(traded), rows, detail)
    return Pattern(tuple(filings), anomaly)


def _filed(
    maker: FilingMaker, filer: Filer, received: date, plan: Sequence[tuple[date, Asset, int]], side: str = "Purchase"
) -> Filing:
    trades: list[Trade] = [
        maker.trade(filer, day, asset, side=side, band=band, owner="Joint" if n % 2 else "Self")
        for n, (day, asset, band) in enumerate(plan)
    ]
    return maker.filing(_source(filer), filer, received, trades)


def quiet_past(maker: FilingMaker, filer: Filer, first: date, last: date) -> list[Filing]:
    """One small filing a month, one or two small trades each, received from `first` to before `last`."""
    filings = []
    received = first
    while received < last:
        day = received
        while not is_open(day):
            day += timedelta(days=1)
        plan = [
            (day - timedelta(days=maker.rng.randrange(8, 28)), maker.rng.choice(STOCKS), 0)
            for _ in range(maker.rng.randrange(1, 3))
        ]
        filings.append(_filed(maker, filer, day, plan))
        received += timedelta(days=30)
    return filings


def plant_patterns(maker: FilingMaker, last: date) -> list[Pattern]:
    """One pattern of each kind, all received on `last`, the last day on which reports arrive."""
    spike, steep, hurried, focused, *together = PATTERN_FILERS
    rng = maker.rng
    sessions = _sessions_back(last - timedelta(days=6), 22)
    many = [(sessions[-1 - n % 8], asset, 0) for n, asset in enumerate(rng.sample(STOCKS, 14))]
    rising = [(sessions[n * 5], asset, 5 + n // 2) for n, asset in enumerate(rng.sample(STOCKS, 4))]
    rush = [(sessions[-1 - n % 2], asset, 1) for n, asset in enumerate(rng.sample(STOCKS, 5))]
    energy = [(sessions[n * 2], asset, 1) for n, asset in enumerate(rng.sample(STOCKS_BY_SECTOR["Energy"], 8))]
    one = rng.choice(STOCKS_BY_SECTOR["Health Care"])
    joint = [_filed(maker, f, last, [(sessions[-1 - n % 3], one, 2)]) for n, f in enumerate(together)]
    return [
        _pattern(
            "frequency_spike",
            "FREQUENCY_SPIKE",
            "14 trades within 8 sessions",
            [_filed(maker, spike, last, many)],
        ),
        _pattern(
            "amount_escalation",
            "AMOUNT_ANOMALY",
            "four trades above $500,000 after a past of the smallest range",
            [_filed(maker, steep, last, rising)],
        ),
        _pattern(
            "timing_cluster",
            "TIMING_ANOMALY",
            "5 trades within 2 sessions",
            [_filed(maker, hurried, last, rush)],
        ),
        _pattern(
            "sector_cluster",
            "SECTOR_CLUSTER",
            "8 trades, all of the energy sector",
            [_filed(maker, focused, last, energy)],
        ),
        _pattern(
            "coordinated_trades",
            "COORDINATED_PATTERN",
            f"4 filers buy {one.ticker} within 3 sessions",
            joint,
        ),
    ]


def plant_earlier_spikes(maker: FilingMaker, received: date) -> list[Pattern]:
    """Two filers, one buying and one selling 14 times within 8 sessions, received long before the other patterns: what
    became of them can be told. They take part in the coordinated pattern later."""
    sessions = _sessions_back(received - timedelta(days=6), 8)
    patterns = []
    for filer, side in zip(PATTERN_FILERS[4:6], ("Purchase", "Sale (Full)"), strict=True):
        plan = [(sessions[-1 - n % 8], asset, 0) for n, asset in enumerate(maker.rng.sample(STOCKS, 14))]
        patterns.append(
            _pattern(
                "earlier_spike",
                "FREQUENCY_SPIKE",
                f"14 trades ({side}) within 8 sessions",
                [_filed(maker, filer, received, plan, side)],
            )
        )
    return patterns
