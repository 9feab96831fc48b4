"""Facts that a model's sentences assert: numbers, dates, tickers and ids, each looked up in what it was shown. Pure.

Belongs here: reading claims out of prose. A sentence may weigh and explain, but every figure and name of a paper in it
must stand in the evidence.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, localcontext
from functools import cached_property
from typing import Any, Literal

TextCode = Literal["text_number", "text_date", "text_ticker", "text_id"]

_DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")
_ID = re.compile(r"\b(?:cand|case)-[0-9a-f]+|\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.I)
# Exponents of three digits at most: hostile text has longer ones, which no arithmetic survives.
_NUMBER = re.compile(r"(?<![\w.])-?\d[\d,]*(?:\.\d+)?(?:[eE]-?\d{1,3})?")
_CAPITALS = re.compile(r"\$?\b[A-Z]{2,5}(?:\.[A-Z])?\b")
_ABBREVIATIONS = frozenset(
    ("US", "USA", "SEC", "ETF", "IPO", "CEO", "CFO", "GICS", "NYSE", "STOCK", "PTR", "OTC", "UTC", "FDR", "SD", "CI")
)
_OF_THE_METHOD = re.compile(r"\b(?:48[- ]hours?|(?:2|7|14|30|90)[- ]days?|12[- ]months?)\b")
"""Lengths that belong to the method and may be named: clusters of 48 hours, windows of 30 and 90 days, 7 and 14 days
to an event, a baseline of 12 months."""


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
    found += [("text_date", one) for one in _DATE.findall(text) if one not in shown.dates]
    bare = _OF_THE_METHOD.sub(" ", _bare(text))
    found += [("text_number", one) for one in _NUMBER.findall(bare) if not _confirmed(one, shown.numbers)]
    known = shown.words | _ABBREVIATIONS
    found += [("text_ticker", one) for one in _CAPITALS.findall(bare) if one.lstrip("$") not in known]
    return found
