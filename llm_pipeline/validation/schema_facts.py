"""Step 1, schema: required fields, vocabularies, real dates, standard amounts, tickers, official
addresses.

Belongs here: what can be judged on one field alone. Legal sources: amount bands 5 U.S.C. 13104(d)(1); a
transaction report covers transactions above $1,000, 5 U.S.C. 13105(l).
"""

from __future__ import annotations

import re
from datetime import timedelta
from functools import lru_cache

from llm_pipeline.disclosures.amounts import parse_amount
from llm_pipeline.disclosures.vocabulary import (
    ASSET_TYPES,
    CHAMBERS,
    EXTRACTION_METHODS,
    HOUSE_ASSET_TYPES,
    OWNERS,
    TRANSACTION_TYPES,
)
from llm_pipeline.validation.calendar import parse_day, parse_moment
from llm_pipeline.validation.context import FactContext
from llm_pipeline.validation.issue import Issue, doubt, reject
from llm_pipeline.validation.record import ValidationRecord
from llm_pipeline.validation.source_urls import read_source_url

KEY_FIELDS = (
    "filer_name",
    "filer_chamber",
    "transaction_date",
    "filing_date",
    "transaction_type",
    "amount_range",
)
"""Without one of these a disclosure says nothing: rejected."""

WANTED_FIELDS = ("source_url", "asset_type", "extraction_method", "extraction_ts")
"""Without one of these a disclosure is usable but not traceable or not classifiable: flagged."""

FIRST_TRADING_YEAR = 1990
STOCK_ACT_FROM = "2012-04-04"
"""Public Law 112-105 became law on this day; there are no transaction reports before it."""

_EXCHANGE_TRADED = frozenset(
    {
        "stock",
        "stockoption",
        "exchangetradedfund/note",
        "americandepositoryreceipt",
        "stocks(includingadrs)",
        "exchangetradedfunds(etf)",
        "exchangetradednotes",
        "st",
        "ef",
        "et",
    }
)
_LISTED_LINE = re.compile(r"[A-Z]{1,5}(?:[.\-/$ ]P?[.\-]?[A-Z]{1,2})?")
_FOREIGN_LINE = re.compile(r"[A-Z0-9]{1,8}[.\-][A-Z]{1,4}|[A-Z]{2,6}-USD|[0-9]{3,6}")
_OPTION_CONTRACT = re.compile(r"[A-Z]{1,5}[0-9]{6}[CP][0-9]{8}")


def squeezed(text: str) -> str:
    """Without white space and letter case, which carry no meaning in a vocabulary's word."""
    return "".join(text.split()).lower()


_VOCABULARIES: dict[str, frozenset[str]] = {
    "filer_chamber": frozenset(map(squeezed, CHAMBERS)),
    "transaction_type": frozenset(map(squeezed, TRANSACTION_TYPES)),
    "asset_type": frozenset(map(squeezed, ASSET_TYPES - frozenset(HOUSE_ASSET_TYPES))),
    "extraction_method": frozenset(map(squeezed, EXTRACTION_METHODS)),
    "owner": frozenset(map(squeezed, OWNERS)) | {"sp", "jt", "dc", "dependentchild"},
}
_HOUSE_SHORTHAND: dict[str, frozenset[str]] = {
    "transaction_type": frozenset({"p", "s", "s(partial)", "s(full)", "e"}),
    "asset_type": frozenset(map(squeezed, HOUSE_ASSET_TYPES)) | {f"[{squeezed(c)}]" for c in HOUSE_ASSET_TYPES},
}


def is_exchange_traded(record: ValidationRecord) -> bool:
    """Whether the asset trades on a US exchange: a listed kind of asset, or an unstated kind with a
    plain US ticker.
    """
    ticker = (record.value("ticker") or "").upper()
    kind = record.value("asset_type")
    if _FOREIGN_LINE.fullmatch(ticker) and not _LISTED_LINE.fullmatch(ticker):
        return False
    if kind is None or squeezed(kind) == "othersecurities":
        return bool(_LISTED_LINE.fullmatch(ticker))
    return squeezed(kind) in _EXCHANGE_TRADED


def schema_issues(record: ValidationRecord, context: FactContext) -> list[Issue]:
    """All issues of step 1, and the garbled or strange ticker, in field order."""
    unstated = context.unstated.get(record.source or "", frozenset())
    return [
        *_missing(record, unstated),
        *_vocabulary(record),
        *_dates(record, context),
        *_amount(record),
        *_ticker_syntax(record),
        *_source_url(record),
    ]


