"""The labelled set of anomaly detection: invented candidates of invented filers, to be upheld or to be rejected.

Each case has a planted pattern with strong evidence from a fair sample, and two decoys that an ordinary reader explains
away: one from a small sample and a short history, one whose trades come after the event beside them.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from typing import get_args

from llm_pipeline.anomalies.case import BaselineView, Case, open_case
from llm_pipeline.anomalies.detection.candidates import Candidate
from llm_pipeline.anomalies.detection.thresholds import Thresholds
from llm_pipeline.anomalies.detection.trade import Classification, Side, Trade
from llm_pipeline.anomalies.detection.trial import Measure, NearEvent
from llm_pipeline.hashing import sha256_hex
from llm_pipeline.prompt_registry.trial import SetFacts, TrialCase
from llm_pipeline.reference.records import CalendarEvent
from llm_pipeline.sample.assets import STOCKS_BY_SECTOR
from llm_pipeline.sample.people import SENATORS, Filer

SYNTHETIC = "synthetic"
SEED = 20_260_101
CASES = 80
"""Cases of three candidates: 16 planted patterns of each classification, 160 decoys."""
KINDS: tuple[Classification, ...] = get_args(Classification)
_FIRST_DAY = date(2024, 1, 8)


@dataclass(frozen=True)
class DetectionSet:
    """Cases, and which of their candidates are planted: their classification, None for a decoy; by candidate id."""

    facts: SetFacts
    cases: tuple[Case, ...]
    planted: dict[str, Classification | None]

    def case(self, candidate_id: str) -> TrialCase:
        """The labelled case of a candidate."""
        return TrialCase(self.facts.name, candidate_id, self.planted[candidate_id])


@cache
def synthetic_set() -> DetectionSet:
    """The project's own labelled candidates, always the same."""
    rng = random.Random(SEED)  # noqa: S311 - invents cases, guards nothing
    made = [_case(number, rng) for number in range(CASES)]
    planted = {name: kind for _, kinds in made for name, kind in kinds.items()}
    cases = tuple(case for case, _ in made)
    content = json.dumps([[case.candidates, case.trades, case.baselines] for case in cases], default=str)
    labels = json.dumps(planted, sort_keys=True)
    return DetectionSet(SetFacts(SYNTHETIC, sha256_hex((content + labels).encode()), len(planted)), cases, planted)


def _case(number: int, rng: random.Random) -> tuple[Case, dict[str, Classification | None]]:
    kind = KINDS[number % len(KINDS)]
    filers = rng.sample(SENATORS, 3 if kind == "COORDINATED_PATTERN" else 1)
    as_of = _FIRST_DAY + timedelta(days=9 * number)
    pool = iter(_trades(number, filers, as_of, rng))
    shaped = [
        _planted(_candidate(f"{number:03d}-a", kind, filers, as_of, [next(pool) for _ in range(8)]), rng),
        _small(_candidate(f"{number:03d}-b", _decoy(kind, 1), filers, as_of, [next(pool) for _ in range(4)]), rng),
        _late(_candidate(f"{number:03d}-c", _decoy(kind, 2), filers, as_of, [next(pool) for _ in range(4)]), rng),
    ]
    candidates = [candidate for candidate, _ in shaped]
    trades = {trade.record_id: trade for _, own in shaped for trade in own}
    usual = [BaselineView(one.full_name, 24, Decimal(12), Decimal(2), Decimal("1.1"), Decimal("1.8")) for one in filers]
    names = [candidate.candidate_id for candidate in candidates]
    return open_case(as_of, candidates, trades, (), usual), {names[0]: kind, names[1]: None, names[2]: None}


def _decoy(kind: Classification, turn: int) -> Classification:
    """The classification of a decoy beside a pattern; patterns of one filer and of several do not share a case."""
    if kind == "COORDINATED_PATTERN":
        return kind
    alone = [one for one in KINDS if one != "COORDINATED_PATTERN"]
    return alone[(alone.index(kind) + turn) % len(alone)]


