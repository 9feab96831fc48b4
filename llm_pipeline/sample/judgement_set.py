"""A labelled set of questions that no table answers: tickers and companies that do not exist, so that only the sense of
a record tells whether they belong together.

Belongs here: such records and their labels, in the format of `gate_set.py`. Rules leave all of them open; what comes
out right shows what a model and its prompt are worth.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date

from llm_pipeline.sample.filings import FilingMaker
from llm_pipeline.sample.gate_set import Record, clean_record

_FIRST = (
    *("Bel", "Cor", "Dra", "Fen", "Gal", "Hul", "Jas", "Kel"),
    *("Lor", "Mov", "Nar", "Pel", "Quo", "Rud", "Tav", "Vol"),
)
_MIDDLE = ("bri", "dan", "gru", "lix", "mor", "nev", "pax", "ris", "sol", "tur", "vex", "zen")
_TRADES = ("Aggregates", "Bakeries", "Ceramics", "Forwarding", "Looms", "Orchards", "Pumps", "Rentals", "Timber")
_FORMS = ("Inc.", "Corp.", "Holdings, Inc.", "PLC", "Co.")
_NO_ASSET = ("see attached statement", "see account above", "as per broker letter", "value at end", "details to follow")
_MONTHS = ("January", "March", "April", "June", "July", "September", "October", "December")
BATCH = 40
MOST = 400
"""Lines: there are about a thousand different invented tickers, and none may stand in two records."""
TURNS = ("clean", "mismatch", "clean", "renamed", "mismatch", "no_asset", "clean", "renamed", "mismatch", "no_asset")
"""What the lines are in turn; half of them are clean."""


def judgement_lines(n: int, seed: int, *, end: date) -> Iterator[Record]:
    """`n` lines {batch_id, record, label}: company and ticker invented.

    Half are clean: a ticker made from the name, or from a former name that the description states. The other half has
    the ticker of another invented company (`ticker_asset_mismatch`) or a description that names no asset
    (`no_asset_name`). No ticker is there twice, so that no line tells anything about another.

    Raises:
        ValueError: more than 400 lines.
    """
    if n > MOST:
        raise ValueError(f"there are not enough invented tickers for {n} lines; ask for {MOST} at most")
    maker = FilingMaker(random.Random(f"judgement {seed}"))
    rng = maker.rng
    names = _names(rng)
    for number in range(n):
        turn = TURNS[number % len(TURNS)]
        name, other = next(names), next(names)
        record = {field: value for field, value in clean_record(maker, end).items() if field != "_sector"}
        described, kind = _described(turn, name, other, number, rng)
        yield {
            "batch_id": f"judgement-{seed}-{number // BATCH:03d}",
            "record": {**record, "ticker": _ticker(name), "asset_description": described},
            "label": {
                "is_defect": kind is not None,
                "kind": kind,
                "step": "semantic" if kind else None,
                "field": "asset_description" if kind else None,
                "expected": "flag" if kind else "accept",
                "accept": ["flag", "reject"] if kind else ["accept"],
                "detail": turn,
            },
        }


def _described(turn: str, name: str, other: str, number: int, rng: random.Random) -> tuple[str, str | None]:
    if turn == "mismatch":
        return f"{other} {rng.choice(_TRADES)} {rng.choice(_FORMS)}", "ticker_asset_mismatch"
    if turn == "no_asset":
        told = f"{_NO_ASSET[number % len(_NO_ASSET)]}, {_MONTHS[number % len(_MONTHS)]} {number + 1}"
        return told, "no_asset_name"
    if turn == "renamed":
        return f"{other} {rng.choice(_TRADES)} {rng.choice(_FORMS)} (formerly {name} {rng.choice(_FORMS)})", None
    return f"{name} {rng.choice(_TRADES)} {rng.choice(_FORMS)}", None


def _names(rng: random.Random) -> Iterator[str]:
    """Words without end in pairs of different first letters; no two firsts of a pair give the same ticker."""
    seen: set[str] = set()
    while True:
        first, second = (word + "".join(rng.sample(_MIDDLE, 2)) for word in rng.sample(_FIRST, 2))
        if _ticker(first) not in seen:
            seen.add(_ticker(first))
            yield from (first, second)


def _ticker(name: str) -> str:
    """First letter and consonants of a name: Quodanvex is QDNX."""
    letters = [letter for letter in name[1:].upper() if letter not in "AEIOU"]
    return name[0].upper() + "".join([*letters[:2], letters[-1]])
