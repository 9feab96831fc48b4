"""A labelled set for `gate evaluate`: synthetic records, some with one of 13 kinds of defect, as JSON lines.

Belongs here: model-facing records, the defects done to them, the labels. The same kinds as the shared
benchmark set, with own mutations, so that a gate cannot be tuned to one set's habits.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from llm_pipeline.sample.filings import BANDS, HOUSE, SENATE, FilingMaker
from llm_pipeline.sample.people import REPRESENTATIVES, SENATORS
from llm_pipeline.sample.row_defects import garble, other_company

BATCH = 50
DEFECT_SHARE = 0.36
FIRST_FILED, LAST_FILED = 1000, 320
"""Days before the end date between which records are filed; a late one is filed up to 255 days later still."""

Record = dict[str, Any]

_NOT_CLEAN = ["flag", "reject"]


@dataclass(frozen=True)
class _Spoilt:
    """A record after a mutation, and what its label says about it."""

    record: Record
    step: str
    field: str
    expected: str
    accept: list[str]
    detail: str | None = None


Mutation = Callable[[Record, random.Random], _Spoilt]


def _missing(record: Record, rng: random.Random) -> _Spoilt:
    name = rng.choice(
        ("filer_name", "transaction_date", "filing_date", "transaction_type", "amount_range", "source_url", "ticker")
    )
    weak = name in ("source_url", "ticker")
    value = rng.choice(("", "--", None))
    return _Spoilt(
        {**record, name: value},
        "schema",
        name,
        "flag" if weak else "reject",
        _NOT_CLEAN if weak else ["reject"],
        repr(value),
    )


def _impossible(record: Record, rng: random.Random) -> _Spoilt:
    name = rng.choice(("transaction_date", "filing_date"))
    month, day = rng.choice((("02", "30"), ("04", "31"), ("09", "31"), ("13", "12"), ("11", "00")))
    value = f"{record[name][:4]}-{month}-{day}"
    return _Spoilt({**record, name: value}, "schema", name, "reject", ["reject"], value)


def _unknown_word(record: Record, rng: random.Random) -> _Spoilt:
    name, value = rng.choice(
        (
            ("filer_chamber", "Parliament"),
            ("asset_type", "Shares??"),
            ("transaction_type", "Barter"),
            ("transaction_type", "Purchaser"),
            ("extraction_method", "divination"),
        )
    )
    accept = _NOT_CLEAN if name == "extraction_method" else ["reject"]
    return _Spoilt({**record, name: value}, "schema", name, "reject", accept, value)


def _odd_amount(record: Record, rng: random.Random) -> _Spoilt:
    value = rng.choice(("$1,000 - $15,000", "$15,001 - $45,000", "$12,500", "$50,001 -", "1,001 to 15,000 dollars"))
    return _Spoilt({**record, "amount_range": value}, "schema", "amount_range", "flag", _NOT_CLEAN, value)


def _odd_address(record: Record, rng: random.Random) -> _Spoilt:
    url = str(record["source_url"])
    value = rng.choice(
        (
            url.replace(".gov/", ".gov.report-archive.example/"),
            url.replace("https://", "ftp://"),
            "https://example.org/filings/" + url.rstrip("/").rsplit("/", 1)[-1],
            url[: len(url) * 2 // 3],
        )
    )
    return _Spoilt({**record, "source_url": value}, "schema", "source_url", "flag", _NOT_CLEAN, value)


def _late(record: Record, rng: random.Random) -> _Spoilt:
    days = rng.randrange(46, 300)
    filed = date.fromisoformat(record["transaction_date"]) + timedelta(days=days)
    changed = {**record, "filing_date": filed.isoformat(), "extraction_ts": _read_at(filed, rng)}
    return _Spoilt(changed, "temporal", "filing_date", "flag", ["flag"], f"{days} days")


def _too_early(record: Record, rng: random.Random) -> _Spoilt:
    days = rng.randrange(3, 150)
    filed = date.fromisoformat(record["transaction_date"]) - timedelta(days=days)
    changed = {**record, "filing_date": filed.isoformat(), "extraction_ts": _read_at(filed, rng)}
    return _Spoilt(changed, "temporal", "transaction_date", "reject", ["reject"], f"{days} days")


def _weekend(record: Record, rng: random.Random) -> _Spoilt:
    day = date.fromisoformat(record["transaction_date"])
    day -= timedelta(days=(day.weekday() + rng.choice((1, 2))) % 7)
    changed = {**record, "transaction_date": day.isoformat()}
    return _Spoilt(changed, "temporal", "transaction_date", "flag", ["flag"], f"{day:%A}")


def _read_before(record: Record, rng: random.Random) -> _Spoilt:
    day = date.fromisoformat(record["filing_date"]) - timedelta(days=rng.randrange(2, 40))
    changed = {**record, "extraction_ts": _read_at(day, rng)}
    return _Spoilt(changed, "temporal", "extraction_ts", "flag", _NOT_CLEAN)


def _stranger(record: Record, rng: random.Random) -> _Spoilt:
    name = other_company(rng, str(record["_sector"]))
    changed = {**record, "asset_description": name}
    detail = f"{record['asset_description']} -> {name}"
    return _Spoilt(changed, "semantic", "asset_description", "flag", _NOT_CLEAN, detail)


def _garbled(record: Record, rng: random.Random) -> _Spoilt:
    name = rng.choice(("asset_description", "filer_name"))
    value = garble(str(record[name]), rng)
    return _Spoilt({**record, name: value}, "semantic", name, "flag", _NOT_CLEAN, value)


SINGLE_KINDS: dict[str, Mutation] = {
    "missing_field": _missing,
    "impossible_date": _impossible,
    "wrong_enum": _unknown_word,
    "nonstandard_amount": _odd_amount,
    "bad_source_url": _odd_address,
    "late_filing_over_45d": _late,
    "filing_before_trade": _too_early,
    "nontrading_day": _weekend,
    "extraction_before_filing": _read_before,
    "ticker_asset_mismatch": _stranger,
    "garbled_ocr": _garbled,
}
PAIR_KINDS = ("duplicate_in_batch", "contradictory_pair")
KINDS = (*SINGLE_KINDS, *PAIR_KINDS)


def _read_at(day: date, rng: random.Random) -> str:
    return f"{day + timedelta(days=1)}T{rng.randrange(24):02d}:{rng.randrange(60):02d}:00Z"


def clean_record(maker: FilingMaker, end: date) -> Record:
    """A record of a listed stock without anything to say about it; `_sector` is dropped when it is
    written."""
    rng = maker.rng
    senate = rng.random() < 0.7
    filer = rng.choice(SENATORS if senate else REPRESENTATIVES)
    received = end - timedelta(days=rng.randrange(LAST_FILED, FIRST_FILED))
    trade = maker.ordinary_trade(filer, received, listed=True)
    document = maker.document_id(SENATE if senate else HOUSE, received)
    return {
        "filer_name": filer.full_name,
        "filer_chamber": filer.chamber,
        "transaction_date": trade.day.isoformat(),
        "filing_date": received.isoformat(),
        "ticker": trade.asset.ticker,
        "asset_description": trade.asset.name,
        "asset_type": "Stock" if senate else "Stocks (including ADRs)",
        "transaction_type": trade.side,
        "amount_range": BANDS[trade.band],
        "source_url": f"https://efdsearch.senate.gov/search/view/ptr/{document}/"
        if senate
        else f"https://disclosures-clerk.house.gov/public_disc/ptr-pdfs/{received.year}/{document}.pdf",
        "extraction_method": "html_table" if senate else "pdf_text",
        "extraction_ts": _read_at(received, rng),
        "record_id": _new_id(rng),
        "_sector": trade.asset.sector,
    }


def _new_id(rng: random.Random) -> str:
    return f"S{rng.getrandbits(48):012x}"


def _line(batch: str, record: Record, kind: str | None, spoilt: _Spoilt | None, **pair: str) -> Record:
    label: Record = {
        "is_defect": kind is not None,
        "kind": kind,
        "step": spoilt.step if spoilt else None,
        "field": spoilt.field if spoilt else None,
        "expected": spoilt.expected if spoilt else "accept",
        "accept": spoilt.accept if spoilt else ["accept"],
        "detail": spoilt.detail if spoilt else None,
        **pair,
    }
    shown = spoilt.record if spoilt else record
    return {
        "batch_id": batch,
        "record": {name: value for name, value in shown.items() if name != "_sector"},
        "label": label,
    }


def _pair(batch: str, kind: str, first: Record, rng: random.Random, number: int) -> Iterator[Record]:
    second = {**first, "record_id": _new_id(rng)}
    ids = (first["record_id"], second["record_id"])
    name = f"{kind[:3]}{number}"
    if kind == "duplicate_in_batch":
        yield _line(batch, first, None, None)
        copy = _Spoilt(second, "cross_record", "record_id", "reject", ["reject", "flag"], "exact")
        yield _line(batch, second, kind, copy, pair_id=name, pair_with=ids[0])
        return
    if rng.random() < 0.5:
        field = "transaction_type"
        second[field] = "Purchase" if first[field] != "Purchase" else "Sale (Full)"
    else:
        field = "amount_range"
        second[field] = BANDS[BANDS.index(first[field]) + 1]
    for record, other, which in ((first, ids[1], "first"), (second, ids[0], "second")):
        spoilt = _Spoilt(record, "cross_record", field, "flag", _NOT_CLEAN, which)
        yield _line(batch, record, kind, spoilt, pair_id=name, pair_with=other)


def gate_lines(n: int, seed: int, *, end: date) -> Iterator[Record]:
    """`n` lines {batch_id, record, label}: about 36 % defects, all kinds in turn, in batches of 50.

    Records are filed up to 1,000 days before `end`, all of them before it.
    """
    maker = FilingMaker(random.Random(seed))
    rng = maker.rng
    written = turn = 0
    while written < n:
        batch = f"synthetic-{seed}-{written // BATCH:03d}"
        room = min(n, (written // BATCH + 1) * BATCH) - written
        clean = clean_record(maker, end)
        if rng.random() >= DEFECT_SHARE:
            lines = [_line(batch, clean, None, None)]
        else:
            kind = KINDS[turn % len(KINDS)]
            if kind in PAIR_KINDS and room < 2:
                lines = [_line(batch, clean, None, None)]
            else:
                turn += 1
                lines = (
                    list(_pair(batch, kind, clean, rng, turn))
                    if kind in PAIR_KINDS
                    else [_line(batch, clean, kind, SINGLE_KINDS[kind](clean, rng))]
                )
        yield from lines
        written += len(lines)


def write_gate_set(path: Path, n: int, seed: int, *, end: date) -> int:
    """Write the set as JSON lines and return how many of its lines are defects."""
    defects = 0
    with path.open("w", encoding="utf-8") as file:
        for line in gate_lines(n, seed, end=end):
            defects += line["label"]["is_defect"]
            file.write(json.dumps(line) + "\n")
    return defects
