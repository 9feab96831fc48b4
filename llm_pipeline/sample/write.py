"""Writing a whole sample: plan the filings, write them in the sources' formats, say what is in them."""

from __future__ import annotations

import json
import random
import shutil
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

from llm_pipeline.sample.filing_defects import Planter, plant_everything
from llm_pipeline.sample.filings import HOUSE, HOUSE_PTR, SENATE, Filing, FilingMaker, Source
from llm_pipeline.sample.house_format import write_house
from llm_pipeline.sample.manifest import FilingState, SampleFiling, SampleManifest
from llm_pipeline.sample.patterns import (
    CALM_FILERS,
    PATTERN_FILERS,
    plant_earlier_spikes,
    plant_patterns,
    quiet_past,
)
from llm_pipeline.sample.people import REPRESENTATIVES, SENATORS, Filer
from llm_pipeline.sample.reference import FOLDERS as REFERENCE_FOLDERS
from llm_pipeline.sample.reference import write_reference
from llm_pipeline.sample.senate_format import write_senate
from llm_pipeline.sample.trading_days import open_days

MANIFEST_FILE = "manifest.json"
DEMO_DAYS = 60

_SOURCES: tuple[Source, ...] = ("senate_efd", "house_stock_watcher", "house_ptr")
_SOURCE_WEIGHTS = (55, 38, 7)
_CAPITALS = 0.06


def _ordinary(maker: FilingMaker, days: list[date], count: int) -> list[Filing]:
    apart = {*PATTERN_FILERS, *CALM_FILERS}
    everyone: dict[Source, list[Filer]] = {
        "senate_efd": [f for f in SENATORS if f not in apart],
        "house_stock_watcher": [f for f in REPRESENTATIVES[:18] if f not in apart],
        "house_ptr": [f for f in REPRESENTATIVES[18:] if f not in apart],
    }
    filings = []
    # Each source gets one at least: an empty file is no export.
    sources = [*_SOURCES, *maker.rng.choices(_SOURCES, _SOURCE_WEIGHTS, k=max(0, count - len(_SOURCES)))]
    for source in sources:
        people = everyone[source]
        # A few filers trade much, most little: the weights fall as 1/rank.
        filer = maker.rng.choices(people, [1 / rank for rank in range(1, len(people) + 1)])[0]
        filing = maker.ordinary(source, filer, maker.rng.choice(days))
        capitals = source == SENATE and maker.rng.random() < _CAPITALS
        filings.append(replace(filing, capitals=capitals))
    return filings


def _state(filing: Filing, superseded: set[str]) -> FilingState:
    if filing.document_id in superseded:
        return "superseded"
    return {"electronic": "parsed", "paper": "empty", "scanned": "empty", "broken": "failed"}[filing.form]  # type: ignore[return-value]


def _cleared(folder: Path) -> Path:
    """The folder, without the sample it may hold.

    Raises:
        FileExistsError: it holds something that is not a sample.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / MANIFEST_FILE).exists():
        raise FileExistsError(f"{folder} is not empty and holds no sample; give another folder")
    for name in ("senate", "house", *REFERENCE_FOLDERS):
        shutil.rmtree(folder / name, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def write_sample(
    folder: Path,
    *,
    end: date,
    start: date | None = None,
    seed: int = 7,
    filings_per_week: float = 16.0,
    copies: int = 1,
    patterns: bool = True,
    baseline_months: int = 0,
) -> SampleManifest:
    """Write `senate/`, `house/`, the reference data that fit them and `manifest.json` into a folder; a sample that is
    there is replaced.

    The default is the demo: about 700 disclosures that became public in the 60 days before `end`.

    Args:
        end: day after the last disclosure date. Trade dates lie up to two years earlier.
        start: first disclosure date; default 60 days before `end`.
        seed: the same seed and dates give the same bytes.
        filings_per_week: ordinary filings; each has 1 to 14 rows, 4.6 on average.
        copies: how many of each defect and quirk; fewer where rows run out.
        patterns: whether the five anomalies are planted.
        baseline_months: months of monthly filings before `start` for the filers of the anomalies, and for some calm
            ones; with any, two more anomalies are planted early in the window.

    Raises:
        ValueError: no day of [start, end) is a working day.
        FileExistsError: the folder holds something else.
    """
    start = start or end - timedelta(days=DEMO_DAYS)
    days = open_days(start, end)
    if not days:
        raise ValueError(f"no working day from {start} to before {end}; reports arrive on working days")
    maker = FilingMaker(random.Random(seed))
    count = round(filings_per_week * (end - start).days / 7)
    planter = Planter(maker, _ordinary(maker, days, count))
    plant_everything(planter, days, copies)
    filings, anomalies = planter.filings, []
    if patterns:
        for filer in (*PATTERN_FILERS, *CALM_FILERS):
            filings += quiet_past(maker, filer, start - timedelta(days=30 * baseline_months), days[-1])
        # Without a past there is nothing to stand out against, and without weeks behind it no outcome.
        earlier = plant_earlier_spikes(maker, days[len(days) // 6]) if baseline_months else []
        for pattern in [*plant_patterns(maker, days[-1]), *earlier]:
            filings += pattern.filings
            anomalies.append(pattern.anomaly)
    _cleared(folder)
    by_source = {source: [f for f in filings if f.source == source] for source in _SOURCES}
    write_senate(folder / "senate", by_source[SENATE])
    write_house(folder / "house", by_source[HOUSE], by_source[HOUSE_PTR])
    write_reference(folder, filings, anomalies, end, seed)
    manifest = SampleManifest(
        seed=seed,
        start=start,
        end=end,
        filings=tuple(
            SampleFiling(f.source, f.document_id, f.received, len(f.trades), _state(f, planter.superseded))
            for f in filings
        ),
        planted=planter.planted,
        anomalies=tuple(anomalies),
        folder=folder,
    )
    text = json.dumps(manifest.as_json(), default=str, indent=1)
    (folder / MANIFEST_FILE).write_text(text + "\n", encoding="utf-8")
    return manifest
