from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import pytest

from llm_pipeline.validation.context import context_of
from llm_pipeline.validation.evaluate import labelled, measure
from llm_pipeline.validation.facts import compute_facts
from llm_pipeline.validation.record import record_from_json
from llm_pipeline.validation.verdict import decide
from llm_pipeline_tests.validation.records import NOW, facts_of, record


def test_measures_count_right_wrong_and_nothing_as_none() -> None:
    clean, late = record(), record(record_id="r2", filing_date="2023-06-20", extraction_ts="2023-06-21")
    verdicts = [decide(r, f) for r, f in zip((clean, late), facts_of(clean, late), strict=True)]
    lines = [
        labelled({"is_defect": False, "accept": ["accept"]}, verdicts[0]),
        labelled({"is_defect": True, "kind": "late_filing_over_45d", "accept": ["flag"]}, verdicts[1]),
        labelled({"is_defect": True, "kind": "wrong_enum", "accept": ["reject"]}, verdicts[0]),
    ]
    found = measure(lines).to_json()
    assert (found["n"], found["right"], found["false_alarms"], found["clean"]) == (3, 2, 0, 1)
    assert found["recall"] == 0.5
    assert found["kinds"]["late_filing_over_45d"]["precision"] == 1.0
    assert found["kinds"]["wrong_enum"] == {
        "n": 1,
        "caught": 0,
        "named": 0,
        "named_elsewhere": 0,
        "recall": 0.0,
        "precision": None,
    }
    assert measure([]).to_json()["recall"] is None


def test_a_label_without_statuses_is_refused() -> None:
    with pytest.raises(ValueError, match="r1"):
        labelled({"is_defect": True, "kind": "x"}, decide(record(), facts_of(record())[0]))


def test_the_rules_alone_reach_their_figures_on_the_labelled_set(shared_data: Path) -> None:
    file = shared_data / "bench" / "gate_public.jsonl"
    lines = [json.loads(text) for text in file.read_text(encoding="utf-8").splitlines()]
    records = [record_from_json(line["record"]) for line in lines]
    context = context_of(records, NOW)
    batches = defaultdict(list)
    for line, one in zip(lines, records, strict=True):
        batches[line["batch_id"]].append(one)
    facts = {i: f for rows in batches.values() for i, f in compute_facts(rows, context).items()}
    found = measure(
        labelled(line["label"], decide(one, facts[one.record_id])) for line, one in zip(lines, records, strict=True)
    )
    assert (found.clean, found.defects) == (626, 364)
    assert found.false_alarms <= 6
    for kind, figures in found.kinds.items():
        least = 0.8 if kind in ("garbled_ocr", "ticker_asset_mismatch") else 0.98
        assert (figures.recall or 0) >= least, kind
        assert (figures.precision or 0) >= 0.95, kind
