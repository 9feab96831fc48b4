"""How two answers to one question differ: in words, in fields, in decisions. Pure."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from llm_pipeline.replay.decisions import paired

ABSENT = "(absent)"


@dataclass(frozen=True)
class Change:
    """One place where the answers differ: a field's path, or an item's id, and both values."""

    where: str
    then: Any
    now: Any


def text_diff(then: str, now: str) -> list[str]:
    """A unified diff, without the lines that name files; JSON is laid out first, so that a line is a field."""
    lines = difflib.unified_diff(_laid_out(then), _laid_out(now), "then", "now", lineterm="", n=1)
    return [line for line in lines if not line.startswith(("--- ", "+++ "))]


def _laid_out(text: str) -> list[str]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text.splitlines()
    return json.dumps(value, indent=1, ensure_ascii=False).splitlines()


def field_changes(then: Any, now: Any) -> list[Change]:
    """Every leaf that differs, with its path such as `records[3].status`; a value that is only on one side is named
    at its own path, the other side `(absent)`."""
    return list(_walk(then, now, ""))


def _walk(then: Any, now: Any, path: str) -> Iterator[Change]:
    if isinstance(then, dict) and isinstance(now, dict):
        for key in dict.fromkeys((*then, *now)):
            yield from _walk(then.get(key, ABSENT), now.get(key, ABSENT), f"{path}.{key}" if path else str(key))
    elif isinstance(then, list) and isinstance(now, list):
        for n in range(max(len(then), len(now))):
            left = then[n] if n < len(then) else ABSENT
            right = now[n] if n < len(now) else ABSENT
            yield from _walk(left, right, f"{path}[{n}]")
    elif type(then) is not type(now) or then != now:
        yield Change(path or "(whole answer)", then, now)


def decision_changes(then: Mapping[str, str], now: Mapping[str, str]) -> list[Change]:
    """The items whose label differs."""
    return [Change(item, *both) for item, both in paired(then, now).items() if both[0] != both[1]]
