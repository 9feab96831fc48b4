"""Step 2, semantic plausibility: do ticker and asset name belong together, is text garbled, can the
method read the source.

Belongs here: the rules that compare meanings of fields of one record. What words mean is in `names`,
`tickers` and `garbled`.
"""

from __future__ import annotations

from llm_pipeline.validation.context import FactContext
from llm_pipeline.validation.issue import Issue, NameMatch, doubt
from llm_pipeline.validation.record import ValidationRecord
from llm_pipeline.validation.schema_facts import is_exchange_traded, squeezed
from llm_pipeline.validation.source_urls import read_source_url

LONGEST_TICKER_CELL = 60
"""Characters of a ticker cell that are read; two option contracts have 40."""


def semantic_issues(record: ValidationRecord, context: FactContext) -> tuple[list[Issue], NameMatch]:
    """All issues of step 2, and whether the ticker's known names fit the asset description."""
    garbled = _garbled(record, context)
    match = _name_match(record, context)
    issues = [*garbled, *_method(record)]
    if match == "mismatch" and not {"ticker", "asset_description"} & {i.field for i in garbled}:
        detail = f"{record.value('ticker')} is not known as {str(record.value('asset_description'))[:80]!r}"
        issues.append(doubt("semantic", "ticker", "ticker_asset_mismatch", detail))
    return issues, match


def _name_match(record: ValidationRecord, context: FactContext) -> NameMatch:
    """Only listed assets are judged to mismatch: a bond or private holding describes the paper, not the
    company.

    An exchange of two papers ("PX LIN") names two companies, so it can only match.
    """
    ticker, name = record.value("ticker"), record.value("asset_description")
    if ticker is None or name is None:
        return "unknown"
    parts = [part for part in ticker[:LONGEST_TICKER_CELL].split() if part not in ("--", "-")]
    verdicts = {context.names.judge(part, name) for part in parts}
    if "match" in verdicts:
        return "match"
    if verdicts != {"mismatch"} or len(parts) > 1 or not is_exchange_traded(record):
        return "unknown"
    return "mismatch"


def _garbled(record: ValidationRecord, context: FactContext) -> list[Issue]:
    issues = []
    filer, ticker = record.value("filer_name"), record.value("ticker")
    name = record.value("asset_description")
    if filer and (reason := context.garble.filer_name(filer)):
        issues.append(doubt("semantic", "filer_name", "garbled_text", reason))
    if name and (reason := context.garble.asset_description(name, (ticker or "")[:LONGEST_TICKER_CELL])):
        issues.append(doubt("semantic", "asset_description", "garbled_text", reason))
    if (
        ticker
        and _speaks_of_a_listing(record, ticker)
        and (reason := context.garble.ticker(ticker[:LONGEST_TICKER_CELL], name or ""))
    ):
        issues.append(doubt("semantic", "ticker", "garbled_text", reason))
    return issues


def _speaks_of_a_listing(record: ValidationRecord, ticker: str) -> bool:
    """Letters for letters are only looked for in listed assets; a digit or sign is strange in any ticker."""
    return is_exchange_traded(record) or not ticker.replace("-", "").replace(".", "").isalpha()


def _method(record: ValidationRecord) -> list[Issue]:
    """A PDF file has no HTML table. (The reverse is innocent: a web page can be printed to a PDF and
    read from it.)
    """
    method, url = record.value("extraction_method"), record.value("source_url")
    if method is None or url is None or squeezed(method) not in ("html_table", "html_scrape"):
        return []
    if read_source_url(url).fault or not url.lower().endswith(".pdf"):
        return []
    detail = f"{method} cannot have read a PDF file"
    return [doubt("semantic", "extraction_method", "extraction_method_url", detail)]