def _trades(case: int, filers: list[Filer], as_of: date, rng: random.Random) -> Iterator[Trade]:
    assets = rng.sample(STOCKS_BY_SECTOR[rng.choice(sorted(STOCKS_BY_SECTOR))], 3)
    side: Side = rng.choice(("buy", "sell"))
    for number in range(16):
        filer, asset = filers[number % len(filers)], assets[number % len(assets)]
        yield Trade(
            record_id=f"case-{case:03d}-trade-{number:02d}",
            filer=filer.full_name,
            filer_key=filer.bioguide,
            chamber=filer.chamber,
            transaction_date=as_of - timedelta(days=20 + rng.randrange(9)),
            disclosure_date=as_of,
            ticker=asset.ticker,
            asset_description=asset.name,
            asset_type=asset.kind,
            side=side,
            amount_index=2 + number % 3,
            amount_low=15_001,
            amount_high=50_000,
            owner="Self",
            source_url=None,
        )


Shaped = tuple[Candidate, list[Trade]]


def _candidate(name: str, kind: Classification, filers: list[Filer], as_of: date, trades: list[Trade]) -> Shaped:
    thresholds = Thresholds()
    days = [trade.transaction_date for trade in trades]
    bare = Candidate(
        candidate_id=f"cand-{name}",
        classification=kind,
        detector="invented",
        subject="",
        filer_keys=tuple(sorted(one.bioguide for one in filers)),
        filers=tuple(one.full_name for one in filers),
        as_of_date=as_of,
        window_start=min(days),
        window_end=max(days),
        trade_ids=tuple(sorted(trade.record_id for trade in trades)),
        p_value=Decimal(1),
        adjusted_p=Decimal(1),
        family_size=24,
        measures=(),
        cautions=(),
        events=(),
        proximity_score=None,
        thresholds_version=thresholds.version,
        thresholds_fingerprint=thresholds.fingerprint,
        first_seen=as_of,
        last_seen=as_of,
    )
    return bare, trades


def _measures(trades: int, z: Decimal, deviation: int, n: int) -> tuple[Measure, ...]:
    return (
        Measure("trades_in_window", Decimal(trades), trades, "decisions in 30 days"),
        Measure("baseline_deviation_pct", Decimal(deviation), n, "observed / expected - 1"),
        Measure("z_score", z, n, "(observed - expected) / sd"),
    )


def _planted(shaped: Shaped, rng: random.Random) -> Shaped:
    candidate, trades = shaped
    z = Decimal(rng.randrange(50, 90)) / 10
    found = replace(
        candidate,
        p_value=Decimal("0.0000004"),
        adjusted_p=rng.choice((Decimal("0.000002"), Decimal("0.00006"), Decimal("0.0003"))),
        measures=_measures(8, z, rng.randrange(300, 700), 24),
    )
    return found, trades


def _small(shaped: Shaped, rng: random.Random) -> Shaped:
    candidate, trades = shaped
    found = replace(
        candidate,
        p_value=Decimal("0.002"),
        adjusted_p=rng.choice((Decimal("0.011"), Decimal("0.017"))),
        measures=_measures(4, Decimal(rng.randrange(21, 26)) / 10, rng.randrange(90, 160), 4),
        cautions=("small_sample: 4 trades in the baseline", "short_history: 70 days observed"),
    )
    return found, trades


def _late(shaped: Shaped, rng: random.Random) -> Shaped:
    candidate, trades = shaped
    days = rng.randrange(3, 8)
    day = candidate.window_start - timedelta(days=days)
    event = CalendarEvent(
        f"hearing-{candidate.candidate_id}", "hearing", day, "Oversight hearing", "SSBK", None, (), "synthetic"
    )
    found = replace(
        candidate,
        p_value=Decimal("0.003"),
        adjusted_p=rng.choice((Decimal("0.013"), Decimal("0.019"))),
        measures=_measures(4, Decimal(rng.randrange(22, 28)) / 10, rng.randrange(80, 150), 9),
        cautions=("small_sample: 9 trades in the baseline",),
        events=(NearEvent(event, -days, 0, 4),),
        proximity_score=Decimal(1),
    )
    return found, trades
