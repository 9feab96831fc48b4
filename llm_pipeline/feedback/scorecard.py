"""The shape of a scorecard and its JSON, which is what people, tables and models are shown. Pure.

Belongs here: the records and their plain form, no arithmetic (that is in `scoring.py`). "No data" is None, never 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

ALL = "ALL"
"""In a group: not divided by this."""
DIGITS = 4
"""Decimal places of rates and percentage points in the JSON."""


@dataclass(frozen=True, order=True)
class Group:
    """Whose signals a scorecard counts: of one classification, or one prompt version, or one model, or all."""

    classification: str = ALL
    prompt_version: str = ALL
    model: str = ALL


@dataclass(frozen=True)
class Interval:
    """A 95 % interval, both ends included."""

    low: float
    high: float


@dataclass(frozen=True)
class Rate:
    """A share of `n` signals with its Wilson interval; value and interval are None when n is 0."""

    n: int
    value: float | None
    interval: Interval | None


@dataclass(frozen=True)
class CalibrationBin:
    """The signals of one confidence (0-10, read as a probability of confidence / 10) and how many of them were hits."""

    confidence: int
    hits: Rate


@dataclass(frozen=True)
class Calibration:
    """How well confidence / 10 foretold a hit.

    Attributes:
        brier: mean squared difference between confidence / 10 and hit (1 or 0); 0 is perfect, 0.25 is a coin's.
        ece: expected calibration error, the mean distance of the bins' hit rates from confidence / 10, by size of bin.
        bins: those with signals, by confidence.
    """

    brier: float | None
    ece: float | None
    bins: tuple[CalibrationBin, ...]


@dataclass(frozen=True)
class Alpha:
    """Mean alpha of the signals in percentage points, each with equal weight.

    Attributes:
        n: signals with an alpha; one without a benchmark has none.
        blocks: blocks of entry weeks that the bootstrap drew from.
        interval: bootstrapped; None with fewer blocks than an interval can be told from.
    """

    n: int
    mean_pct: float | None
    blocks: int
    interval: Interval | None


@dataclass(frozen=True)
class RandomComparison:
    """The same signals with other tickers, drawn from the trades that were public then.

    Attributes:
        draws: how many sets of random signals.
        mean_alpha_pct: over all draws.
        alpha_interval: where the middle 95 % of the draws' mean alphas lie.
        hit_rate: over all draws.
        percentile: share of draws whose mean alpha is below ours, 0-100.
        p_value: chance of a mean alpha as high as ours among random signals, one-sided.
        adjusted_p: the same under Benjamini-Hochberg over all groups of the period.
    """

    draws: int
    mean_alpha_pct: float
    alpha_interval: Interval
    hit_rate: float
    percentile: float
    p_value: float
    adjusted_p: float


@dataclass(frozen=True)
class Counts:
    """The signals of a group by what became of them: signals = closed + open + no_price + neutral.

    Attributes:
        closed: with a direction, held to the horizon; the `n` of a scorecard.
        open: with a direction, not yet held to the horizon at the end of the period.
        no_price: with a direction, and not one of its tickers has prices.
        neutral: without a direction, so neither right nor wrong.
    """

    signals: int
    closed: int
    open: int
    no_price: int
    neutral: int

    @property
    def reconcile(self) -> bool:
        """Whether every signal is counted once."""
        return self.signals == self.closed + self.open + self.no_price + self.neutral


@dataclass(frozen=True)
class Scorecard:
    """How the signals of one group that became public in a period did, as known at its end.

    Attributes:
        hit_rate: closed signals whose return in their direction was above 0.
        alpha_rate: closed signals that did better than the benchmark, in their direction.
        false_positive_rate: closed signals of confidence 7 or more that were no hit.
    """

    group: Group
    counts: Counts
    hit_rate: Rate
    alpha_rate: Rate
    false_positive_rate: Rate
    mean_confidence_winners: float | None
    mean_confidence_losers: float | None
    calibration: Calibration
    alpha: Alpha
    random: RandomComparison | None


@dataclass(frozen=True)
class PeriodScorecards:
    """The scorecards of one period [start, end), overall first, then by classification, prompt version and model.

    Attributes:
        horizon_days: trading days from entry to exit.
        benchmark: ticker, or `equal_weighted_universe`.
    """

    start: date
    end: date
    horizon_days: int
    benchmark: str
    cards: tuple[Scorecard, ...]

    @property
    def overall(self) -> Scorecard:
        """The scorecard of all signals."""
        return next(card for card in self.cards if card.group == Group())


def scorecard_json(scorecards: PeriodScorecards) -> dict[str, Any]:
    """The scorecards as plain JSON values, numbers rounded to `DIGITS`; absent numbers are null.

    {"period": {"start", "end"}, "horizon_trading_days", "benchmark", "scorecards": [{"classification",
    "prompt_version", "model", "signals", "n", "open", "no_price", "neutral", "hit_rate": {"value", "n", "low", "high"},
    "alpha_rate", "false_positive_rate", "mean_confidence_winners", "mean_confidence_losers", "brier", "ece",
    "calibration": [{"confidence", "n", "hit_rate", "low", "high"}],
    "alpha_pct": {"mean", "n", "low", "high", "blocks"},
    "random_signals": {"draws", "mean_alpha_pct", "low", "high", "hit_rate", "percentile", "p", "adjusted_p"} or null}]}
    """
    return {
        "period": {"start": scorecards.start.isoformat(), "end": scorecards.end.isoformat()},
        "horizon_trading_days": scorecards.horizon_days,
        "benchmark": scorecards.benchmark,
        "scorecards": [card_json(card) for card in scorecards.cards],
    }


def card_json(card: Scorecard) -> dict[str, Any]:
    """One scorecard as plain JSON values."""
    return {
        "classification": card.group.classification,
        "prompt_version": card.group.prompt_version,
        "model": card.group.model,
        "signals": card.counts.signals,
        "n": card.counts.closed,
        "open": card.counts.open,
        "no_price": card.counts.no_price,
        "neutral": card.counts.neutral,
        "hit_rate": _rate(card.hit_rate),
        "alpha_rate": _rate(card.alpha_rate),
        "false_positive_rate": _rate(card.false_positive_rate),
        "mean_confidence_winners": _number(card.mean_confidence_winners),
        "mean_confidence_losers": _number(card.mean_confidence_losers),
        "brier": _number(card.calibration.brier),
        "ece": _number(card.calibration.ece),
        "calibration": calibration_json(card.calibration),
        "alpha_pct": {
            "mean": _number(card.alpha.mean_pct),
            "n": card.alpha.n,
            **_ends(card.alpha.interval),
            "blocks": card.alpha.blocks,
        },
        "random_signals": random_json(card.random),
    }


def calibration_json(calibration: Calibration) -> list[dict[str, Any]]:
    """The bins of a calibration."""
    return [
        {
            "confidence": one.confidence,
            "n": one.hits.n,
            "hit_rate": _number(one.hits.value),
            **_ends(one.hits.interval),
        }
        for one in calibration.bins
    ]


def random_json(random: RandomComparison | None) -> dict[str, Any] | None:
    """The comparison with random signals; None where there was nothing to compare."""
    if random is None:
        return None
    return {
        "draws": random.draws,
        "mean_alpha_pct": _number(random.mean_alpha_pct),
        **_ends(random.alpha_interval),
        "hit_rate": _number(random.hit_rate),
        "percentile": _number(random.percentile),
        "p": _number(random.p_value),
        "adjusted_p": _number(random.adjusted_p),
    }


def _rate(rate: Rate) -> dict[str, Any]:
    return {"value": _number(rate.value), "n": rate.n, **_ends(rate.interval)}


def _ends(interval: Interval | None) -> dict[str, float | None]:
    return {
        "low": _number(interval.low if interval else None),
        "high": _number(interval.high if interval else None),
    }


def _number(value: float | None) -> float | None:
    # + 0.0 makes one zero of two: -0.0 and 0.0 differ as JSON text.
    return None if value is None else round(value, DIGITS) + 0.0