def _missing(record: ValidationRecord, unstated: frozenset[str]) -> list[Issue]:
    issues = [
        reject("schema", name, "missing_field", f"{name} is missing")
        for name in KEY_FIELDS
        if record.value(name) is None
    ]
    issues += [
        doubt("schema", name, "missing_field", f"{name} is missing")
        for name in WANTED_FIELDS
        if record.value(name) is None and name not in unstated
    ]
    no_ticker = record.value("ticker") is None
    if record.value("asset_description") is None and "asset_description" not in unstated:
        say = reject if no_ticker else doubt
        issues.append(say("schema", "asset_description", "missing_field", "asset_description is missing"))
    if no_ticker and squeezed(record.value("asset_type") or "") in _EXCHANGE_TRADED:
        issues.append(doubt("schema", "ticker", "missing_field", "an exchange-traded asset without a ticker"))
    return issues


def _vocabulary(record: ValidationRecord) -> list[Issue]:
    issues = []
    house = squeezed(record.value("filer_chamber") or "") == "house"
    for name, words in _VOCABULARIES.items():
        value = record.value(name)
        if value is None or squeezed(value) in words:
            continue
        if house and squeezed(value) in _HOUSE_SHORTHAND.get(name, frozenset()):
            continue
        say = doubt if name == "owner" else reject
        issues.append(say("schema", name, "wrong_enum", f"{value[:60]!r} is not a word of the sources"))
    return issues


def _dates(record: ValidationRecord, context: FactContext) -> list[Issue]:
    issues = []
    tomorrow = context.now.date() + timedelta(days=1)  # a filing day is US Eastern time, now is UTC
    for name in ("transaction_date", "filing_date"):
        text = record.value(name)
        if text is None:
            continue
        day = parse_day(text)
        if day is None:
            issues.append(reject("schema", name, "impossible_date", f"{text[:40]!r} is not a calendar day"))
        elif day.year < FIRST_TRADING_YEAR or day > tomorrow:
            issues.append(reject("schema", name, "implausible_date", f"{day} cannot be the {name}"))
        elif day.isoformat() < STOCK_ACT_FROM:
            issues.append(doubt("schema", name, "implausible_date", f"{day} is before the STOCK Act"))
    text = record.value("extraction_ts")
    if text is not None:
        moment = parse_moment(text)
        if moment is None:
            issues.append(doubt("schema", "extraction_ts", "impossible_date", f"{text[:40]!r} is not a time"))
        elif moment.date() > tomorrow:
            issues.append(doubt("schema", "extraction_ts", "implausible_date", f"{text[:40]} is in the future"))
    return issues


def is_standard_amount(text: str) -> bool:
    """A statutory band as a source prints it. "$0 - $1,000" names a band, but no report prints a zero."""
    return parse_amount(text) is not None and not squeezed(text).startswith("$0")


def _amount(record: ValidationRecord) -> list[Issue]:
    text = record.value("amount_range")
    if text is None or is_standard_amount(text):
        return []
    return [doubt("schema", "amount_range", "nonstandard_amount", f"{text[:60]!r} is not a statutory range")]


@lru_cache(maxsize=16_384)
def is_ticker(text: str) -> bool:
    """Whether every part of a ticker cell has the form of a US or foreign listing, a fund, or an option
    contract.
    """
    parts = [p.lstrip("^") for p in re.split(r"[\s,;]+", text.upper()) if p not in ("--", "-")]
    forms = (_LISTED_LINE, _FOREIGN_LINE, _OPTION_CONTRACT)
    return bool(parts) and all(any(form.fullmatch(part) for form in forms) for part in parts)


def _ticker_syntax(record: ValidationRecord) -> list[Issue]:
    text = record.value("ticker")
    if text is None or is_ticker(text):
        return []
    return [doubt("schema", "ticker", "ticker_syntax", f"{text[:40]!r} does not have the form of a ticker")]


def _source_url(record: ValidationRecord) -> list[Issue]:
    text = record.value("source_url")
    if text is None:
        return []
    url = read_source_url(text)
    chamber = record.value("filer_chamber")
    if url.fault:
        return [doubt("schema", "source_url", "bad_source_url", url.fault)]
    if chamber and squeezed(chamber) in ("senate", "house") and squeezed(chamber) != squeezed(url.chamber or ""):
        detail = f"an address of the {url.chamber} on a {chamber} record"
        return [doubt("schema", "source_url", "bad_source_url", detail)]
    return []
