"""Text damaged by optical character recognition: filer names, asset descriptions, tickers.

Belongs here: which characters scanners confuse, and the judgement whether a text shows such damage. A
word is garbled only on positive evidence: a character that names do not contain, or a word nobody knows
that becomes a known word once the confusions are undone. "3M", "8x8", "F5", "Yum!", "E*TRADE", bond
descriptions with digits stay innocent.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from functools import lru_cache

from llm_pipeline.validation.names import LONGEST_NAME, all_words, core_words
from llm_pipeline.validation.tickers import ListedNames, TickerNames, ticker_key

# Letters and signs that look alike to a scanner share one representative; pairs of letters come first.
_PAIRS = (("rn", "m"), ("vv", "w"), ("cl", "d"))
_SINGLES = str.maketrans(
    {
        **dict.fromkeys("1l|!ij", "i"),
        **dict.fromkeys("0oq", "o"),
        **dict.fromkeys("5$s", "s"),
        **dict.fromkeys("86b", "b"),
        **dict.fromkeys("c3e€", "e"),
        **dict.fromkeys("@4a", "a"),
        **dict.fromkeys("2z", "z"),
        **dict.fromkeys("7t+", "t"),
        **dict.fromkeys("9g", "g"),
        **dict.fromkeys("uv", "u"),
    }
)
_TICKER_LETTERS = {
    "0": "ODQ",
    "1": "IL",
    "!": "IL",
    "|": "IL",
    "5": "S",
    "$": "S",
    "8": "B",
    "2": "Z",
    "6": "GB",
    "4": "A",
    "@": "A",
    "7": "T",
    "9": "G",
    "3": "E",
    "+": "T",
}

_WORD = re.compile(r"[^\s,;:()\[\]{}\"/&.\-–—]+")
_ORDINAL = re.compile(r"[0-9]+(?:st|nd|rd|th|s|x|d|k|m|mm|yr|pt)?", re.IGNORECASE)
_SIGN_IN_WORD = re.compile(r"[A-Za-z][@|\\~^_={}<>§¥£€][A-Za-z]|[A-Za-z]\$[a-z]|[a-z]![a-z]")
_AT_EDGE = re.compile(r"(?:^|[\s(])@[A-Za-z]{2,}|[A-Za-z]{2,}@(?=$|[\s,.)])")
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.[a-z]{2,}", re.IGNORECASE)
_UNPRINTABLE = re.compile("[\ufffd\u2400\x00-\x08\x0b\x0c\x0e-\x1f]|Ã[\x80-\xbf©¨¼±]|â€")
_NOT_IN_A_NAME = re.compile(r"[^\w\s.,'’`\"“”()&/\-–]|_")
_DAMAGED_THE = re.compile(r"^(?:Thc|Tne|Tbe|Tlie|7he)\b")
_SMALL_L_FOR_I = re.compile(r"(?<![A-Za-z0-9])l[A-Z]{2}")
_DIGIT_IN_LOWER_CASE = re.compile(r"[a-z][0-9]+[a-z]{2,}|[A-Z][a-z]+[0158][a-z]+|\b[015][a-z]{3,}")


def skeletons(word: str) -> tuple[str, ...]:
    """A word with every confusable character replaced by its class: "Genera1" and "General" share one.

    Two forms, with pairs of letters read as one ("rn" as m) and without: "Shcldon" is no "Shddon".
    """
    plain = word.lower()
    paired = plain
    for pair, letter in _PAIRS:
        paired = paired.replace(pair, letter)
    forms = (paired.translate(_SINGLES), plain.translate(_SINGLES))
    return forms[:1] if forms[0] == forms[1] else forms


def look_alike(a: str, b: str) -> bool:
    """Whether a scanner could read one word as the other."""
    return not set(skeletons(a)).isdisjoint(skeletons(b))


def _by_skeleton(words: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for word in words:
        if word.replace(" ", "").isalpha() and len(word) >= 3:
            for shape in skeletons(word):
                found[shape].append(word)
    return found


@lru_cache(maxsize=4)
def _learn_words(listed: ListedNames) -> tuple[frozenset[str], dict[str, list[str]]]:
    """From a table of names: the three-letter groups that occur, and the words by skeleton (0.1 s)."""
    groups = frozenset(group for word in listed.word_count if word.isalpha() for group in _groups_of(word))
    return groups, _by_skeleton(listed.word_count)


class GarbleDetector:
    """Judges texts against the words of known company names and the names of known filers. Answers are
    cached.
    """

    def __init__(self, names: TickerNames, filers: Mapping[str, int] | None = None) -> None:
        self._names = names
        self._filers: Counter[str] = Counter()
        for filer, rows in (filers or {}).items():
            self._filers[" ".join(all_words(filer))] += rows
        self._filer_words: Counter[str] = Counter()
        for filer, rows in self._filers.items():
            for word in filer.split():
                self._filer_words[word] += rows
        self._groups, self._company = _learn_words(names.listed)
        self._reported = _by_skeleton(names.reported.words)
        self._people = _by_skeleton(self._filer_words)
        self._full_names = _by_skeleton(self._filers)
        self._cache: dict[tuple[str, str, str], str | None] = {}

    @staticmethod
    def _alike(word: str, known: Mapping[str, list[str]]) -> list[str]:
        return [other for shape in skeletons(word) for other in known.get(shape, []) if other != word]

    def _cached(self, kind: str, text: str, ticker: str) -> str | None:
        text = text[:LONGEST_NAME]
        key = (kind, text, ticker)
        if key not in self._cache:
            self._cache[key] = {"filer": self._filer, "asset": self._asset, "ticker": self._ticker}[kind](text, ticker)
        return self._cache[key]

    def filer_name(self, text: str) -> str | None:
        """Why a filer's name looks garbled, in words; None where it does not."""
        return self._cached("filer", text, "")

    def asset_description(self, text: str, ticker: str = "") -> str | None:
        """Why an asset description looks garbled, in words; None where it does not."""
        return self._cached("asset", text, ticker)

    def ticker(self, text: str, asset_description: str) -> str | None:
        """Why a ticker looks garbled (which real ticker it probably is), in words; None where it does not."""
        return self._cached("ticker", text, asset_description)

    def _filer(self, text: str, _: str) -> str | None:
        if reason := _foreign_signs(text):
            return reason
        if sign := _NOT_IN_A_NAME.search(text):
            return f"the sign {sign[0]!r} in a name"
        for word in _WORD.findall(text):
            if any(c.isdigit() for c in word) and any(c.isalpha() for c in word) and not _ORDINAL.fullmatch(word):
                return f"digits inside the word {word!r}"
        name = " ".join(all_words(text))
        rows = self._filers[name]
        for other in self._alike(name, self._full_names):
            if self._filers[other] > max(1, rows):
                return f"reads like the filer {other!r}"
        for word in name.split():
            if len(word) < 4 or self._names.word_count[word]:
                continue
            own = self._filer_words[word]
            for other in self._alike(word, self._people):
                if self._filer_words[other] > max(1, 3 * own):
                    return f"{word!r} reads like {other!r}"
            if not own or own == rows:  # only this filer has the word, and it is a company's or family's name undone
                known = [w for w in self._alike(word, self._company) if self._names.word_count[w] >= 3]
                if known and len(word) >= 5:
                    return f"{word!r} reads like {known[0]!r}"
        return None

    def _asset(self, text: str, ticker: str) -> str | None:
        if reason := _foreign_signs(text):
            return reason
        if found := _SMALL_L_FOR_I.search(text) or _DAMAGED_THE.search(text):
            return f"letters misread: {text[found.start() : found.end() + 8]!r}"
        of_ticker = {w for n in self._names.listed_names(ticker) for w in all_words(n)} if ticker else set()
        if ticker:
            reported = self._names.reported.by_ticker.get(ticker_key(ticker), Counter())
            own = reported[core_words(text)]
            of_ticker |= {w for core, rows in reported.items() if rows >= max(1, own) for w in core}
        for word in _WORD.findall(text):
            if reason := self._asset_word(word, of_ticker):
                return reason
        return None

    def _asset_word(self, raw: str, of_ticker: set[str]) -> str | None:
        plain = "".join(c for c in unicodedata.normalize("NFKD", raw) if not unicodedata.combining(c))
        word = plain.lower().strip("'’*!?$%#+=<>").replace("'", "").replace("’", "")
        if len(word) < 3 or not any(c.isalpha() for c in word) or _ORDINAL.fullmatch(word):
            return None
        if self._names.word_count[word] or raw.endswith("%"):
            return None
        for other in self._alike(word, self._company) + self._alike(word, self._reported):
            if self._is_usual(other, word, of_ticker):
                return f"{raw!r} reads like {other!r}"
        letters = sum(c.isalpha() for c in word)
        if letters >= 4 and _DIGIT_IN_LOWER_CASE.search(raw) and not raw.isupper():
            return f"a digit inside the word {raw!r}"
        return None

    def _is_usual(self, other: str, word: str, of_ticker: set[str]) -> bool:
        """Whether a look-alike is the right spelling of an unknown word: common, usual in filings, the
        company's own, or made of letter groups that occur in names where the word's do not.
        """
        names, filed = self._names.word_count, self._names.reported.words
        odder = self._odd_groups(word) - self._odd_groups(other)
        if len(word) == 3 and names[other] < 500:
            return other in of_ticker and (odder > 0 or names[other] > 0)
        if names[other] >= 15 or filed[other] >= max(2, 5 * filed[word] - 3):
            return True
        if names[other] and other in of_ticker:
            return True
        return (
            (other in of_ticker and odder > 0) or (names[other] >= 3 and odder > 0) or (names[other] > 0 and odder > 1)
        )

    def _odd_groups(self, word: str) -> int:
        """Three-letter groups of a word that no listed company's name has, a sign of damage ("prl" in
        Prlceline).
        """
        return sum(group not in self._groups for group in _groups_of(word))

    def _ticker(self, text: str, name: str) -> str | None:
        key = ticker_key(text)
        if not any(c in _TICKER_LETTERS for c in key):
            return self._look_alike(key, name)
        if "-" in key or self._names.listed_names(key):
            return None
        options = [_TICKER_LETTERS.get(c, c) for c in key]
        for letters in itertools.islice(itertools.product(*options), 64):
            undone = "".join(letters)
            if self._names.is_known(undone) and (not name or self._names.fits(undone, name)):
                return f"reads like the ticker {undone}"
        return self._look_alike(key, name)

    def _look_alike(self, key: str, name: str) -> str | None:
        """Letters for letters ("PCP" for PEP): only where the ticker is unknown and the name has a
        look-alike ticker.
        """
        if not name or self._names.is_known(key) or len(key) < 3:
            return None
        alike = sorted(o for o in self._names.owners(name) if o != key and look_alike(o, key))
        return f"reads like the ticker {alike[0]}" if alike else None


def _groups_of(word: str) -> list[str]:
    bounded = f"^{word}$"
    return [bounded[i : i + 3] for i in range(len(bounded) - 2)]


def _foreign_signs(text: str) -> str | None:
    if _UNPRINTABLE.search(text):
        return "characters that no name contains"
    without_mail = _EMAIL.sub(" ", text)
    found = _SIGN_IN_WORD.search(without_mail) or _AT_EDGE.search(without_mail)
    return f"a sign inside a word: {found[0].strip()!r}" if found else None
