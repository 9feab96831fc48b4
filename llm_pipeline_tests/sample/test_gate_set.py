from __future__ import annotations

import json
from collections import Counter
from datetime import date

import pytest

from llm_pipeline.sample.gate_set import KINDS, gate_lines, write_gate_set

END = date(2026, 11, 21)


@pytest.fixture(scope="module")
def lines():
    return list(gate_lines(1_000, 3, end=END))


def test_it_writes_as_many_lines_as_asked_and_the_same_for_a_seed(tmp_path, lines):
    defects = write_gate_set(tmp_path / "a.jsonl", 1_000, 3, end=END)
    write_gate_set(tmp_path / "b.jsonl", 1_000, 3, end=END)
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()
    assert [json.loads(line) for line in (tmp_path / "a.jsonl").open()] == lines
    assert defects == sum(line["label"]["is_defect"] for line in lines)
    assert 300 < defects < 450


def test_lines_have_the_form_that_gate_evaluate_reads(lines):
    assert {tuple(line) for line in lines} == {("batch_id", "record", "label")}
    assert {tuple(sorted(line["record"])) for line in lines} == {
        (
            "amount_range",
            "asset_description",
            "asset_type",
            "extraction_method",
            "extraction_ts",
            "filer_chamber",
            "filer_name",
            "filing_date",
            "record_id",
            "source_url",
            "ticker",
            "transaction_date",
            "transaction_type",
        )
    }
    assert len({line["record"]["record_id"] for line in lines}) == 1_000
    assert max(Counter(line["batch_id"] for line in lines).values()) <= 50
    for line in lines:
        assert line["label"]["expected"] in line["label"]["accept"]


def test_all_thirteen_kinds_occur_about_equally(lines):
    counts = Counter(line["label"]["kind"] for line in lines if line["label"]["is_defect"])
    assert counts.keys() == set(KINDS)
    assert len(KINDS) == 13
    counts["contradictory_pair"] //= 2  # both lines of a pair are labelled
    assert max(counts.values()) - min(counts.values()) <= 1


def test_a_duplicate_follows_its_original_in_the_batch(lines):
    place = {line["record"]["record_id"]: n for n, line in enumerate(lines)}
    for n, line in enumerate(lines):
        if line["label"]["kind"] == "duplicate_in_batch":
            original = lines[place[line["label"]["pair_with"]]]
            assert place[line["label"]["pair_with"]] < n
            assert original["batch_id"] == line["batch_id"]
            assert {**original["record"], "record_id": ""} == {**line["record"], "record_id": ""}
