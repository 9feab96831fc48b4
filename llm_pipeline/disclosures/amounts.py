"""The amount ranges that disclosure reports use, and the reading of a range from text.

Belongs here: the statutory bands and how they are spelt. Does not belong here: what a strange amount means
for validation. Legal source of the bands: Ethics in Government Act, 5 U.S.C. 13104(d)(1)."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class AmountRange:
    """One band: index 1-11 (smallest first), whole dollars low and high inclusive, high None = no upper
    bound."""

    index: int
    low: int
    high: int | None
    label: str


RANGES: tuple[AmountRange, ...] = (
    AmountRange(1, 0, 1_000, "$1,000 or less"),
    AmountRange(2, 1_001, 15_000, "$1,001 - $15,000"),
    AmountRange(3, 15_001, 50_000, "$15,001 - $50,000"),
    AmountRange(4, 50_001, 100_000, "$50,001 - $100,000"),
    AmountRange(5, 100_001, 250_000, "$100,001 - $250,000"),
    AmountRange(6, 250_001, 500_000, "$250,001 - $500,000"),
    AmountRange(7, 500_001, 1_000_000, "$500,001 - $1,000,000"),
    AmountRange(8, 1_000_001, 5_000_000, "$1,000,001 - $5,000,000"),
    AmountRange(9, 5_000_001, 25_000_000, "$5,000,001 - $25,000,000"),
    AmountRange(10, 25_000_001, 50_000_000, "$25,000,001 - $50,000,000"),
    AmountRange(11, 50_000_001, None, "Over $50,000,000"),
)
"""The bands in ascending order; `RANGES[n - 1].index == n`."""

SPOUSE_OR_CHILD_OVER_1M = AmountRange(8, 1_000_001, None, "Over $1,000,000")
"""Assets solely of a spouse or dependent child may be reported in this one open band, 5 U.S.C.
13104(d)(1)."""

_OTHER_SPELLINGS: dict[str, AmountRange] = {
    "$0 - $1,000": RANGES[0],
    "$1 - $1,000": RANGES[0],
    "$1,000 or less": RANGES[0],
    "None (or less than $1,001)": RANGES[0],
    "Over $1,000,000": SPOUSE_OR_CHILD_OVER_1M,
    "Spouse/DC Over $1,000,000": SPOUSE_OR_CHILD_OVER_1M,
    "Spouse/DC Amount Over $1,000,000": SPOUSE_OR_CHILD_OVER_1M,
}


def _squeeze(text: str) -> str:
    return re.sub(r"\s+", "", text).lower()


_BY_SPELLING: dict[str, AmountRange] = {
    _squeeze(spelling): band for spelling, band in {**{band.label: band for band in RANGES}, **_OTHER_SPELLINGS}.items()
}


def parse_amount(text: str | None) -> AmountRange | None:
    """The band that a text names, or None where it is not a standard range.

    Spaces and letter case do not count ("$1,001-$15,000" is the range, so is "over $50,000,000"); nothing
    else is forgiven: a missing bound, a missing dollar sign or other limits ("$1,000 - $15,000") are not a
    standard range."""
    if not text:
        return None
    return _BY_SPELLING.get(_squeeze(text))


def label_for(low: int | None, high: int | None) -> str:
    """The text of a range as eFD writes it: the band's own label where the bounds are a band's.

    Other bounds are written the same way, so that they are readable and recognisably not standard. Both
    bounds missing is the empty text."""
    for band in (*RANGES, SPOUSE_OR_CHILD_OVER_1M):
        if (band.low, band.high) == (low, high):
            return band.label
    if low is None:
        return "" if high is None else f"${high:,} or less"
    return f"Over ${low - 1:,}" if high is None else f"${low:,} - ${high:,}"
