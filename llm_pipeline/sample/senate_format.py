"""Senate reports as the daily report files carry them: cells are eFD's inner HTML, the date key is
misspelt."""

from __future__ import annotations

import html
import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

from llm_pipeline.sample.assets import Asset
from llm_pipeline.sample.filings import BANDS, Filing, Trade, us_date

HOST = "efdsearch.senate.gov"
WRAPPED_FILE = "titled_reports.jsonl"
"""Reports that come with their title, as JSON lines: amendments and what they amend."""

_BETWEEN_ANCHORS = " " * 40 + "<br>" + " " * 20


def _anchor(ticker: str) -> str:
    return f'<a href="https://finance.yahoo.com/q?s={ticker}" target="_blank">{ticker}</a>'


def ticker_cell(*tickers: str) -> str:
    """One anchor per ticker; "--" where there is none."""
    return _BETWEEN_ANCHORS.join(map(_anchor, tickers)) or "--"


def asset_cell(asset: Asset) -> str:
    """The escaped name, and below it what eFD prints in a muted block."""
    name = html.escape(asset.name, quote=False)
    if not asset.notes:
        return name
    (label, text), *others = asset.notes
    lead = f"{label} {text}" if label == "Option Type:" else f"<em>{label}</em> {html.escape(text, quote=False)}"
    lines = [lead, *(f"<em>{key}</em> {html.escape(value, quote=False)}" for key, value in others)]
    return f'{name} <div class="text-muted">{"<br> ".join(lines)}</div>'


def _transaction(trade: Trade) -> dict[str, str]:
    cells = trade.cells
    return {
        "transaction_date": cells.get("transaction_date", us_date(trade.day)),
        "owner": cells.get("owner", trade.owner),
        "ticker": cells.get("ticker", ticker_cell(*filter(None, [trade.asset.ticker]))),
        "asset_description": cells.get("asset", asset_cell(trade.asset)),
        "asset_type": cells.get("asset_type", trade.asset.kind),
        "type": cells.get("side", trade.side),
        "amount": cells.get("amount", BANDS[trade.band]),
        "comment": cells.get("comment", "--"),
    }


def report(filing: Filing) -> dict[str, Any]:
    """One report as the export has it. Scans come without rows, a broken one with text where rows belong."""
    on_paper = filing.form == "paper"
    filer = filing.filer
    first, last = filer.first_name, filer.last_name
    identifier = filing.document_id.upper() if on_paper else filing.document_id
    link = f"https://{filing.host or HOST}/search/view/{'paper' if on_paper else 'ptr'}/{identifier}/"
    rows: Any = [_transaction(trade) for trade in filing.trades]
    if filing.form == "scanned":
        rows = [{"scanned_pdf": True, "ptr_link": link, "date_recieved": us_date(filing.received)}]
    elif filing.form == "broken":
        rows = "see attached schedule"
    plain = first.replace("  ", " ").split(" ")[0]
    return {
        "first_name": first.upper() if filing.capitals or on_paper else first,
        "last_name": last.upper() if filing.capitals or on_paper else last,
        "office": "Senator" if on_paper else f"{last.split(',')[0].strip()}, {plain} (Senator)",
        "ptr_link": link,
        "date_recieved": us_date(filing.received),
        "transactions": rows,
        "bioguide": filer.bioguide,
    }


def _wrapped(filing: Filing, index: int) -> dict[str, Any]:
    return {
        "report_uid": filing.document_id,
        "source_commit": "0" * 7,
        "source_file": daily_file(filing.received),
        "source_index": index,
        "link_kind": "ptr",
        "removed_upstream_2020_12": False,
        "report_title": filing.title,
        "raw": report(filing),
    }


def daily_file(received: date) -> str:
    """The name of the file that holds a day's reports."""
    return f"transaction_report_for_{received:%m_%d}_{received.year:04d}.json"


def write_senate(folder: Path, filings: Iterable[Filing]) -> None:
    """Write one array per day of reports, and the titled ones as JSON lines."""
    folder.mkdir(parents=True, exist_ok=True)
    days: dict[date, list[dict[str, Any]]] = defaultdict(list)
    titled: list[str] = []
    for filing in filings:
        if filing.title is None:
            days[filing.received].append(report(filing))
        else:
            titled.append(json.dumps(_wrapped(filing, len(titled))) + "\n")
    for day, reports in sorted(days.items()):
        (folder / daily_file(day)).write_text(json.dumps(reports, indent=1) + "\n", encoding="utf-8")
    if titled:
        (folder / WRAPPED_FILE).write_text("".join(titled), encoding="utf-8")
