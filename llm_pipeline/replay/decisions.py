"""What an answer decides, item by item: the labels that two answers to one question are compared by. Pure.

A slice adds its interrogation with `register_decisions`. Without an entry the whole answer is one item, its label a
hash: such answers are the same or not.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from llm_pipeline.hashing import sha256_hex
from llm_pipeline.replay.errors import ReplayError

NOT_NAMED = "(none)"
"""The label of an item that a valid answer does not name."""
CONTRADICTORY = "(contradictory)"
"""The label of an item that one answer decides in two ways."""
WHOLE = "answer"

Answer = Mapping[str, Any]
Decisions = Callable[[Answer], Iterable[tuple[str, str]]]


def _gate(answer: Answer) -> Iterable[tuple[str, str]]:
    return ((one["record_id"], one["status"]) for one in answer["records"])


def _detection(answer: Answer) -> Iterable[tuple[str, str]]:
    yield from ((one["candidate_id"], "upheld") for one in answer["signals"])
    yield from ((one["candidate_id"], "rejected") for one in answer["rejected_candidates"])


def _lineage(answer: Answer) -> Iterable[tuple[str, str]]:
    return ((answer["record_id"], answer["recommended_action"]),)


_REGISTERED: dict[str, Decisions] = {
    "validation_gate": _gate,
    "anomaly_detection": _detection,
    "lineage_audit": _lineage,
}


def register_decisions(interrogation: str, decisions: Decisions) -> None:
    """Say how the answers of an interrogation decide: pairs of item id and label from the answer as JSON.

    Raises:
        ValueError: the interrogation has an entry already.
    """
    if interrogation in _REGISTERED:
        raise ValueError(f"the decisions of {interrogation} are registered already")
    _REGISTERED[interrogation] = decisions


def labels_of(interrogation: str, answer: Answer) -> dict[str, str]:
    """The label of each item that an answer names.

    Raises:
        ReplayError: the answer has not the shape that the interrogation's answers have.
    """
    decide = _REGISTERED.get(interrogation)
    if decide is None:
        return {WHOLE: sha256_hex(json.dumps(answer, sort_keys=True, default=str))[:12]}
    labels: dict[str, str] = {}
    try:
        for item, label in decide(answer):
            labels[item] = label if labels.get(item, label) == label else CONTRADICTORY
    except (KeyError, TypeError) as error:
        raise ReplayError(
            f"the stored answer is none of {interrogation} as it is today: {error!r} is missing"
        ) from error
    return labels


def paired(then: Mapping[str, str], now: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Both labels of every item that either answer names, by item."""
    return {item: (then.get(item, NOT_NAMED), now.get(item, NOT_NAMED)) for item in sorted(then.keys() | now.keys())}
