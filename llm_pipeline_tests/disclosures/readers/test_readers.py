from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from llm_pipeline.disclosures.filing import Filing
from llm_pipeline.disclosures.readers import READERS, SourceError, reader_for
from llm_pipeline_tests.disclosures.samples import (
    house_filing,
    house_row,
    house_trade,
    senate_report,
    titled,
    uid,
    write_csv,
    write_lines,
)


def read(source: str, path: Path) -> list[Filing]:
    return list(reader_for(source).filings(path))


def test_an_unknown_source_is_an_error_naming_the_known_ones() -> None:
    with pytest.raises(SourceError, match="house_ptr, house_stock_watcher, senate_efd"):
        reader_for("nowhere")
    assert set(READERS) == {"senate_efd", "house_stock_watcher", "house_ptr"}


def test_array_lines_and_single_report_of_the_senate_read_alike(tmp_path: Path) -> None:
    report = senate_report(1)
    as_array = tmp_path / "array.json"
    as_array.write_text(json.dumps([report], indent=1))
    as_object = tmp_path / "object.json"
    as_object.write_text(json.dumps(report, indent=1))
    as_lines = write_lines(tmp_path / "lines.jsonl", report)
    wrapped = write_lines(tmp_path / "wrapped.jsonl", {"report_uid": uid(1), "link_kind": "ptr", "raw": report})
    filings = [read("senate_efd", path)[0] for path in (as_array, as_object, as_lines, wrapped)]
    assert {f.source_document_id for f in filings} == {uid(1)}
    assert len({f.content_sha256 for f in filings}) == 1
    assert filings[0].disclosure_date == date(2020, 2, 10)
    assert filings[0].rows[0].asset_name == "Acme Corp &amp; Sons"


def test_a_paper_report_has_no_rows_and_says_why(tmp_path: Path) -> None:
    link = f"https://efdsearch.senate.gov/search/view/paper/{uid(1)}/"
    scans = ([], [{"scanned_pdf": True, "ptr_link": link}])
    path = write_lines(tmp_path / "paper.jsonl", *(senate_report(1, list(rows), ptr_link=link) for rows in scans))
    for filing in read("senate_efd", path):
        assert filing.rows == ()
        assert filing.notes == ("paper filing: a scan without rows",)


def test_a_report_removed_upstream_is_kept_and_noted(tmp_path: Path) -> None:
    wrapper = {"report_uid": uid(1), "removed_upstream_2020_12": True, "raw": senate_report(1)}
    (filing,) = read("senate_efd", write_lines(tmp_path / "f.jsonl", wrapper))
    assert "removed this report" in filing.notes[0]
    assert len(filing.rows) == 1


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"ptr_link": ', "line 2 of f.jsonl is not JSON"),
        ("[1, 2]", "is not an object"),
        ("{}", "neither report_uid nor ptr_link"),
        (json.dumps(senate_report(9, transactions="none")), "`transactions` is not a list"),
        (json.dumps(senate_report(9, [7])), "`transactions[0]` is not an object"),  # type: ignore[list-item]
        ('{"ptr_link": NaN}', "NaN is not JSON"),
    ],
)
def test_one_broken_senate_report_does_not_stop_the_others(tmp_path: Path, line: str, words: str) -> None:
    path = write_lines(tmp_path / "f.jsonl", senate_report(1), line, senate_report(3))
    first, broken, last = read("senate_efd", path)
    assert first.error is last.error is None
    assert broken.error is not None
    assert words in broken.error
    assert broken.position == "f.jsonl#2"


def test_a_broken_first_line_does_not_stop_the_others(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "f.jsonl", '{"ptr_link": ', senate_report(2), senate_report(3))
    assert [f.error is None for f in read("senate_efd", path)] == [False, True, True]


def test_a_broken_file_among_several_is_one_failed_filing(tmp_path: Path) -> None:
    write_lines(tmp_path / "a.json", "[{")
    write_lines(tmp_path / "b.json", [senate_report(1)])
    broken, good = read("senate_efd", tmp_path)
    assert (broken.source_document_id, good.error) == ("a.json#0", None)
    assert "a.json" in (broken.error or "")


@pytest.mark.parametrize("text", ["", "[{", "\n\n"])
def test_a_broken_only_file_is_an_error_for_the_whole(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(SourceError, match=r"a\.json"):
        read("senate_efd", tmp_path)


def test_titles_and_named_amendments_are_read(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "f.jsonl", titled(1, "Report (Amendment 1)", amends=[uid(7).upper()]))
    (filing,) = read("senate_efd", path)
    assert (filing.title, filing.amends) == ("Report (Amendment 1)", (uid(7),))


def test_house_lines_of_one_document_make_one_filing(tmp_path: Path) -> None:
    rows = [house_row(1), house_row(2), house_row(1, ticker="OTHER")]
    first, second = read("house_stock_watcher", write_csv(tmp_path / "f.csv", *rows))
    assert (first.source_document_id, [r.ticker for r in first.rows]) == ("1", ["ACME", "OTHER"])
    assert [r.ordinal for r in first.rows] == [1, 2]
    assert second.filer.state == "ZZ"
    assert second.filer.district == "05"


def test_a_house_line_of_another_length_is_a_failed_filing(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "f.csv", house_row(1), house_row(2))
    path.write_text(path.read_text() + "2021,10/04/2021\n" + ",".join("x" * 14) + "\n")
    filings = read("house_stock_watcher", path)
    assert sorted(f.source_document_id for f in filings) == ["1", "2", "f.csv#4", "f.csv#5"]


def test_a_csv_without_its_columns_is_an_error_for_the_whole(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text("a,b\n1,2\n")
    with pytest.raises(SourceError, match="lacks disclosure_date"):
        read("house_stock_watcher", tmp_path / "f.csv")


def test_a_parsed_house_report_is_dated_by_its_latest_notification(tmp_path: Path) -> None:
    trades = [
        house_trade(notification_date="02/6/2018"),
        house_trade(notification_date="03/1/2018"),
        house_trade(notification_date="04/07/2118"),
    ]
    (filing,) = read("house_ptr", write_lines(tmp_path / "f.jsonl", house_filing(4, trades)))
    assert filing.source_document_id == "2018-4"
    assert filing.disclosure_date == date(2018, 3, 1)
    assert filing.filer.state == "ZZ"
    assert filing.notes == ("disclosure date is the latest notification date; the source has no filing date",)


def test_a_parsed_house_report_without_parts_is_a_failed_filing(tmp_path: Path) -> None:
    path = write_lines(
        tmp_path / "f.jsonl",
        {"year_file": 2018, "index": 1, "trades": []},
        {"index": 2},
        {"year_file": 2018, "index": 3, "filer_information": {}, "trades": {"ticker": "ACME"}},
    )
    filings = read("house_ptr", path)
    assert [f.source_document_id for f in filings] == ["2018-1", "f.jsonl#2", "2018-3"]
    assert all(f.error for f in filings)
