"""From results to scorecards: rates, intervals, calibration, alpha, and how rare it is among random signals. Pure.

All groups of a period are one family under Benjamini-Hochberg: the more groups are looked at, the rarer a group's alpha
must be among random signals before it says anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from statistics import fmean
from typing import get_args

import numpy as np

from llm_pipeline.anomalies.detection.fdr import adjusted_p_values
from llm_pipeline.anomalies.detection.trade import Classification
from llm_pipeline.feedback.calibration import calibrate
from llm_pipeline.feedback.intervals import LEVEL, mean_alpha, wilson
from llm_pipeline.feedback.random_signals import RandomSignals
from llm_pipeline.feedback.result import Result
from llm_pipeline.feedback.rules import FeedbackRules
from llm_pipeline.feedback.scorecard import (
    Counts,
    Group,
    Interval,
    PeriodScorecards,
    RandomComparison,
    Scorecard,
)

CONFIDENT = 7
"""Confidence from which a signal that lost is a false positive; such signals become trading signals."""


def score_period(
    start: date, end: date, results: Sequence[Result], random: RandomSignals, rules: FeedbackRules, benchmark: str
) -> PeriodScorecards:
    """The scorecards of the signals that became public in [start, end), from what was known before `end`.

    The overall one and the five classifications are there without signals too; prompt versions and models as found.
    """
    within = [one for one in results if start <= one.signal.as_of_date < end]
    cards = [_score(group, _of(group, within), random, end, rules) for group in _groups(within)]
    compared = [card.random for card in cards if card.random is not None]
    adjusted = iter(adjusted_p_values([one.p_value for one in compared]))
    cards = [
        card if card.random is None else replace(card, random=replace(card.random, adjusted_p=next(adjusted)))
        for card in cards
    ]
    return PeriodScorecards(start, end, rules.primary, benchmark, tuple(cards))


def _groups(results: Sequence[Result]) -> list[Group]:
    return [
        Group(),
        *(Group(classification=one) for one in get_args(Classification)),
        *(Group(prompt_version=one) for one in sorted({r.signal.prompt_version for r in results})),
        *(Group(model=one) for one in sorted({r.signal.model for r in results})),
    ]


def _of(group: Group, results: Sequence[Result]) -> list[Result]:
    anything = Group()
    return [
        one
        for one in results
        if group.classification in (anything.classification, one.signal.classification)
        and group.prompt_version in (anything.prompt_version, one.signal.prompt_version)
        and group.model in (anything.model, one.signal.model)
    ]


def _score(
    group: Group, results: Sequence[Result], random: RandomSignals, end: date, rules: FeedbackRules
) -> Scorecard:
    scored = [one for one in results if one.scored]
    with_alpha = [(one.alpha_pct, one.entry) for one in scored if one.alpha_pct is not None and one.entry is not None]
    alphas, entries = [alpha for alpha, _ in with_alpha], [entry for _, entry in with_alpha]
    confident = [one for one in scored if one.signal.confidence >= CONFIDENT]
    return Scorecard(
        group=group,
        counts=_count(results),
        hit_rate=wilson(sum(one.hit for one in scored), len(scored)),
        alpha_rate=wilson(sum(alpha > 0 for alpha in alphas), len(alphas)),
        false_positive_rate=wilson(sum(not one.hit for one in confident), len(confident)),
        mean_confidence_winners=_mean([one.signal.confidence for one in scored if one.hit]),
        mean_confidence_losers=_mean([one.signal.confidence for one in scored if not one.hit]),
        calibration=calibrate([one.signal.confidence for one in scored], [one.hit for one in scored]),
        alpha=mean_alpha(alphas, entries, rules.primary, rules.seed),
        random=_compare(scored, random, end),
    )


def _count(results: Sequence[Result]) -> Counts:
    directed = Counter(one.status for one in results if one.directed)
    return Counts(
        signals=len(results),
        closed=directed["closed"],
        open=directed["open"],
        no_price=directed["no_price"],
        neutral=sum(not one.directed for one in results),
    )


def _mean(values: Sequence[int]) -> float | None:
    return fmean(values) if values else None


def _compare(scored: Sequence[Result], random: RandomSignals, end: date) -> RandomComparison | None:
    chance = random.chance(scored, end)
    if chance is None:
        return None
    low, high = np.quantile(chance.mean_alphas, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return RandomComparison(
        draws=chance.mean_alphas.size,
        mean_alpha_pct=float(chance.mean_alphas.mean()),
        alpha_interval=Interval(float(low), float(high)),
        hit_rate=float(chance.hit_rates.mean()),
        percentile=chance.percentile,
        p_value=chance.p_value,
        adjusted_p=chance.p_value,
    )
