"""Step 4, consistency across records: duplicates, repetitions, contradictions, in the batch and the
stored rows.

Belongs here: the comparison of records of one filer on one day. What distinguishes the cases:

- Filers list the same trade once per account, so equal rows at different places of one document are a
  finding (`repeated_in_filing`); so are different amounts there, and they say nothing at all.
- Where the place in the document is unknown, or the documents differ, an equal row is a copy: the later
  is rejected as `duplicate`; equal only after undoing spelling, or filed again on another day, it is
  flagged as `near_duplicate`.
- The same asset on the same day bought and sold, or with two amounts, contradicts itself: both rows are
  flagged. In one document both sides stand in the filer's own hand, so there it is a finding.
- Two known, different owners are two trades. Rows of stock options are usually different contracts of
  one underlying, which the asset name does not show, so options are never contradictory.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from llm_pipeline.disclosures.amounts import parse_amount
from llm_pipeline.validation.calendar import parse_day
from llm_pipeline.validation.issue import Issue, doubt, finding, reject
from llm_pipeline.validation.names import NOISE_WORDS, all_words
from llm_pipeline.validation.record import ValidationRecord
from llm_pipeline.validation.schema_facts import squeezed
from llm_pipeline.validation.tickers import ticker_key

MOST_NEIGHBOURS_NAMED = 5


@lru_cache(maxsize=16_384)
def filer_key(name: str) -> str:
    """One spelling per filer: letters only, without title and suffix ("Hon. A. Doe, Jr" and "A Doe" are
    one).
    """
    return " ".join(
        w for w in all_words(name) if w not in ("hon", "jr", "sr", "ii", "iii", "iv", "mr", "mrs", "ms", "dr")
    )


@dataclass(frozen=True)
class _Trade:
    """A record's comparable values; `order` is (filing date, arrival), or (stored before batch, position)."""

    record: ValidationRecord
    order: tuple[str, int]
    group: tuple[str, str]
    ticker: str
    name: tuple[str, ...]
    side: str
    kind: str
    amount: str
    owner: str
    asset_type: str
    filed: str
    in_batch: bool


@lru_cache(maxsize=16_384)
def _day_text(text: str) -> str:
    day = parse_day(text)
    return day.isoformat() if day else text


@lru_cache(maxsize=4_096)
def _amount_text(text: str) -> str:
    band = parse_amount(text)
    return f"{band.low}-{band.high}" if band else squeezed(text)


@lru_cache(maxsize=16_384)
def _asset_words(text: str) -> tuple[str, ...]:
    """The distinctive words with class letters, rates and maturities: papers without a ticker differ by
    them.
    """
    return tuple(w for w in all_words(text) if w not in NOISE_WORDS) or all_words(text)


def _side(kind: str) -> str:
    return {"p": "buy", "b": "buy", "s": "sell"}.get(kind[:1], kind)


def _trade(record: ValidationRecord, order: tuple[str, int], in_batch: bool) -> _Trade | None:
    filer, day = record.value("filer_name"), record.value("transaction_date")
    ticker, name = record.value("ticker"), record.value("asset_description")
    if filer is None or day is None or parse_day(day) is None or (ticker is None and name is None):
        return None  # nothing to compare by; a date that is no day is step 1's matter
    kind = squeezed(record.value("transaction_type") or "")
    return _Trade(
        record=record,
        order=order,
        group=(filer_key(filer), _day_text(day)),
        ticker=ticker_key(ticker) if ticker else "",
        name=_asset_words(name) if name else (),
        side=_side(kind),
        kind=kind,
        amount=_amount_text(record.value("amount_range") or ""),
        owner=squeezed(record.value("owner") or ""),
        asset_type=squeezed(record.value("asset_type") or ""),
        filed=_day_text(record.value("filing_date") or ""),
        in_batch=in_batch,
    )


def _trades(records: Sequence[ValidationRecord], neighbours: Sequence[ValidationRecord]) -> list[_Trade]:
    batch = {r.record_id for r in records}
    rows = [(r, ("stored before", i), False) for i, r in enumerate(neighbours) if r.record_id not in batch]
    rows += [(r, ("the batch", i), True) for i, r in enumerate(records)]
    by_arrival = all(r.ingest_seq is not None for r, _, _ in rows)
    made = (
        _trade(r, (_day_text(r.value("filing_date") or ""), r.ingest_seq or 0) if by_arrival else order, inside)
        for r, order, inside in rows
    )
    return sorted((t for t in made if t is not None), key=lambda t: t.order)


def cross_record_facts(
    records: Sequence[ValidationRecord], neighbours: Sequence[ValidationRecord]
) -> dict[str, tuple[list[Issue], tuple[str, ...]]]:
    """Issues of step 4 and the ids of near records, for each record of the batch.

    Which of two equal records came first is decided by filing date, then `ingest_seq`, where all have one (a source
    may list its newest filings first); else stored rows come before the batch and the batch counts in its order.
    """
    found: dict[str, tuple[list[Issue], tuple[str, ...]]] = {r.record_id: ([], ()) for r in records}
    groups: dict[tuple[str, str], list[_Trade]] = defaultdict(list)
    for trade in _trades(records, neighbours):
        groups[trade.group].append(trade)
    for group in groups.values():
        if len(group) < 2 or not any(t.in_batch for t in group):
            continue
        for assets in _by_asset(group):
            for trade in assets:
                if trade.in_batch:
                    found[trade.record.record_id] = _compare(trade, [t for t in assets if t is not trade])
    return found


