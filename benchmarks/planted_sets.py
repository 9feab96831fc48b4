"""Recall and false alerts on sets with planted anomalies: `python -m benchmarks.planted_sets FOLDER [SETS [FIRST]]`.

FOLDER is laid out like `shared/data`; as many sets as SETS says, the first with seed FIRST (8 from 5000). Anomalies and
decoys are planted among the labelled set's real trades (`benchmarks/planting.py`); the detectors walk through each set
as `llm-pipeline anomalies evaluate` does.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.planting import WINDOW, Planter
from llm_pipeline.anomalies.evaluate import Measures
from llm_pipeline.anomalies.evaluation import evaluate_files
from llm_pipeline.reference.asof import Reference
from llm_pipeline.reference.folder import load_reference
from llm_pipeline.reference.trading_days import trading_days


@cache
def _reference(folder: Path) -> Reference:
    return load_reference(folder, prices=False)


def plant(folder: Path, seed: int) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The trades and labels of one set."""
    injected = set(json.loads((folder / "bench/anomaly_public_labels.json").read_text("utf-8"))["synthetic_record_ids"])
    with gzip.open(folder / "bench/anomaly_public_trades.jsonl.gz", "rt", encoding="utf-8") as lines:
        real = [row for row in map(json.loads, lines) if row["record_id"] not in injected]
    reference = _reference(folder)
    companies = {one.ticker: (one.name or one.ticker, one.sector) for one in reference.earlier_ticker_sectors}
    return Planter(real, reference, companies, trading_days(*WINDOW), seed).planted()


def measured(folder: Path, seed: int) -> Measures:
    """What detection finds in one set."""
    rows, labels = plant(folder, seed)
    with TemporaryDirectory() as kept:
        trades_file, labels_file = Path(kept) / "trades.jsonl", Path(kept) / "labels.json"
        trades_file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        labels_file.write_text(json.dumps(labels), "utf-8")
        return evaluate_files(trades_file, labels_file, _reference(folder)).measures


def main(folder: Path, sets: int = 8, first: int = 5000) -> None:
    """Print what was found in each set, in all, what was missed and which decoys were alerted."""
    seeds = range(first, first + sets)
    with ProcessPoolExecutor(2) as pool:
        found = list(pool.map(measured, [folder] * sets, seeds))
    kinds = sorted(found[0].by_type)
    print("| set | " + " | ".join(kinds) + " | decoys alerted | alert days | elsewhere |")
    print("|---" * (len(kinds) + 4) + "|")
    total: Counter[str] = Counter()
    for seed, one in zip(seeds, found, strict=True):
        hits = [f"{one.by_type[kind].hit} of {one.by_type[kind].n}" for kind in kinds]
        total.update({kind: one.by_type[kind].hit for kind in kinds})
        decoys = f"{len(one.decoys_alerted)} of {one.decoys}"
        print(f"| {seed} | " + " | ".join(hits) + f" | {decoys} | {one.alert_days} | {one.alert_days_elsewhere} |")
    of = sum(one.by_type[kinds[0]].n for one in found)
    decoys = f"{sum(len(one.decoys_alerted) for one in found)} of {sum(one.decoys for one in found)}"
    print("| all | " + " | ".join(f"{total[kind]} of {of}" for kind in kinds) + f" | {decoys} | | |")
    print(
        "missed: " + (", ".join(miss for one in found for kind in kinds for miss in one.by_type[kind].missed) or "none")
    )
    print("decoys: " + (", ".join(decoy for one in found for decoy in one.decoys_alerted) or "none"))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
