"""Step 3, temporal integrity: trade, filing and extraction in order; the 45-day limit; trading days.

Belongs here: the rules that compare dates of one record. Legal source: 5 U.S.C. 13105(l), a transaction
is reported within 30 days of notice and in no case later than 45 days after it. Dates that are not real
days are step 1's matter and take part in nothing here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from llm_pipeline.reference.trading_days import is_trading_day, nearest_trading_day
from llm_pipeline.validation.calendar import parse_day, parse_moment
from llm_pipeline.validation.issue import Issue, Severity, doubt, finding, reject
from llm_pipeline.validation.record import ValidationRecord
from llm_pipeline.validation.schema_facts import is_exchange_traded, squeezed

FILING_LIMIT_DAYS = 45
VERY_LATE_DAYS = 365


@dataclass(frozen=True)
class Timing:
    """What was computed from the dates, and the issues."""

    issues: tuple[Issue, ...]
    days_to_filing: int | None
    trading_day: bool | None


def temporal_facts(record: ValidationRecord, unusable: frozenset[str]) -> Timing:
    """Timing of one record; `unusable` names the date fields that step 1 rejected."""
    traded = None if "transaction_date" in unusable else _day(record, "transaction_date")
    filed = None if "filing_date" in unusable else _day(record, "filing_date")
    days = (filed - traded).days if traded and filed else None
    open_that_day = is_trading_day(traded) if traded else None
    issues: list[Issue] = []
    if days is not None and days < 0:
        detail = f"traded {traded}, filed {filed}, {-days} days before"
        issues.append(reject("temporal", "transaction_date", "filing_before_trade", detail))
    if days is not None and days > FILING_LIMIT_DAYS:
        detail = f"filed {days} days after the trade, the limit is {FILING_LIMIT_DAYS}"
        severity: Severity = "warning" if days > VERY_LATE_DAYS else "info"
        issues.append(finding("temporal", "filing_date", "late_filing", detail, severity))
    if traded and open_that_day is False and _trades_at_the_exchange(record):
        session = nearest_trading_day(traded)
        detail = f"{traded:%A} {traded}: the exchange was closed; the session before was {session}"
        issues.append(finding("temporal", "transaction_date", "nontrading_day", detail))
    issues += _extraction(record, filed, "extraction_ts" in unusable)
    return Timing(tuple(issues), days, open_that_day)


def _day(record: ValidationRecord, name: str) -> date | None:
    text = record.value(name)
    return parse_day(text) if text else None


def _trades_at_the_exchange(record: ValidationRecord) -> bool:
    """An exchange of papers (merger, spin-off) takes effect on any day; purchases and sales need an open
    market.
    """
    return is_exchange_traded(record) and squeezed(record.value("transaction_type") or "") not in (
        "exchange",
        "e",
    )


def _extraction(record: ValidationRecord, filed: date | None, unusable: bool) -> list[Issue]:
    text = record.value("extraction_ts")
    moment = parse_moment(text) if text else None
    if unusable or moment is None or filed is None or moment.date() >= filed:
        return []
    detail = f"extracted {moment.date()}, filed {filed}"
    return [doubt("temporal", "extraction_ts", "extraction_before_filing", detail)]
