"""What the generator writes: raw formats, agreement with its own manifest, the same bytes for the same seed."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llm_pipeline.sample.manifest import SampleManifest
from llm_pipeline.sample.row_defects import ROW_DEFECTS
from llm_pipeline.sample.write import write_sample

END = date(2026, 11, 21)
Raw = dict[tuple[str, str], list[dict]]


@pytest.fixture(scope="module")
def sample(tmp_path_factory) -> SampleManifest:
    return write_sample(tmp_path_factory.mktemp("sample"), end=END)


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def senate_reports(sample: SampleManifest) -> list[dict]:
    daily = [r for path in sample.senate.glob("transaction_report_for_*.json") for r in json.loads(path.read_text())]
    titled = [json.loads(line) for line in (sample.senate / "titled_reports.jsonl").read_text().splitlines()]
    return daily + [line["raw"] for line in titled]


def house_rows(sample: SampleManifest) -> list[dict]:
    with (sample.house / "all_transactions.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def ptr_filings(sample: SampleManifest) -> list[dict]:
    return [json.loads(line) for line in (sample.house / "ptr_parsed.jsonl").read_text().splitlines()]


def raw_rows(sample: SampleManifest) -> Raw:
    """Rows as the files have them, by source and document id, read without the project's readers."""
    rows: Raw = {}
    for report in senate_reports(sample):
        found = re.search(r"/view/(?:ptr|paper)/([0-9a-fA-F-]{36})/$", report["ptr_link"])
        assert found
        given_rows = report["transactions"]
        real = isinstance(given_rows, list) and not any("scanned_pdf" in row for row in given_rows)
        rows["senate_efd", found[1].lower()] = given_rows if real else []
    for row in house_rows(sample):
        number = row["ptr_link"].rsplit("/", 1)[1].removesuffix(".pdf")
        rows.setdefault(("house_stock_watcher", number), []).append(row)
    for filing in ptr_filings(sample):
        rows["house_ptr", f"{filing['year_file']}-{filing['index']}"] = filing["trades"]
    return rows


def agrees_with_files(sample: SampleManifest) -> None:
    rows = raw_rows(sample)
    told = {(f.source, f.source_document_id): f.rows for f in sample.filings}
    assert {key: len(some) for key, some in rows.items()} == told
    for planted in sample.planted:
        assert planted.row.row_ordinal <= told[planted.row.source, planted.row.source_document_id]
        assert planted.expected in planted.accept
    for anomaly in sample.anomalies:
        for row in anomaly.rows:
            assert row.row_ordinal <= told[row.source, row.source_document_id]
            assert sample.planted_row(row.source, row.source_document_id, row.row_ordinal) is None


def test_the_same_arguments_give_the_same_bytes_and_another_seed_does_not(sample, tmp_path):
    again = write_sample(tmp_path / "again", end=END)
    other = write_sample(tmp_path / "other", end=END, seed=8)
    assert again == sample
    assert files_of(again.folder) == files_of(sample.folder)
    assert files_of(other.folder).keys() & {"house/all_transactions.csv", "manifest.json"}
    assert files_of(other.folder) != files_of(sample.folder)


def test_the_demo_is_six_to_nine_hundred_disclosures_of_sixty_days(sample):
    assert 600 <= sample.disclosures <= 900
    assert (sample.end - sample.start).days == 60
    assert all(sample.start <= filing.disclosed < sample.end for filing in sample.filings)
    assert all(filing.disclosed.weekday() < 5 for filing in sample.filings)


def test_the_manifest_agrees_with_the_files(sample):
    agrees_with_files(sample)
    written = json.loads((sample.folder / "manifest.json").read_text())
    assert written["disclosures"] == sample.disclosures == sum(map(len, raw_rows(sample).values()))
    assert len(written["planted"]) == len(sample.planted)


def test_senate_reports_have_the_keys_of_the_export(sample):
    reports = senate_reports(sample)
    assert {tuple(report) for report in reports} == {
        ("first_name", "last_name", "office", "ptr_link", "date_recieved", "transactions", "bioguide")
    }
    rows = [row for some in raw_rows(sample).values() for row in some if "comment" in row]
    assert {tuple(row) for row in rows} == {
        ("transaction_date", "owner", "ticker", "asset_description", "asset_type", "type", "amount", "comment")
    }
    assert all(
        re.fullmatch(r"transaction_report_for_\d\d_\d\d_\d{4}\.json|titled_reports\.jsonl", path.name)
        for path in sample.senate.iterdir()
    )


def test_wrapped_senate_reports_have_titles_and_the_keys_of_the_wrapper(sample):
    lines = [json.loads(line) for line in (sample.senate / "titled_reports.jsonl").read_text().splitlines()]
    assert {tuple(line) for line in lines} == {
        (
            "report_uid",
            "source_commit",
            "source_file",
            "source_index",
            "link_kind",
            "removed_upstream_2020_12",
            "report_title",
            "raw",
        )
    }
    first, second = (line["report_title"] for line in lines)
    assert second == f"{first} (Amendment 1)"
    assert lines[0]["raw"]["transactions"] != lines[1]["raw"]["transactions"]
    states = {f.source_document_id: f.state for f in sample.filings}
    assert [states[line["report_uid"]] for line in lines] == ["superseded", "parsed"]


