"""Company names: their distinctive words, and how far two names name the same company.

Belongs here: normalisation of issuer and asset names and their comparison, as pure functions of text.
Does not belong here: which name a ticker has (`tickers`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

from rapidfuzz.distance import JaroWinkler

_NOISE = """
    inc incorporated corp corporation co cos company companies ltd limited plc lp llp llc lllp sa nv
    ag se ab asa oyj spa kgaa bv pcl bhd kk the of and a an for common com stock stocks share shares shs
    sh class cl series ser ordinary ord adr ads adrs gdr american depositary depository receipt receipts
    registered reg registry new nyse nasdaq nasdaqgs nasdaqgm otc otcmkts amex arca bats tsx lse etf etn
    units unit unt beneficial interest representing par voting non nonvoting cap partnership warrant
    warrants right rights pfd preferred del de md usd option options strike expires expiration
"""
NOISE_WORDS: frozenset[str] = frozenset(_NOISE.split())
"""Words that say what kind of paper or company it is, not which one."""

NEUTRAL_WEIGHT = 1.0

LONGEST_NAME = 500
"""Characters of a name that are read; the longest real description has about 300, comparing is quadratic."""


def neutral(_word: str) -> float:
    """Every word counts the same."""
    return NEUTRAL_WEIGHT


def _plain(text: str) -> str:
    text = unicodedata.normalize("NFKD", text)
    return "".join(c for c in text if not unicodedata.combining(c)).lower()


@lru_cache(maxsize=65_536)
def all_words(text: str) -> tuple[str, ...]:
    """The words of a name, lower case, without punctuation: "AT&T Inc. (NYSE)" -> ("att", "inc", "nyse")."""
    text = _plain(text[:LONGEST_NAME])
    text = re.sub(r"[/\\][a-z]{2,3}[/\\]?\s*$", " ", text)  # the SEC's state suffix: "/DE/"
    text = re.sub(r"(?<=\w)&(?=\w)", "", text)
    text = re.sub(r"['’`*!]", "", text)
    text = re.sub(r"\b((?:[a-z]\.)+)(?=[a-z]?\b|\s|$)", lambda m: m[1].replace(".", ""), text)
    text = re.sub(r"\.com\b", " com", text)
    words = re.sub(r"[^a-z0-9]+", " ", text).split()
    joined: list[str] = []
    initials = False  # "C. R. Bard" and "CR Bard" are one: single letters in a row become one word
    for word in words:
        single = len(word) == 1 and word.isalpha()
        if single and initials:
            joined[-1] += word
        else:
            joined.append(word)
        initials = single
    return tuple(joined)


_TERMS = re.compile(r"\b(?:option type|strike price|rate/coupon|coupon rate|matures|maturity date)\b.*", re.I | re.S)


@lru_cache(maxsize=65_536)
def core_words(text: str) -> tuple[str, ...]:
    """The distinctive words of a name without the terms of a contract; where all are noise, all of them."""
    words = all_words(_TERMS.sub("", text[:LONGEST_NAME])) or all_words(text)
    classless = [
        w for i, w in enumerate(words) if not (len(w) == 1 and i and words[i - 1] in ("class", "cl", "series", "ser"))
    ]
    return tuple(w for w in classless if w not in NOISE_WORDS) or words


def _is_abbreviation(short: str, long: str) -> bool:
    """Whether one word shortens another: "intl" -> international, "comm" -> communications, "svcs" ->
    services.
    """
    if len(short) < 3 or len(short) >= len(long) or short[0] != long[0]:
        return False
    if long.startswith(short):
        return True
    if len(short) > 5:
        return False
    rest = iter(long[1:])
    return all(letter in rest for letter in short[1:]) and not any(v in short[1:-1] for v in "aeiou")


@lru_cache(maxsize=262_144)
def same_word(a: str, b: str) -> bool:
    """Equal, an abbreviation of each other, plural, or one typing error apart (Jaro-Winkler >= 0.93 from
    5 letters).
    """
    if a == b:
        return True
    short, long = sorted((a, b), key=len)
    if _is_abbreviation(short, long):
        return True
    return len(short) >= 5 and JaroWinkler.similarity(a, b) >= 0.93


def _initials(words: tuple[str, ...]) -> str:
    return "".join(w[0] for w in words if w not in ("of", "and", "the"))


def resemblance(a: str, b: str, weight: Callable[[str], float] = neutral, *, of_longer: bool = False) -> float:
    """How much of one name is in the other, 0 to 1, words weighted by `weight`.

    Measured against the lighter name ("Fox" is all in "Twenty-First Century Fox"), or with `of_longer`
    against the heavier one (1 = the same name). Run-together spellings ("Wal-Mart", "WalMart") and
    initials ("IBM") count as equal.
    """
    words_a, words_b = core_words(a), core_words(b)
    if not words_a or not words_b:
        return 0.0
    if words_a == words_b or "".join(words_a) == "".join(words_b):
        return 1.0
    for short, long in ((words_a, all_words(b)), (words_b, all_words(a))):
        if len(short) == 1 and 2 <= len(short[0]) <= 5 and len(long) >= 2 and _initials(long).startswith(short[0]):
            return 1.0
    return _shared_weight(words_a, words_b, weight, of_longer)


def _shared_weight(a: tuple[str, ...], b: tuple[str, ...], weight: Callable[[str], float], of_longer: bool) -> float:
    left = list(b)
    shared_a = shared_b = 0.0
    for word in a:
        other = next((o for o in left if same_word(word, o)), None)
        if other is None:
            other = next((o for o in left if len(word) >= 5 and len(o) >= 5 and _runs_into(word, o)), None)
        if other is not None:
            left.remove(other)
            shared_a += weight(word)
            shared_b += weight(other)
    total_a, total_b = sum(map(weight, a)), sum(map(weight, b))
    if of_longer:
        return min(shared_a / total_a, shared_b / total_b)
    return shared_a / total_a if total_a <= total_b else shared_b / total_b


def _runs_into(a: str, b: str) -> bool:
    """One long word begins with the other: "viacomcbs" and "viacom"."""
    return a.startswith(b) or b.startswith(a)
