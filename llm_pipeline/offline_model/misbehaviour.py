"""What the content faults do to an honest answer.

Belongs here: pure functions from an answer to a wrong one. Faults about items touch only the records that the
fault names (all of them where it names none).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

from llm_pipeline.offline_model.answers import Json, Rules
from llm_pipeline.offline_model.faults import Firing

INJECTION = re.compile(r"(?i)\b(ignore|disregard|forget)\b.{0,40}\b(previous|prior|above|earlier|all)\b")
"""What the disobedient model takes for an instruction when it stands inside the data."""

REFUSAL = "I'm sorry, but I can't help with evaluating the financial activity of named public officials."
THOUGHTS = 'Let me look at the records one by one. The first seems fine, but wait, {"maybe": not}.'

FOREIGN_ID = "ffffffff-0000-4000-8000-000000000000"


@dataclass(frozen=True)
class Spoken:
    """What the message says: its content and, apart from it, its thinking."""

    content: str
    thinking: str = ""


def _items(answer: Json, rules: Rules) -> list[Json]:
    return list(answer[rules.ITEMS[0]])


def _with_items(answer: Json, rules: Rules, items: list[Json]) -> Json:
    return {**answer, rules.ITEMS[0]: items}


def _half(evidence: Json, answer: Json, rules: Rules) -> Json:
    items = _items(answer, rules)
    return _with_items(answer, rules, items[: len(items) // 2])


def _doubled_ids(evidence: Json, answer: Json, rules: Rules) -> Json:
    items = _items(answer, rules)
    return _with_items(answer, rules, [*items[:1], *items])


def _foreign_ids(evidence: Json, answer: Json, rules: Rules) -> Json:
    items = _items(answer, rules)
    return _with_items(answer, rules, [{**item, rules.ITEMS[1]: FOREIGN_ID} for item in items[:1]] + items[1:])


def _one_based_ids(evidence: Json, answer: Json, rules: Rules) -> Json:
    numbered = [{**item, rules.ITEMS[1]: str(n)} for n, item in enumerate(_items(answer, rules), 1)]
    return _with_items(answer, rules, numbered)


def _invalid_schema(evidence: Json, answer: Json, rules: Rules) -> Json:
    broken = []
    for item in _items(answer, rules):
        keys = [key for key in item if key != rules.ITEMS[1]]
        broken.append({rules.ITEMS[1]: item[rules.ITEMS[1]], **dict.fromkeys(keys[:-1], "quite likely")})
    return _with_items(answer, rules, broken)


_ON_ANSWER: dict[str, Callable[[Json, Json, Rules], Json]] = {
    "half": _half,
    "doubled_ids": _doubled_ids,
    "foreign_ids": _foreign_ids,
    "one_based_ids": _one_based_ids,
    "invalid_schema": _invalid_schema,
    "contradicting": lambda evidence, answer, rules: rules.contradict(evidence, answer),
    "invented": lambda evidence, answer, rules: rules.invent(evidence, answer),
    "obeys_injection": lambda evidence, answer, rules: rules.obey(evidence, answer),
}
_PER_ITEM = ("contradicting", "invented", "obeys_injection", "invalid_schema")

_ON_TEXT: dict[str, Callable[[str], Spoken]] = {
    "fenced": lambda text: Spoken(f"```json\n{text}\n```"),
    "thinking": lambda text: Spoken(f"<think>\n{THOUGHTS}\n</think>\n\n{text}"),
    "thinking_only": lambda text: Spoken("", text),
    "refusal": lambda text: Spoken(REFUSAL),
    "empty": lambda text: Spoken(""),
    "invalid_json": lambda text: Spoken(text[: len(text) * 2 // 3]),
}


def _only_touched(honest: Json, wrong: Json, rules: Rules, touched: frozenset[str]) -> Json:
    """The wrong answer for touched records, the honest one for the others."""
    key, name = rules.ITEMS
    pairs = zip(honest[key], wrong[key], strict=True)
    return {**wrong, key: [bad if str(good[name]) in touched else good for good, bad in pairs]}


def speak(evidence: Json, honest: Json, rules: Rules, firings: Collection[Firing]) -> Spoken:
    """The text of an answer after every content fault among `firings` has had its way, in their order."""
    answer = honest
    for firing in firings:
        change = _ON_ANSWER.get(firing.fault.kind)
        if change is None or (firing.fault.kind == "obeys_injection" and not INJECTION.search(json.dumps(evidence))):
            continue
        wrong = change(evidence, answer, rules)
        if firing.fault.kind in _PER_ITEM and (firing.fault.record_id or firing.fault.text):
            wrong = _only_touched(answer, wrong, rules, firing.record_ids)
        answer = wrong
    spoken = Spoken(json.dumps(answer, separators=(",", ":")))
    for firing in firings:
        if firing.fault.kind in _ON_TEXT:
            spoken = _ON_TEXT[firing.fault.kind](spoken.content)
    return spoken
