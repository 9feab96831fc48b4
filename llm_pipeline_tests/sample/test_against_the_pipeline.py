"""The manifest's promises, held against the project's own readers and rules (no database, no model).

Guards both sides: a sample that calls a clean row clean although the rules flag it, and a rule that begins to flag
ordinary rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

import pytest

from llm_pipeline.disclosures.filing import Filing
from llm_pipeline.disclosures.identity import disclosure_id, identify
from llm_pipeline.disclosures.normalise import normalise_row
from llm_pipeline.disclosures.readers import READERS
from llm_pipeline.sample.gate_set import gate_lines
from llm_pipeline.sample.manifest import SampleManifest
from llm_pipeline.sample.write import write_sample
from llm_pipeline.validation.context import context_of
from llm_pipeline.validation.facts import compute_facts
from llm_pipeline.validation.issue import RecordFacts
from llm_pipeline.validation.record import ValidationRecord, record_from_json

END = date(2026, 11, 21)
NOW = datetime.combine(END, time(4), UTC)
# What the publishers never state is not held against a row.
UNSTATED = {
    "house_stock_watcher": frozenset({"asset_type"}),
    "house_ptr": frozenset({"asset_type", "source_url", "asset_description"}),
}


@pytest.fixture(scope="module")
def sample(tmp_path_factory) -> SampleManifest:
    return write_sample(tmp_path_factory.mktemp("sample"), end=END)


def filings_read(sample: SampleManifest) -> dict[tuple[str, str], Filing]:
    places = {
        "senate_efd": sample.senate,
        "house_stock_watcher": sample.house,
        "house_ptr": sample.house,
    }
    return {
        (source, filing.source_document_id): filing
        for source, place in places.items()
        for filing in READERS[source].filings(place)
    }


def records_of(filing: Filing) -> Iterator[ValidationRecord]:
    person = identify(filing.filer)
    for row in filing.rows:
        steps = normalise_row(filing, row, person, person.politician_id)
        typed = {name: value for step in steps for name, value in step.fields.items()}
        filed = {name: text for step in steps for name, text in step.as_filed.items()}
        yield ValidationRecord(
            record_id=disclosure_id(filing.source, filing.source_document_id, row.ordinal),
            filer_name=person.full_name,
            filer_chamber=person.chamber,
            transaction_date=typed["transaction_date"] or filed["transaction_date"],
            filing_date=typed["disclosure_date"],
            ticker=typed["asset_ticker"],
            asset_description=typed["asset_name"],
            asset_type=typed["asset_type"],
            transaction_type=typed["transaction_type"],
            amount_range=filed["amount_range"],
            owner=typed["owner"],
            source_url=filing.url,
            extraction_method=filing.extraction_method,
            extraction_ts=(NOW - timedelta(hours=1)).isoformat(),
            source=filing.source,
            source_document_id=filing.source_document_id,
            row_ordinal=row.ordinal,
        )


def verdict(facts: RecordFacts) -> str:
    actions = {issue.action for issue in facts.issues}
    return "reject" if "reject" in actions else "flag" if "flag" in actions else "pass"


def test_the_readers_find_exactly_the_filings_of_the_manifest(sample):
    read = filings_read(sample)
    told = {(f.source, f.source_document_id): f for f in sample.filings}
    assert read.keys() == told.keys()
    for key, filing in read.items():
        assert (filing.error is not None) == (told[key].state == "failed"), key
        assert len(filing.rows) == told[key].rows, key
        assert filing.error or filing.disclosure_date == told[key].disclosed, key
        assert (told[key].state == "empty") == (not filing.rows and not filing.error), key


def test_the_rules_pass_ordinary_rows_and_say_of_planted_ones_what_the_manifest_says(sample):
    superseded = {f.source_document_id for f in sample.filings if f.state == "superseded"}
    records = [
        record
        for filing in filings_read(sample).values()
        if filing.source_document_id not in superseded
        for record in records_of(filing)
    ]
    facts = compute_facts(records, context_of(records, NOW, unstated=UNSTATED))
    wrong = []
    for record in records:
        assert record.source
        assert record.source_document_id
        assert record.row_ordinal
        planted = sample.planted_row(record.source, record.source_document_id, record.row_ordinal)
        status = verdict(facts[record.record_id])
        if status not in (planted.accept if planted else ("pass",)):
            wrong.append((planted.kind if planted else "ordinary", status, facts[record.record_id].issues))
    assert wrong == []


def test_the_rules_agree_with_the_labels_of_the_gate_set():
    lines = list(gate_lines(400, 5, end=END))
    records = [record_from_json(line["record"]) for line in lines]
    context = context_of(records, NOW)
    wrong = []
    for batch in sorted({line["batch_id"] for line in lines}):
        mine = [(line, r) for line, r in zip(lines, records, strict=True) if line["batch_id"] == batch]
        facts = compute_facts([r for _, r in mine], context)
        for line, record in mine:
            status = verdict(facts[record.record_id]).replace("pass", "accept")
            if status not in line["label"]["accept"]:
                wrong.append((line["label"], status))
    assert wrong == []
