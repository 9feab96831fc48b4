"""`anomalies evaluate`: the real detection, walked day by day through a file of trades, measured against labels."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from llm_pipeline.anomalies.detection.book import SCHEMA, TradeBook, frame_of
from llm_pipeline.anomalies.detection.congress import Congress
from llm_pipeline.anomalies.detection.thresholds import Thresholds
from llm_pipeline.anomalies.detection.trade import Trade, side_of
from llm_pipeline.anomalies.detection.walk import episodes_of
from llm_pipeline.anomalies.evaluate import Alert, Measures, alert_of, labelled_events, measure_alerts
from llm_pipeline.anomalies.intake import with_sectors
from llm_pipeline.disclosures.amounts import parse_amount
from llm_pipeline.disclosures.names import name_key
from llm_pipeline.reference.asof import Reference


class EvaluationFileError(ValueError):
    """A file is not in the format of `anomalies evaluate`; the message names file and line."""


@dataclass(frozen=True)
class Evaluation:
    """Alerts in order of their first sight, and the measures."""

    alerts: tuple[Alert, ...]
    measures: Measures
    trades: int
    skipped: int

    def as_json(self) -> dict[str, Any]:
        """The one object that `--json` prints."""
        return {
            "alerts": [alert.as_json() for alert in self.alerts],
            "metrics": {"trades": self.trades, "skipped": self.skipped, **self.measures.as_json()},
        }


def evaluate_files(
    trades_file: Path, labels_file: Path, reference: Reference, thresholds: Thresholds | None = None
) -> Evaluation:
    """Walk through the trades as they became public and compare what is raised with the labels.

    Args:
        trades_file: JSON lines, plain or gzipped.
        labels_file: JSON with `window` and `events`.

    Raises:
        EvaluationFileError: a file is not in the format.
    """
    labels = _labels(labels_file)
    trades, skipped = read_trades(trades_file)
    if not trades:
        raise EvaluationFileError(f"{trades_file} holds no trade that can be evaluated")
    frame = with_sectors(frame_of(trades, {}).drop("sector"), reference)
    book = TradeBook(frame.select(pl.col(name).cast(kind) for name, kind in SCHEMA.items()), thresholds or Thresholds())
    congress = Congress(reference.spells, reference.events, reference.committee_sectors)
    try:
        events = labelled_events(labels)
        first, last = (date.fromisoformat(day) for day in labels["window"])
    except (KeyError, TypeError, ValueError) as error:
        raise EvaluationFileError(f"{labels_file}: {error}") from error
    after = max(trade.disclosure_date for trade in trades) + timedelta(days=1)
    alerts = tuple(alert_of(one) for one in episodes_of(book, congress, first, after))
    return Evaluation(alerts, measure_alerts(alerts, events, len(book.filer_keys), (first, last)), len(trades), skipped)


def summary_lines(result: Evaluation) -> list[str]:
    """The result for a person."""
    found = result.measures
    lines = [
        f"{kind}: {one.hit} of {one.n} found" + (f", missed {', '.join(one.missed)}" if one.missed else "")
        for kind, one in sorted(found.by_type.items())
    ]
    rate = found.per_filer_month
    return [
        *lines,
        f"decoys alerted: {len(found.decoys_alerted)} of {found.decoys}",
        f"alerts: {found.alerts}, of them {found.elsewhere} touch no labelled anomaly"
        + ("" if rate is None else f" ({rate:.3f} per filer and month)"),
        f"alert days: {found.alert_days}, elsewhere {found.alert_days_elsewhere}",
        f"{result.trades} trades evaluated, {result.skipped} without date or side left out",
    ]


def _labels(file: Path) -> Mapping[str, Any]:
    try:
        labels = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EvaluationFileError(f"{file} is not readable JSON: {error}") from error
    if not isinstance(labels, dict):
        raise EvaluationFileError(f"{file} must hold one JSON object with `window` and `events`")
    return labels


def read_trades(file: Path) -> tuple[list[Trade], int]:
    """The trades of a set, and how many lines without date or side were left out.

    Raises:
        EvaluationFileError: the file is not in the format.
    """
    trades: list[Trade] = []
    skipped = 0
    for number, line in enumerate(_lines(file), 1):
        try:
            raw = json.loads(line)
            trade = _trade(raw)
        except (KeyError, TypeError, ValueError) as error:
            raise EvaluationFileError(f"{file}, line {number}: {error!r}") from error
        if trade is None:
            skipped += 1
        else:
            trades.append(trade)
    return trades, skipped


def _lines(file: Path) -> Iterator[str]:
    try:
        with gzip.open(file, "rt", encoding="utf-8") if file.suffix == ".gz" else file.open(encoding="utf-8") as lines:
            yield from (line for line in lines if line.strip())
    except (OSError, UnicodeDecodeError) as error:
        raise EvaluationFileError(f"{file} cannot be read: {error}") from error


def _trade(raw: Mapping[str, Any]) -> Trade | None:
    side = side_of(raw["transaction_type"] or "")
    if side is None or not raw["transaction_date"] or not raw["filing_date"]:
        return None
    ticker = (raw.get("ticker") or "").strip()
    band = parse_amount(raw.get("amount_range"))
    name = str(raw["filer_name"])
    return Trade(
        record_id=str(raw["record_id"]),
        filer=name,
        filer_key=raw.get("bioguide") or name_key(name),
        chamber=raw.get("filer_chamber") or "",
        transaction_date=date.fromisoformat(raw["transaction_date"]),
        disclosure_date=date.fromisoformat(raw["filing_date"]),
        ticker=ticker if ticker not in ("", "--") else None,
        asset_description=raw.get("asset_description") or "",
        asset_type=raw.get("asset_type") or "",
        side=side,
        amount_index=band.index if band else None,
        amount_low=band.low if band else None,
        amount_high=band.high if band else None,
        owner=raw.get("owner"),
        source_url=raw.get("source_url"),
    )
