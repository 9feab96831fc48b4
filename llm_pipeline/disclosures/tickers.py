"""Ticker cells: the Senate's HTML anchors, dashes, several symbols in one cell, and the House's OCR
leftovers."""

from __future__ import annotations

import re
from dataclasses import dataclass

from llm_pipeline.disclosures.text import drop_invisible, field_text

_ANCHOR = re.compile(r"(?is)<a\b[^>]*>(.*?)</a\s*>")

# "S (partial)" read by OCR as a ticker: 242 rows of the parsed House set.
_NOT_A_SYMBOL = frozenset({"PARTIAL", "FULL", "NONE", "NULL", "N/A"})


@dataclass(frozen=True)
class TickerCell:
    """What a ticker cell says: the primary symbol, further symbols, and remarks for the record's notes."""

    primary: str | None
    others: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def clean_symbol(text: str | None) -> str | None:
    """One symbol, upper case, inner spaces removed; class and series marks stay as written (BRK.B, RDS-A,
    DUK$A).

    Text that is no symbol at all ("Broadcom Inc.") is kept as filed: judging it is validation's work.
    """
    symbol = field_text(text)
    if symbol is None:
        return None
    squeezed = re.sub(r"\s*([.\-/$^])\s*", r"\1", symbol).strip()
    return squeezed.upper() if " " not in squeezed else squeezed


def read_ticker(cell: str | None) -> TickerCell:
    """The symbols of a cell in the order written; the first is the primary one."""
    if not cell:
        return TickerCell(None)
    cell = drop_invisible(cell)
    parts = _ANCHOR.findall(cell) if "<a" in cell.lower() else [cell]
    symbols: list[str] = []
    notes: list[str] = []
    for part in parts or [cell]:
        symbol = clean_symbol(part)
        if symbol is None:
            continue
        if symbol.upper() in _NOT_A_SYMBOL:
            notes.append(f"ticker cell reads {symbol!r}, which is not a symbol")
        elif symbol not in symbols:
            symbols.append(symbol)
    if len(symbols) > 1:
        notes.append(f"ticker cell holds several symbols: {', '.join(symbols)}; the first is used")
    return TickerCell(symbols[0] if symbols else None, tuple(symbols[1:]), tuple(notes))