def test_house_files_have_the_columns_and_keys_of_the_exports(sample):
    header = (sample.house / "all_transactions.csv").read_text(encoding="utf-8").splitlines()[0]
    assert header == (
        "disclosure_year,disclosure_date,transaction_date,owner,ticker,asset_description,type,amount,"
        "representative,district,ptr_link,cap_gains_over_200_usd"
    )
    filings = ptr_filings(sample)
    assert {tuple(filing) for filing in filings} == {("year_file", "index", "filer_information", "trades")}
    assert {tuple(trade) for filing in filings for trade in filing["trades"]} == {
        ("ticker", "transaction_type", "transaction_date", "notification_date", "amount")
    }
    amounts = [trade["amount"] for filing in filings for trade in filing["trades"]]
    assert not any(" - " in amount for amount in amounts)


def test_the_quirks_of_the_sources_are_there(sample):
    senate = json.dumps(senate_reports(sample))
    house = (sample.house / "all_transactions.csv").read_bytes().decode()
    for quirk in (
        '<a href=\\"https://finance.yahoo.com/q?s=',
        "(Exchanged) <br>",
        '"ticker": "--"',
        '<div class=\\"text-muted\\"><em>Rate/Coupon:</em>',
        "&amp;",
        '"asset_type": ""',
        "/view/paper/",
        '"scanned_pdf": true',
        "see attached schedule",
        "\\u0000",
        "\\ud83d",
        "{{ 7 * 7 }}",
        "Ignore all previous instructions",
        ", Jr.",
        " , III",
    ):
        assert quirk in senate, quirk
    assert re.search(r",00\d\d-\d\d-\d\d,", house)
    assert "FILINg STATuS" in house
    assert "gfedc" in (sample.house / "ptr_parsed.jsonl").read_text()
    assert (
        max(len(row["asset_description"]) for some in raw_rows(sample).values() for row in some if "comment" in row)
        > 19_000
    )


def test_a_filer_is_written_in_two_spellings(sample):
    spellings: dict[str, set[str]] = {}
    for report in senate_reports(sample):
        spellings.setdefault(report["bioguide"], set()).add(f"{report['first_name']} {report['last_name']}")
    assert any(len(some) > 1 for some in spellings.values())


def test_every_defect_and_quirk_is_planted_at_least_once(sample):
    planted = sample.counts()
    assert {defect.kind for defect in ROW_DEFECTS} <= planted.keys()
    assert {
        "repeated_in_filing",
        "same_trade_other_owner",
        "opposite_sides_in_filing",
        "duplicate_across_filings",
        "filed_again_later",
        "contradictory_amounts",
        "bad_source_url",
    } <= planted.keys()
    assert Counter(f.state for f in sample.filings).keys() == {"parsed", "empty", "failed", "superseded"}


def test_copies_plant_more_of_each(tmp_path):
    twice = write_sample(tmp_path, end=END, copies=2).counts()
    assert twice["impossible_date"] == 4  # one per copy in each of two sources
    assert twice["garbled_ocr"] == 2


def test_one_pattern_of_each_kind_is_planted_and_filed_in_time(sample):
    assert {a.classification for a in sample.anomalies} == {
        "FREQUENCY_SPIKE",
        "AMOUNT_ANOMALY",
        "TIMING_ANOMALY",
        "SECTOR_CLUSTER",
        "COORDINATED_PATTERN",
    }
    disclosed = {(f.source, f.source_document_id): f.disclosed for f in sample.filings}
    for anomaly in sample.anomalies:
        assert len(anomaly.rows) >= 4
        for row in anomaly.rows:
            assert disclosed[row.source, row.source_document_id] - anomaly.start <= timedelta(days=45)
    (together,) = (a for a in sample.anomalies if a.kind == "coordinated_trades")
    assert len(together.filers) == 4
    assert (together.end - together.start).days <= 6


def test_a_baseline_gives_the_filers_of_patterns_a_past(tmp_path):
    with_past = write_sample(tmp_path / "a", end=END, baseline_months=12)
    without = write_sample(tmp_path / "b", end=END, patterns=False)
    assert min(f.disclosed for f in with_past.filings) < with_past.start - timedelta(days=300)
    assert without.anomalies == ()
    agrees_with_files(with_past)
    agrees_with_files(without)


def test_nobody_real_is_meant(sample):
    assert all(report["bioguide"].startswith("X9") for report in senate_reports(sample))


def test_a_sample_replaces_a_sample_but_nothing_else(tmp_path):
    write_sample(tmp_path / "s", end=END)
    smaller = write_sample(tmp_path / "s", end=END, start=END - timedelta(days=7), filings_per_week=3)
    agrees_with_files(smaller)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    with pytest.raises(FileExistsError, match="holds no sample"):
        write_sample(tmp_path / "mine", end=END)


def test_a_window_without_a_working_day_is_refused(tmp_path):
    saturday = date(2026, 11, 21)
    with pytest.raises(ValueError, match="no working day"):
        write_sample(tmp_path, start=saturday, end=saturday + timedelta(days=2))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 2**32),
    end=st.dates(date(2013, 1, 1), date(2030, 1, 1)),
    days=st.integers(5, 40),
    rate=st.floats(0, 25),
)
def test_any_seed_and_window_gives_files_that_agree_with_the_manifest(seed, end, days, rate):
    with TemporaryDirectory() as folder:
        sample = write_sample(Path(folder), seed=seed, start=end - timedelta(days=days), end=end, filings_per_week=rate)
        agrees_with_files(sample)
        assert all(sample.start <= filing.disclosed < end for filing in sample.filings)
