"""What a chat request asks: the interrogation's key, the evidence, and the size of the prompt.

Belongs here: reading messages. The form is the project's own prompt contract: the system message holds a line
`Interrogation: <key>`, a user message holds one line of JSON between two fence lines.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

BEGIN = "BEGIN UNTRUSTED DATA"
END = "END UNTRUSTED DATA"

_INTERROGATION = re.compile(r"^Interrogation: *([a-z][a-z0-9_]*) *$", re.MULTILINE)
_FENCED = re.compile(rf"^{BEGIN}\r?\n(.*)\n{END}\r?$", re.MULTILINE)


class UnreadablePromptError(ValueError):
    """The prompt does not follow the project's contract; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: the interrogation's key, its evidence as given, the evidence's text, and the system message."""

    interrogation: str
    evidence: dict[str, Any]
    text: str
    system: str


def tokens_of(text: str) -> int:
    """Tokens by the offline model's own count: one for each begun four characters."""
    return (len(text) + 3) // 4


def prompt_tokens(messages: list[dict[str, Any]]) -> int:
    """Tokens of a whole prompt."""
    return sum(tokens_of(str(message.get("content", ""))) for message in messages)


def read_question(messages: list[dict[str, Any]]) -> Question:
    """The question in a conversation; the last fenced data count, so a repair may repeat them or not.

    Raises:
        UnreadablePromptError: no interrogation line, no fenced data, or the data are not a JSON object.
    """
    system = "\n".join(str(m.get("content", "")) for m in messages if m.get("role") == "system")
    named = _INTERROGATION.search(system)
    if named is None:
        raise UnreadablePromptError("the system message has no line `Interrogation: <key>`")
    fenced = [
        found
        for message in messages
        if message.get("role") == "user"
        for found in _FENCED.findall(str(message.get("content", "")))
    ]
    if not fenced:
        raise UnreadablePromptError(f"no user message has data between the lines `{BEGIN}` and `{END}`")
    try:
        evidence = json.loads(fenced[-1])
    except ValueError as error:
        raise UnreadablePromptError(f"the fenced data are not JSON: {error}") from error
    if not isinstance(evidence, dict):
        raise UnreadablePromptError(f"the fenced data are not a JSON object but {type(evidence).__name__}")
    return Question(named.group(1), evidence, fenced[-1], system)
