from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from llm_pipeline.anomalies.evaluation import EvaluationFileError, evaluate_files, summary_lines
from llm_pipeline.reference.asof import Reference
from llm_pipeline_tests.anomalies.stored import BURST, burst, habit

FILER = "Quillon A Featherbarrow"
OTHERS = [f"Another Filer {letter}" for letter in "ABCDEFGH"]
"""Calm meanwhile: without others nobody can tell a filer's burst from a busy time of all."""


def write(folder: Path, **event: object) -> tuple[Path, Path]:
    trades = folder / "trades.jsonl"
    lines = [
        {
            "record_id": f"{row.name}-{number}",
            "bioguide": f"X90000{number}",
            "filer_name": name,
            "filer_chamber": "Senate",
            "owner": "Self",
            "transaction_date": str(row.traded + timedelta(days=3 * number)),
            "filing_date": str(row.disclosed + timedelta(days=3 * number)),
            "ticker": row.ticker,
            "asset_description": "x",
            "asset_type": "Stock",
            "transaction_type": row.side,
            "amount_range": "$1,001 - $15,000",
            "source_url": "",
        }
        for number, name in enumerate([FILER, *OTHERS])
        for row in [*habit(name), *(burst(name) if name == FILER else [])]
    ]
    trades.write_text("\n".join(json.dumps(line) for line in lines))
    labels = folder / "labels.json"
    labelled = {
        "event_id": "e-1",
        "label": "anomaly",
        "type": "frequency_spike",
        "filer_names": [FILER],
        "start": str(BURST),
        "end": str(BURST + timedelta(days=8)),
        "record_ids": [f"{row.name}-0" for row in burst(FILER)],
        **event,
    }
    labels.write_text(json.dumps({"window": ["2020-01-01", str(date(2020, 12, 31))], "events": [labelled]}))
    return trades, labels


def test_a_planted_burst_is_found_and_reported_in_the_published_form(tmp_path: Path):
    result = evaluate_files(*write(tmp_path), Reference())
    document = result.as_json()
    assert document["metrics"]["recall"]["frequency_spike"]["recall"] == 1.0
    (spike,) = [one for one in document["alerts"] if one["classification"] == "FREQUENCY_SPIKE"]
    assert spike["filer"] == FILER
    assert spike.keys() >= {"start", "end", "trade_ids"}
    assert "frequency_spike: 1 of 1 found" in summary_lines(result)


@pytest.mark.parametrize("event", [{"type": "weather"}, {"start": "yesterday"}])
def test_labels_that_cannot_be_read_are_named(tmp_path: Path, event: dict):
    with pytest.raises(EvaluationFileError, match=r"labels\.json"):
        evaluate_files(*write(tmp_path, **event), Reference())


def test_a_line_that_cannot_be_read_is_named(tmp_path: Path):
    trades, labels = write(tmp_path)
    trades.write_text(trades.read_text() + '\n{"record_id": "x"}\n')
    with pytest.raises(EvaluationFileError, match=r"trades\.jsonl, line \d+"):
        evaluate_files(trades, labels, Reference())
