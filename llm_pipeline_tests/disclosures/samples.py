"""Invented filings in the sources' own formats."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

ANCHOR = '<a href="https://finance.yahoo.com/q?s={0}" target="_blank">{0}</a>'


def uid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def senate_row(**changes: Any) -> dict[str, Any]:
    return {
        "transaction_date": "01/28/2020",
        "owner": "Spouse",
        "ticker": ANCHOR.format("ACME"),
        "asset_description": "Acme Corp &amp; Sons",
        "asset_type": "Stock",
        "type": "Purchase",
        "amount": "$1,001 - $15,000",
        "comment": "--",
    } | changes


def senate_report(number: int, rows: list[dict[str, Any]] | None = None, **changes: Any) -> dict[str, Any]:
    return {
        "first_name": "Ada Q",
        "last_name": "Exampler",
        "office": "Exampler, Ada (Senator)",
        "ptr_link": f"https://efdsearch.senate.gov/search/view/ptr/{uid(number).upper()}/",
        "date_recieved": "02/10/2020",
        "transactions": [senate_row()] if rows is None else rows,
        "bioguide": "X000001",
    } | changes


def titled(number: int, title: str, rows: list[dict[str, Any]] | None = None, **changes: Any) -> dict[str, Any]:
    report = senate_report(number, rows, **changes)
    return {"report_uid": uid(number), "link_kind": "ptr", "report_title": title, "raw": report}


def write_lines(path: Path, *values: Any) -> Path:
    """JSON lines; text is written as it is, so that a test can break a line."""
    path.write_text("".join((v if isinstance(v, str) else json.dumps(v)) + "\n" for v in values))
    return path


HOUSE_COLUMNS = [
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
]


def house_row(document: int = 20000001, **changes: str) -> dict[str, str]:
    return {
        "disclosure_year": "2021",
        "disclosure_date": "10/04/2021",
        "transaction_date": "2021-09-27",
        "owner": "joint",
        "ticker": "ACME",
        "asset_description": "Acme Corp",
        "type": "sale_partial",
        "amount": "$1,001 - $15,000",
        "representative": "Hon. Bea Q. Sample",
        "district": "ZZ05",
        "ptr_link": f"https://disclosures-clerk.house.gov/public_disc/ptr-pdfs/2021/{document}.pdf",
        "cap_gains_over_200_usd": "False",
    } | changes


def write_csv(path: Path, *rows: dict[str, str]) -> Path:
    text = io.StringIO()
    writer = csv.DictWriter(text, HOUSE_COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(text.getvalue())
    return path


def house_filing(index: int, trades: list[dict[str, str]], **filer: str) -> dict[str, Any]:
    information = {"name": "Hon. Bea Q. Sample", "status": "Member", "state_district": "zZ05"} | filer
    return {"year_file": 2018, "index": index, "filer_information": information, "trades": trades}


def house_trade(**changes: str) -> dict[str, str]:
    return {
        "ticker": "ACME",
        "transaction_type": "S",
        "transaction_date": "01/4/2018",
        "notification_date": "02/6/2018",
        "amount": "$1,001-$15,000",
    } | changes
