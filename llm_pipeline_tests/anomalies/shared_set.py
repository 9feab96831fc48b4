"""Reads the labelled set and the reference files of the folder shared/data, for tests only."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from llm_pipeline.anomalies.detection.book import SCHEMA, TradeBook, frame_of
from llm_pipeline.anomalies.detection.congress import Congress
from llm_pipeline.anomalies.detection.trade import Trade, side_of
from llm_pipeline.anomalies.intake import with_sectors
from llm_pipeline.disclosures.amounts import parse_amount
from llm_pipeline.reference.asof import Reference
from llm_pipeline.reference.records import CalendarEvent, CommitteeSpell
from llm_pipeline_tests.anomalies.scenes import THRESHOLDS


def _rows(path: Path) -> list[dict[str, str]]:
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return list(csv.DictReader(text.decode().splitlines()))


def public_trades(folder: Path) -> list[Trade]:
    """The trades of the public set."""
    trades = []
    for line in gzip.decompress((folder / "bench/anomaly_public_trades.jsonl.gz").read_bytes()).decode().splitlines():
        row = json.loads(line)
        amount, side = parse_amount(row["amount_range"]), side_of(row["transaction_type"])
        assert side is not None
        trades.append(
            Trade(
                record_id=row["record_id"],
                filer=row["filer_name"],
                filer_key=row["bioguide"],
                chamber=row["filer_chamber"],
                transaction_date=date.fromisoformat(row["transaction_date"]),
                disclosure_date=date.fromisoformat(row["filing_date"]),
                ticker=None if row["ticker"] == "--" else row["ticker"],
                asset_description=row["asset_description"],
                asset_type=row["asset_type"],
                side=side,
                amount_index=amount.index if amount else None,
                amount_low=amount.low if amount else None,
                amount_high=amount.high if amount else None,
                owner=row["owner"],
                source_url=row["source_url"],
            )
        )
    return trades


def public_labels(folder: Path) -> dict[str, Any]:
    """The labels of the public set."""
    labels: dict[str, Any] = json.loads((folder / "bench/anomaly_public_labels.json").read_text())
    return labels


def book_of(trades: Sequence[Trade], reference: Reference) -> TradeBook:
    """The trades as detection reads them, each with its company's sector of its day."""
    frame = with_sectors(frame_of(trades, {}).drop("sector"), reference)
    return TradeBook(frame.select(pl.col(name).cast(kind) for name, kind in SCHEMA.items()), THRESHOLDS)


def senate(folder: Path) -> Congress:
    """Seats, calendar and committee sectors of the Senate."""
    spells = [
        CommitteeSpell(
            row["bioguide"],
            row["committee_code"],
            date.fromisoformat(row["first_snapshot"]),
            date.fromisoformat(row["absent_from_snapshot"]) if row["absent_from_snapshot"] else None,
        )
        for row in _rows(folder / "congress/senate_committee_membership_2018_2021.csv")
    ]
    events = [
        CalendarEvent(
            row["event_id"],
            "hearing" if row["event_type"] == "hearing" else "floor_vote",
            date.fromisoformat(row["date"]),
            row["title"],
            row["committee_code"] or None,
            row["bill_number"] or None,
            tuple(name for name in row["sector_tags_derived"].split(";") if name),
            "",
        )
        for row in _rows(folder / "congress/senate_calendar_2019-09_2020-12.csv")
    ]
    committee_sectors = {
        row["committee_code"]: [name for name in row["gics_sectors_hand_assigned"].split(";") if name]
        for row in _rows(folder / "congress/committee_sector_map.csv")
    }
    return Congress(spells, events, committee_sectors)