def _by_asset(group: Iterable[_Trade]) -> list[list[_Trade]]:
    """Trades of one asset: by ticker; those without a ticker join the ticker whose name they have, or
    their name.
    """
    by_ticker: dict[str, list[_Trade]] = defaultdict(list)
    for trade in group:
        if trade.ticker:
            by_ticker[trade.ticker].append(trade)
    home = {t.name: t.ticker for trades in by_ticker.values() for t in trades if t.name}
    by_name: dict[tuple[str, ...], list[_Trade]] = defaultdict(list)
    for trade in group:
        if not trade.ticker:
            (by_ticker[home[trade.name]] if trade.name in home else by_name[trade.name]).append(trade)
    every = [*by_ticker.values(), *by_name.values()]
    return [sorted(trades, key=lambda t: t.order) for trades in every if len(trades) > 1]


def _compare(trade: _Trade, others: list[_Trade]) -> tuple[list[Issue], tuple[str, ...]]:
    issues: list[Issue] = []
    near = [t.record.record_id for t in others if not _different_owners(trade, t)][:MOST_NEIGHBOURS_NAMED]
    equal = [t for t in others if t.order < trade.order and _same_trade(trade, t)]
    if equal:
        issues.append(_repetition(trade, equal))
    else:
        contrary = next((i for t in others if (i := _contradiction(trade, t))), None)
        if contrary:
            issues.append(contrary)
    return issues, tuple(near)


def _different_owners(a: _Trade, b: _Trade) -> bool:
    return bool(a.owner and b.owner and a.owner != b.owner)


def _one_document(a: _Trade, b: _Trade) -> bool:
    """Different known places of one document."""
    x, y = a.record, b.record
    return (
        x.source_document_id is not None
        and (x.source, x.source_document_id) == (y.source, y.source_document_id)
        and x.row_ordinal is not None
        and y.row_ordinal is not None
        and x.row_ordinal != y.row_ordinal
    )


def _same_paper(a: _Trade, b: _Trade) -> bool:
    if a.asset_type and b.asset_type and a.asset_type != b.asset_type:
        return False
    return a.name == b.name or not a.name or not b.name or (bool(a.ticker) and "option" not in a.asset_type)


def _same_trade(a: _Trade, b: _Trade) -> bool:
    return (
        bool(a.kind) and (a.kind, a.amount) == (b.kind, b.amount) and _same_paper(a, b) and not _different_owners(a, b)
    )


def _literally(trade: _Trade) -> tuple[str, ...]:
    r = trade.record
    name = re.sub(r"[\W_]+", "", r.value("asset_description") or "").lower()
    filer = re.sub(r"[\W_]+", "", r.value("filer_name") or "").lower()
    return (filer, trade.filed, trade.ticker, name, trade.asset_type, trade.owner)


def _repetition(trade: _Trade, equal: list[_Trade]) -> Issue:
    elsewhere = [t for t in equal if not _one_document(trade, t)]
    literal = next((t for t in elsewhere if _literally(t) == _literally(trade)), None)
    if literal:
        detail = f"the same as record {literal.record.record_id}"
        return reject("cross_record", "record_id", "duplicate", detail)
    if elsewhere:
        detail = f"the same trade as record {elsewhere[0].record.record_id}, spelt or filed differently"
        return doubt("cross_record", "record_id", "near_duplicate", detail)
    detail = f"the filing lists this trade again, first as record {equal[0].record.record_id}"
    return finding("cross_record", "record_id", "repeated_in_filing", detail)


def _two_amounts(a: _Trade, b: _Trade) -> bool:
    """Two different statutory ranges; a text that is none ("$1,001 -") may be either's rest and
    contradicts nothing.
    """
    first, second = parse_amount(a.record.amount_range), parse_amount(b.record.amount_range)
    return first is not None and second is not None and first != second


def _contradiction(a: _Trade, b: _Trade) -> Issue | None:
    if not _same_paper(a, b) or _different_owners(a, b) or "option" in (a.asset_type + b.asset_type):
        return None
    if a.record.source != b.record.source:
        return None  # two copies of one report: of 13,830 pairs of the two House exports, 6,432 differ in the side
    together = _one_document(a, b)
    if {a.side, b.side} == {"buy", "sell"}:
        detail = f"record {b.record.record_id} says {b.record.transaction_type!r} for the same asset and day"
        say = finding if together else doubt
        return say("cross_record", "transaction_type", "contradiction", detail)
    if a.kind and a.kind == b.kind and not together and _two_amounts(a, b):
        detail = f"record {b.record.record_id} says {b.record.amount_range!r} for the same trade"
        return doubt("cross_record", "amount_range", "contradiction", detail)
    return None
