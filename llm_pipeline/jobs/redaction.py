"""Taking personal numbers and addresses out of evidence. Pure.

What was taken out is kept nowhere: a `Redaction` has its place and a keyed hash, with which somebody who has the text
and the key can prove that it stood there. Without a key, the hash of a social security number falls to trying all 10^9.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

Kind = Literal["email", "ssn", "card", "iban", "account", "phone"]


@dataclass(frozen=True)
class Redaction:
    """Something that was taken out. `start` and `end` count characters of the text as it was."""

    kind: Kind
    start: int
    end: int
    hmac_sha256: str


def _luhn(digits: str) -> bool:
    """The check digit of payment cards (ISO/IEC 7812-1, annex B)."""
    doubled = [int(one) * (2 if place % 2 else 1) for place, one in enumerate(reversed(digits))]
    return sum(one - 9 if one > 9 else one for one in doubled) % 10 == 0


def _is_card(words: str) -> bool:
    digits = re.sub(r"\D", "", words)
    return 13 <= len(digits) <= 19 and _luhn(digits)


def _always(words: str) -> bool:
    return True


BLOT = "\ufffc"
"""In place of a character that was taken out; no word, digit or space."""

# In order: of two that overlap, the earlier one counts. A group `what` is the part that is taken out.
_PATTERNS: tuple[tuple[Kind, re.Pattern[str], Callable[[str], bool]], ...] = (
    ("email", re.compile(r"[\w.+%-]{1,64}@(?:[\w-]{1,63}\.){1,8}[A-Za-z]{2,24}\b"), _always),
    ("ssn", re.compile(r"(?<![\w-])\d{3}([- ])\d{2}\1\d{4}(?![\w-])"), _always),
    ("ssn", re.compile(r"(?i)\b(?:ssn|social security)\b\D{0,20}(?P<what>\d{9})(?!\d)"), _always),
    ("card", re.compile(r"(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w-])"), _is_card),
    ("iban", re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b"), _always),
    (
        "account",
        re.compile(
            r"(?i)\b(?:accounts?|acct|a/c|routing)\b\.?(?:[ \t]*(?:number|num|no|id|ending(?: in)?|[#:.]))*[ \t]*"
            r"(?P<what>[\dx*](?:[ -]?[\dx*]){3,19})(?!\w)"
        ),
        lambda words: sum(one.isdigit() for one in words) >= 3,
    ),
    ("phone", re.compile(r"(?<![\w.-])(?:\+?1[-. ]?)?(?:\(\d{3}\) ?|\d{3}[-. ])\d{3}[-. ]\d{4}(?![\w-])"), _always),
    ("phone", re.compile(r"(?<!\w)\+\d{1,3}(?:[ .()-]{0,2}\d){7,12}(?!\w)"), _always),
)


def redacted(text: str, key: bytes) -> tuple[str, tuple[Redaction, ...]]:
    """The text with `[redacted: kind]` in place of what is personal, and where that stood, in order of place."""
    found = sorted(_found(text, key), key=lambda one: one.start)
    parts, at = [], 0
    for one in found:
        parts += [text[at : one.start], f"[redacted: {one.kind}]"]
        at = one.end
    return "".join([*parts, text[at:]]), tuple(found)


def _found(text: str, key: bytes) -> Iterator[Redaction]:
    left = text
    for kind, pattern, counts in _PATTERNS:
        group = "what" if "what" in pattern.groupindex else 0
        for match in list(pattern.finditer(left)):
            start, end = match.span(group)
            if counts(left[start:end]):
                words = text[start:end].encode("utf-8", "surrogatepass")
                yield Redaction(kind, start, end, hmac.new(key, words, sha256).hexdigest())
                # What is found is blotted out, so that a later pattern finds what stands beside it and not across it.
                left = left[:start] + BLOT * (end - start) + left[end:]
