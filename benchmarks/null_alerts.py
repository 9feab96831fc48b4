"""Alerts on data without anomalies: `python -m benchmarks.null_alerts FOLDER [SEEDS [FIRST]]`.

FOLDER is laid out like `shared/data`; as many deals as SEEDS says, the first with seed FIRST (10 from 0). The labelled
set's own trades, its injected ones left out, are dealt out anew to dates and filers; printed is the share of as-of days
with an alert, beside the level it must not exceed.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from pathlib import Path
from typing import get_args

import polars as pl

from llm_pipeline.anomalies.detection.book import SCHEMA, TradeBook, frame_of
from llm_pipeline.anomalies.detection.congress import Congress
from llm_pipeline.anomalies.detection.thresholds import Thresholds
from llm_pipeline.anomalies.detection.walk import walk
from llm_pipeline.anomalies.evaluation import read_trades
from llm_pipeline.anomalies.intake import with_sectors
from llm_pipeline.anomalies.null_data import AlertRate, Disclosure, dealt_anew
from llm_pipeline.reference.folder import load_reference

START, END = date(2019, 9, 1), date(2021, 3, 1)


def one_deal(folder: Path, seed: int, disclosure: Disclosure) -> tuple[int, int, Counter[str]]:
    """As-of days, those with an alert, and days by detector, for one deal."""
    reference = load_reference(folder, prices=False)
    trades, _ = read_trades(folder / "bench/anomaly_public_trades.jsonl.gz")
    labels = json.loads((folder / "bench/anomaly_public_labels.json").read_text(encoding="utf-8"))
    injected = set(labels["synthetic_record_ids"])
    dealt = dealt_anew([one for one in trades if one.record_id not in injected], seed, disclosure)
    frame = with_sectors(frame_of(dealt, {}).drop("sector"), reference)
    book = TradeBook(frame.select(pl.col(name).cast(kind) for name, kind in SCHEMA.items()), Thresholds())
    congress = Congress(reference.spells, reference.events, reference.committee_sectors)
    found = [candidates for _, candidates in walk(book, congress, START, END)]
    detectors = Counter(name for some in found for name in {one.detector for one in some})
    return len(found), sum(bool(some) for some in found), detectors


def main(folder: Path, seeds: int = 10, first: int = 0) -> None:
    """Print the table of benchmarks/README.md."""
    print("| disclosed | seeds | as-of days | with an alert | share | 95 % interval | by detector |")
    print("|---|---|---|---|---|---|---|")
    with ProcessPoolExecutor(2) as pool:
        for disclosure in get_args(Disclosure):
            jobs = [pool.submit(one_deal, folder, seed, disclosure) for seed in range(first, first + seeds)]
            days, alerted, detectors = 0, 0, Counter[str]()
            for job in jobs:
                n, k, by = job.result()
                days, alerted, detectors = days + n, alerted + k, detectors + by
            rate = AlertRate(days, alerted)
            low, high = rate.interval()
            print(
                f"| {disclosure} | {first} to {first + seeds - 1} | {days:,} | {alerted} | {rate.rate:.1%} | "
                f"{low:.1%} to {high:.1%} | "
                + ", ".join(f"{name} {count}" for name, count in detectors.most_common())
                + " |"
            )


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
