"""One period as a model is asked about it: signals with outcomes, what lost ones share, scorecard, parameters. Pure."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from llm_pipeline.hashing import sha256_hex
from llm_pipeline.recommendations.parameters import Parameter

SHOWN_SIGNALS = 14
SHOWN_GROUPS = 8
SHOWN_CARDS = 5
EXAMPLES = 5
LONGEST_MEANING = 50
"""With these bounds a prompt stays below 8,000 tokens, however many signals a period has."""
SMALLEST_GROUP = 2
"""One lost signal has nothing in common with others."""


@dataclass(frozen=True)
class SignalResult:
    """What became of one signal at the scorecard's horizon.

    Attributes:
        alpha_pct, return_pct: in the signal's own direction, percentage points, means over its tickers.
        cautions: codes of the evidence, such as `small_sample`.
        quality_issues: types of the issues that validation found on its trades.
    """

    signal_id: str
    as_of_date: date
    classification: str
    severity: str
    confidence: int
    direction: str
    prompt_version: str
    return_pct: Decimal
    alpha_pct: Decimal
    hit: bool
    cautions: tuple[str, ...] = ()
    quality_issues: tuple[str, ...] = ()


@dataclass(frozen=True)
class LossGroup:
    """Lost signals that share one property.

    Attributes:
        group: the property, as `classification=FREQUENCY_SPIKE`.
        closed: signals of the group with an outcome; `frequency`: those of them that lost.
        avg_loss_pct: mean loss of the lost ones, rounded to whole percent.
    """

    group: str
    closed: int
    frequency: int
    avg_loss_pct: int
    signal_ids: tuple[str, ...]


@dataclass(frozen=True)
class FeedbackCase:
    """Everything about one period that a model is shown or that its answer is checked against."""

    start: date
    end: date
    signals: tuple[SignalResult, ...]
    scorecard: Mapping[str, Any]
    parameters: tuple[Parameter, ...]
    validation_version: str
    anomaly_version: str

    @property
    def groups(self) -> tuple[LossGroup, ...]:
        """Groups of lost signals, the largest first."""
        return loss_groups(self.signals, {one.signal_id for one in self.shown_signals()})

    @property
    def categories(self) -> tuple[str, ...]:
        """Types of issues on the trades of the signals."""
        return tuple(sorted({issue for one in self.signals for issue in one.quality_issues}))

    @property
    def signals_with_issues(self) -> int:
        """How many signals rest on at least one trade with an issue."""
        return sum(bool(one.quality_issues) for one in self.signals)

    @property
    def feedback_id(self) -> str:
        """The same period with the same evidence and the same prompts has the same id."""
        return f"fb-{sha256_hex(json.dumps(self.variables(), sort_keys=True))[:16]}"

    def shown_signals(self) -> tuple[SignalResult, ...]:
        """The signals in the prompt: those that lost most."""
        worst = sorted(self.signals, key=lambda one: (one.hit, one.return_pct, one.signal_id))
        return tuple(sorted(worst[:SHOWN_SIGNALS], key=lambda one: one.signal_id))

    def question(self) -> dict[str, Any]:
        """The template's variables."""
        return {**self.variables(), "feedback_id": self.feedback_id}

    def variables(self) -> dict[str, Any]:
        """The template's variables, but for the feedback id, which is made from them."""
        shown = self.shown_signals()
        return {
            "start_date": self.start.isoformat(),
            "end_date": self.end.isoformat(),
            "validation_version": self.validation_version,
            "anomaly_version": self.anomaly_version,
            "scorecard_json": _shown_scorecard(self.scorecard),
            "loss_groups_json": [
                {
                    "group": one.group,
                    "frequency": one.frequency,
                    "closed": one.closed,
                    "avg_loss_pct": one.avg_loss_pct,
                    "signal_ids": list(one.signal_ids),
                }
                for one in self.groups
            ],
            "quality_json": {"signals_with_issues": self.signals_with_issues, "categories": list(self.categories)},
            "thresholds_json": [
                {
                    "parameter": one.name,
                    "current_value": one.text,
                    "lowest": format(one.lowest.normalize(), "f"),
                    "highest": format(one.highest.normalize(), "f"),
                    "meaning": one.meaning[:LONGEST_MEANING],
                }
                for one in self.parameters
            ],
            "signals_with_outcomes_json": {
                "signals_total": len(self.signals),
                "signals_shown": len(shown),
                "signals": [_signal(one) for one in shown],
            },
        }


def _signal(one: SignalResult) -> dict[str, Any]:
    return {
        "signal_id": one.signal_id,
        "as_of": one.as_of_date.isoformat(),
        "classification": one.classification,
        "severity": one.severity,
        "confidence": one.confidence,
        "direction": one.direction,
        "prompt_version": one.prompt_version,
        "return_pct": format(one.return_pct, "f"),
        "alpha_pct": format(one.alpha_pct, "f"),
        "hit": one.hit,
        "cautions": list(one.cautions),
        "quality_issues": list(one.quality_issues),
    }


def _shown_scorecard(scorecard: Mapping[str, Any]) -> dict[str, Any]:
    """Without the parts that a model has no use for: cards without a closed signal, and the bins of calibration."""
    cards = [card for card in scorecard.get("scorecards", ()) if card.get("n", 1)]
    shown = [{name: value for name, value in card.items() if name != "calibration"} for card in cards[:SHOWN_CARDS]]
    return {**scorecard, "scorecards": shown}


def loss_groups(signals: Sequence[SignalResult], shown: Collection[str]) -> tuple[LossGroup, ...]:
    """The largest groups with at least `SMALLEST_GROUP` lost signals, by number lost, then by name.

    shown: ids that may be named as examples.
    """
    members: dict[str, list[SignalResult]] = defaultdict(list)
    for one in signals:
        for group in _properties(one):
            members[group].append(one)
    found = []
    for group, all_of_it in members.items():
        lost = sorted((one for one in all_of_it if not one.hit), key=lambda one: (one.return_pct, one.signal_id))
        if len(lost) >= SMALLEST_GROUP:
            mean = -sum((one.return_pct for one in lost), Decimal(0)) / len(lost)
            whole = int(max(Decimal(0), mean).quantize(Decimal(1), ROUND_HALF_UP))
            examples = tuple(sorted([one.signal_id for one in lost if one.signal_id in shown][:EXAMPLES]))
            found.append(LossGroup(group, len(all_of_it), len(lost), whole, examples))
    return tuple(sorted(found, key=lambda one: (-one.frequency, one.group))[:SHOWN_GROUPS])


def _properties(one: SignalResult) -> Iterable[str]:
    yield f"classification={one.classification}"
    yield f"direction={one.direction}"
    yield "confidence=7_to_10" if one.confidence >= 7 else "confidence=0_to_6"
    for caution in one.cautions:
        yield f"caution={caution}"
    for issue in one.quality_issues:
        yield f"quality_issue={issue}"
