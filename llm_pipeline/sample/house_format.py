"""House transactions in the two shapes in which they are published: the stock-watcher CSV, and parsed PTR
PDFs."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

from llm_pipeline.sample.filings import BANDS, Filing, Trade, us_date

HOST = "disclosures-clerk.house.gov"
CSV_FILE, PTR_FILE = "all_transactions.csv", "ptr_parsed.jsonl"

COLUMNS = (
    "disclosure_year",
    "disclosure_date",
    "transaction_date",
    "owner",
    "ticker",
    "asset_description",
    "type",
    "amount",
    "representative",
    "district",
    "ptr_link",
    "cap_gains_over_200_usd",
)
_SIDES = {
    "Purchase": "purchase",
    "Sale (Full)": "sale_full",
    "Sale (Partial)": "sale_partial",
    "Exchange": "exchange",
}
_OWNERS = {"Self": "self", "Joint": "joint", "Spouse": "", "Child": "dependent"}
"""The export has no word for a spouse; those rows come with an empty owner."""


def csv_row(filing: Filing, trade: Trade) -> dict[str, str]:
    """One line of the CSV export."""
    cells = trade.cells
    year = filing.received.year
    filer = filing.filer
    name = filer.full_name.upper() if filing.capitals else filer.full_name
    return {
        "disclosure_year": str(year),
        "disclosure_date": us_date(filing.received),
        "transaction_date": cells.get("transaction_date", trade.day.isoformat()),
        "owner": cells.get("owner", _OWNERS.get(trade.owner, "--")),
        "ticker": cells.get("ticker", trade.asset.ticker or "--"),
        "asset_description": cells.get("asset", trade.asset.name),
        "type": cells.get("side", _SIDES.get(trade.side, trade.side)),
        "amount": cells.get("amount", BANDS[trade.band]),
        "representative": f"Hon. {name}",
        "district": f"{filer.state}{filer.district}",
        "ptr_link": f"https://{filing.host or HOST}/public_disc/ptr-pdfs/{year}/{filing.document_id}.pdf",
        "cap_gains_over_200_usd": "True" if trade.side.startswith("Sale") and trade.band > 1 else "False",
    }


def _short_date(day: date) -> str:
    return f"{day:%m}/{day.day}/{day.year}"


def ptr_line(filing: Filing) -> dict[str, Any]:
    """One filing of the parsed PDFs: no asset names, amounts without spaces, days without leading zero."""
    year, index = map(int, filing.document_id.split("-"))
    return {
        "year_file": year,
        "index": index,
        "filer_information": {
            "name": f"Hon. {filing.filer.full_name}",
            "status": "Member",
            "state_district": filing.filer.state[0].lower() + filing.filer.state[1] + filing.filer.district,
        },
        "trades": [
            {
                "ticker": trade.cells.get("ticker", trade.asset.ticker or ""),
                "transaction_type": trade.cells.get("side", trade.side[0]),
                "transaction_date": trade.cells.get("transaction_date", _short_date(trade.day)),
                "notification_date": _short_date(filing.received),
                "amount": trade.cells.get("amount", BANDS[trade.band].replace(" ", "")),
            }
            for trade in filing.trades
        ],
    }


def write_house(folder: Path, export: Iterable[Filing], parsed: Iterable[Filing]) -> None:
    """Write the CSV (newest filing first, as the export is ordered) and the parsed reports."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / CSV_FILE).open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        table.writeheader()
        for filing in sorted(export, key=lambda f: f.received, reverse=True):
            table.writerows(csv_row(filing, trade) for trade in filing.trades)
    lines = "".join(json.dumps(ptr_line(filing)) + "\n" for filing in parsed)
    (folder / PTR_FILE).write_text(lines, encoding="utf-8")
