"""Facts that a model's sentences assert: numbers, dates, tickers and ids, each looked up in what it was shown. Pure.

Belongs here: reading claims out of prose. A sentence may weigh and explain, but every figure and name of a paper in it
must stand in the evidence, and none speaks of guilt, knowledge or intent.

What cannot be seen here: whether a figure that stands in the evidence is said of the right thing, and names of
companies and people in ordinary letters. The numbers that count are compared one by one in `grounding.py`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, localcontext
from functools import cached_property
from typing import Any, Literal

TextCode = Literal["text_number", "text_date", "text_ticker", "text_id", "text_accusation"]

_DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")
_ID = re.compile(r"\b(?:cand|case)-[0-9a-f]+|\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.I)
_REFERENCE = re.compile(r"\b[A-Za-z][\w:/-]*[-_:/][\w:/-]*\w|\b[A-Za-z]\w{4,}\b")
"""Something like an event's id; counts where it has a digit."""
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"(jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)\.?"
)
_DAY = r"(\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?:,? +(\d{4}))"
_SPELLED_DATE = re.compile(
    rf"\b(?:{_DAY} +(?:of +)?{_MONTH}{_YEAR}?|{_MONTH} +{_DAY}(?!\d){_YEAR}?|{_MONTH}{_YEAR})\b", re.I
)
_SLASHED_DATE = re.compile(r"\b(?:\d{1,2}/\d{1,2}/(?:\d{4}|\d{2})|\d{4}/\d{1,2}/\d{1,2})\b")
_UNITS = (
    *("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen"),
    *("fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety", "hundred")
_NUMBER_WORDS = (
    {word: Decimal(value) for value, word in enumerate(_UNITS, 2)}
    | {word: Decimal(10 * value) for value, word in enumerate(_TENS, 2)}
    | {"dozen": Decimal(12), "thousand": Decimal(1000), "million": Decimal(10**6), "billion": Decimal(10**9)}
)
_SPELLED_NUMBER = re.compile(
    rf"\b(?:{'|'.join(one for one in _NUMBER_WORDS if one.endswith('ty'))})-"
    rf"(?:one|{'|'.join(one for one, value in _NUMBER_WORDS.items() if value < 10)})\b"
    rf"|\b(?:{'|'.join(_NUMBER_WORDS)})(?=s?\b)",
    re.I,
)
_ACCUSATION = re.compile(
    r"\b(?:insider|inside information|non-?public|illegal\w*|illicit\w*|unlawful\w*|crim(?:e|es|inal\w*)|fraud\w*"
    r"|corrupt\w*|brib\w+|guilt\w*|conspir\w+|collu(?:de|sion|ding)\w*|misconduct|wrongdoing|knew|knowingly"
    r"|tipped|tip-?off|motiv\w+|intent(?:ion\w*|s|ded)?)\b",
    re.I,
)
# Exponents of three digits at most: hostile text has longer ones, which no arithmetic survives.
_NUMBER = re.compile(r"(?<![\w.])-?\d[\d,]*(?:\.\d+)?(?:[eE]-?\d{1,3})?")
_CAPITALS = re.compile(r"\$[A-Z]{1,5}(?:\.[A-Z])?\b|\b[A-Z]{2,5}(?:\.[A-Z])?\b")
_ABBREVIATIONS = frozenset(
    ("US", "USA", "SEC", "ETF", "IPO", "CEO", "CFO", "GICS", "NYSE", "STOCK", "PTR", "OTC", "UTC", "FDR", "SD", "CI")
)
_OF_THE_METHOD = re.compile(
    r"\b(?:48[- ]hours?|(?:2|7|14|30|90)[- ]days?|12[- ]months?)\b"
    r"(?! *(?:before|after|prior|ahead|earlier|later|until|from|ago|apart))"
)
"""Lengths that belong to the method and may be named: clusters of 48 hours, windows of 30 and 90 days, 7 and 14 days
to an event, a baseline of 12 months. So many days before or after something are a claim."""


@dataclass(frozen=True)
class Shown:
    """What a model was shown, as the text of its data, ready to look claims up in."""

    data: str

    @classmethod
    def of(cls, variables: Mapping[str, Any]) -> Shown:
        """From the variables of a prompt."""
        return cls(json.dumps(variables, ensure_ascii=False))

    @cached_property
    def dates(self) -> frozenset[str]:
        """ISO dates."""
        return frozenset(_DATE.findall(self.data))

    @cached_property
    def ids(self) -> frozenset[str]:
        """Ids of trades, candidates and cases, in lower case."""
        return frozenset(one.lower() for one in _ID.findall(self.data))

    @cached_property
    def words(self) -> frozenset[str]:
        """Words in capitals."""
        return frozenset(one.lstrip("$") for one in _CAPITALS.findall(self.data))

    @cached_property
    def numbers(self) -> frozenset[Decimal]:
        """Every number outside dates and ids, and each as a percentage."""
        found = {_value(one) for one in _NUMBER.findall(_bare(self.data))}
        return frozenset(abs(one) for one in found) | frozenset(abs(one) * 100 for one in found if abs(one) <= 1)


def _bare(text: str) -> str:
    return _DATE.sub(" ", _ID.sub(" ", text))


def _references(text: str) -> list[str]:
    return [one for one in _REFERENCE.findall(text) if any(letter.isdigit() for letter in one)]


def _spelled_dates(text: str, shown: Shown) -> list[str]:
    """Dates in other than ISO form that are no day, or month, of a date shown."""
    wrong = []
    for found in _SPELLED_DATE.finditer(text):
        day, month, year, month2, day2, year2, month3, year3 = found.groups()
        number = f"{1 + _MONTHS.index((month or month2 or month3)[:3].lower()):02}"
        wanted = (year or year2 or year3, number, (day or day2 or "").zfill(2) if day or day2 else None)
        dates = (one.split("-") for one in shown.dates)
        if not any(all(want in (None, got) for want, got in zip(wanted, one, strict=True)) for one in dates):
            wrong.append(found.group())
    for written in _SLASHED_DATE.findall(text):
        first, second, third = written.split("/")
        iso = f"{first}-{second:0>2}-{third:0>2}" if len(first) == 4 else f"{third:0>4}-{first:0>2}-{second:0>2}"
        if len(third) == 2 and len(first) < 3:
            iso = "20" + iso[2:]
        if iso not in shown.dates:
            wrong.append(written)
    return wrong


def _value(text: str) -> Decimal:
    return Decimal(text.replace(",", ""))


def _confirmed(text: str, shown: Iterable[Decimal]) -> bool:
    value = abs(_value(text))
    exponent = int(value.as_tuple().exponent)
    unit = Decimal(1).scaleb(min(exponent, 0) if exponent > -20 else -20)
    with localcontext(prec=60):  # 15 digits before the point and 20 after it are more than the usual 28
        return any(one == value or (one < 10**15 and one.quantize(unit, ROUND_HALF_UP) == value) for one in shown)


def unsupported(text: str, shown: Shown) -> list[tuple[TextCode, str]]:
    """The claims of a text that nothing shown supports, as (code, the words), in order of kind."""
    found: list[tuple[TextCode, str]] = []
    found += [("text_id", one) for one in _ID.findall(text) if one.lower() not in shown.ids]
    rest = _ID.sub(" ", text)
    for one in _references(rest):
        if one.lower() in shown.data.lower():
            rest = rest.replace(one, " ")
        elif not _SLASHED_DATE.search(one):
            found.append(("text_id", one))
    found += [("text_date", one) for one in _DATE.findall(rest) if one not in shown.dates]
    rest = _DATE.sub(" ", rest)
    found += [("text_date", one) for one in _spelled_dates(rest, shown)]
    bare = _OF_THE_METHOD.sub(" ", _SLASHED_DATE.sub(" ", _SPELLED_DATE.sub(" ", rest)))
    found += [("text_number", one) for one in _NUMBER.findall(bare) if not _confirmed(one, shown.numbers)]
    found += [
        ("text_number", one)
        for one in _SPELLED_NUMBER.findall(bare)
        if sum(_NUMBER_WORDS.get(word, Decimal(1)) for word in one.lower().split("-")) not in shown.numbers
    ]
    known = shown.words | _ABBREVIATIONS
    found += [("text_ticker", one) for one in _CAPITALS.findall(bare) if one.lstrip("$") not in known]
    found += [("text_accusation", one) for one in _ACCUSATION.findall(text)]
    return found
