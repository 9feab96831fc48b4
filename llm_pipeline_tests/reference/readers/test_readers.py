"""Reading invented files in the published formats: what a row means, and what is said of a row that cannot be read."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from llm_pipeline.reference.folder import load_reference
from llm_pipeline.reference.readers import SourceError, strict
from llm_pipeline.reference.readers.calendar import read_calendar
from llm_pipeline.reference.readers.committees import read_committee_sectors, read_committee_spells, read_committees
from llm_pipeline.reference.readers.legislators import read_legislators
from llm_pipeline.reference.readers.prices import read_prices
from llm_pipeline.reference.readers.tickers import (
    read_earlier_ticker_sectors,
    read_ticker_changes,
    read_ticker_sectors,
)
from llm_pipeline.reference.records import (
    CalendarEvent,
    Committee,
    CommitteeSpell,
    EarlierTickerSector,
    Term,
    TickerChange,
    TickerSector,
)

SPELLS = """bioguide,committee_code,caucus_side,rank,title,first_snapshot,absent_from_snapshot,first_commit
X900001,SSXX,majority,1,Chairman,2019-01-10,2021-01-20,abc
x900002,ssxx05,minority,2,,2019-02-10,,abc
"""
PRICES = "ticker,date,adj_close\nAAA,2019-01-03,10.5000\nAAA,2019-01-02,10.2500\nB.C,2019-01-02,7\n"
CONSTITUENTS = "Symbol,Name,Sector\nAAA,Ay,Energy\nB.C,,Health Care\n"


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    files = {
        "/spells.csv": SPELLS.encode(),
        "/prices.csv.gz": gzip.compress(PRICES.encode()),
        "/lists/constituents_2020-12.csv.gz": gzip.compress(CONSTITUENTS.encode()),
    }

    class Served(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = files.get(self.path)
            self.send_response(200 if body is not None else 404)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Served)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_spells_are_read_from_a_file_and_from_a_url(tmp_path: Path, site: str) -> None:
    expected = [
        CommitteeSpell("X900001", "SSXX", date(2019, 1, 10), date(2021, 1, 20), "Chairman"),
        CommitteeSpell("X900002", "SSXX05", date(2019, 2, 10), None, None),
    ]
    assert strict(read_committee_spells(written(tmp_path, "spells.csv", "\ufeff" + SPELLS))) == expected
    assert strict(read_committee_spells(f"{site}/spells.csv")) == expected
    with pytest.raises(SourceError, match="404"):
        read_committee_spells(f"{site}/gone.csv")


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("X9,SSXX,,,,2019-13-01,,", "first_snapshot '2019-13-01' is no date"),
        ("X9,SSXX,,,,2019-01-10,2019-01-10,", "absent_from_snapshot 2019-01-10 is not after"),
        (",SSXX,,,,2019-01-10,,", "bioguide is empty"),
        ("X9,SSXX,,,,2019-01-10,", "7 cells, the header has 8"),
        ("X900001,SSXX,,,,2019-01-10,2020-01-01,", "repeats spells.csv line 2"),
    ],
)
def test_a_row_that_cannot_be_read_is_named_and_the_others_stay(tmp_path: Path, row: str, complaint: str) -> None:
    reading = read_committee_spells(written(tmp_path, "spells.csv", f"{SPELLS}{row}\n"))
    assert len(reading.rows) == 2
    (problem,) = reading.problems
    assert problem.startswith("spells.csv line 4: ")
    assert complaint in problem
    with pytest.raises(SourceError, match=r"spells\.csv line 4"):
        strict(reading)


def test_a_file_that_is_something_else_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="lacks the column absent_from_snapshot; it has bioguide,"):
        read_committee_spells(written(tmp_path, "a.csv", "bioguide,committee_code,first_snapshot\n"))
    with pytest.raises(SourceError, match="is empty"):
        read_committee_spells(written(tmp_path, "b.csv", ""))
    (tmp_path / "c.csv").write_bytes(SPELLS.encode() + b"\xff\xfe,SSXX,,,,2019-01-10,,\n")
    with pytest.raises(SourceError, match=r"c\.csv line \d+"):
        read_committee_spells(tmp_path / "c.csv")
    with pytest.raises(SourceError, match="names no file"):
        read_committee_spells(tmp_path / "gone.csv")
    with pytest.raises(SourceError, match="no JSON"):
        read_legislators(written(tmp_path, "d.json", "{"))
    with pytest.raises(SourceError, match="no JSON list"):
        read_legislators(written(tmp_path, "e.json", "{}"))


def legislator(**more: object) -> dict[str, object]:
    term = {"type": "rep", "start": "2019-01-03", "end": "2021-01-03", "state": "VT", "district": 0, "party": "X"}
    name = {"first": "Ada", "last": "Quarrel", "official_full": "Ada B. Quarrel", "nickname": "Addie", "middle": "B."}
    return {"id": {"bioguide": "X900001"}, "name": name, "terms": [term], **more}


def test_legislators_are_read_in_both_published_shapes(tmp_path: Path) -> None:
    compact = legislator(bioguide="X900002", ids={"fec": []}, other_names=[{"last": "Maiden"}])
    del compact["id"]
    text = json.dumps([legislator(), compact])
    first, second = strict(read_legislators(written(tmp_path, "legislators.json.gz", text)))
    assert (first.bioguide, first.full_name) == ("X900001", "Ada B. Quarrel")
    assert first.other_names == ("Ada Quarrel", "Addie Quarrel", "B. Quarrel")
    assert first.terms == (Term("House", date(2019, 1, 3), date(2021, 1, 3), "VT", "0", "X"),)
    assert second.bioguide == "X900002"
    assert "Ada Maiden" in second.other_names


def test_a_legislator_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    backwards = [{"type": "sen", "start": "2019-01-03", "end": "2018-01-03", "state": "VT"}]
    entries = [
        legislator(),
        legislator(),
        legislator(id={}),
        legislator(id={"bioguide": "X9"}, terms=backwards),
        legislator(id={"bioguide": "X8"}, terms=[{"type": "viceroy"}]),
        "text",
    ]
    reading = read_legislators(written(tmp_path, "l.json", json.dumps(entries)))
    assert len(reading.rows) == 1
    assert [problem.split(":")[0] for problem in reading.problems] == [f"l.json entry {n}" for n in (2, 3, 4, 5, 6)]
    assert "X900001 came before" in reading.problems[0]
    assert "bioguide is missing" in reading.problems[1]
    assert "before it starts" in reading.problems[2]
    assert "'viceroy' is neither sen nor rep" in reading.problems[3]


def test_committees_are_read_nested_and_flat_beside_spells(tmp_path: Path) -> None:
    nested = [
        {
            "type": "house",
            "name": "Committee on Lamps",
            "thomas_id": "HSLA",
            "subcommittees": [{"name": "Wicks", "thomas_id": "03"}],
        }
    ]
    flat = [{"code": "HSXX", "chamber": "house", "name": "On X", "parent": None, "jurisdiction": "X"}]
    written(tmp_path, "a.json", json.dumps(nested))
    written(tmp_path, "b.json", json.dumps(flat))
    written(tmp_path, "spells.csv", SPELLS)
    named = ",".join(str(tmp_path / name) for name in ("a.json", "spells.csv", "b.json"))
    for location in (str(tmp_path), named):
        assert strict(read_committees(location)) == [
            Committee("HSLA", "House", "Committee on Lamps", None, None),
            Committee("HSLA03", "House", "Wicks", "HSLA", None),
            Committee("HSXX", "House", "On X", None, "X"),
        ]
        assert len(strict(read_committee_spells(location))) == 2


def test_sectors_of_committees_are_gics_sectors(tmp_path: Path) -> None:
    text = "committee_code,committee_name,gics_sectors_hand_assigned\nSSXX,X,Utilities; Energy\nSSYY,Y,\nSSZZ,Z,Magic\n"
    reading = read_committee_sectors(written(tmp_path, "map.csv", text))
    assert dict(reading.rows) == {"SSXX": ("Energy", "Utilities"), "SSYY": ()}
    assert reading.problems == ["map.csv line 4: 'Magic' is no GICS sector"]


def test_tickers_without_sector_stay(tmp_path: Path) -> None:
    text = "ticker,name,sector,quality,more\nAAA,Ay Inc,Energy,gics,1\nb.c,,,,\nD,Dee,Magic,,\n"
    reading = read_ticker_sectors(written(tmp_path, "t.csv", text))
    assert reading.rows == [TickerSector("AAA", "Ay Inc", "Energy", "gics"), TickerSector("b.c", None, None, None)]
    assert len(reading.problems) == 1


def test_the_note_tells_a_renamed_company_from_a_bought_one(tmp_path: Path) -> None:
    text = """old_ticker,new_ticker,effective_date,note
A,B,2020-01-02,A Inc -> B Inc
C,D,2020-01-03,acquired
E,,2020-01-06,taken private
F,F,2020-01-07,old F ended
G,H,2020-01-08,now H; G reused by another
"""
    changes = strict(read_ticker_changes(written(tmp_path, "c.csv", text)))
    assert [(c.old, c.new, c.ended, c.reused) for c in changes] == [
        ("A", "B", False, False),
        ("C", "D", True, False),
        ("E", "", True, False),
        ("F", "F", True, True),
        ("G", "H", False, True),
    ]
    assert changes[0] == TickerChange("A", "B", date(2020, 1, 2), note="A Inc -> B Inc")


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("constituents_2020-12.csv", date(2020, 12, 31)),
        ("constituents_2020-12-18.csv.gz", date(2020, 12, 18)),
        ("sp500_2019-02.csv", date(2019, 2, 28)),
    ],
)
def test_a_list_of_constituents_is_of_the_day_in_its_name(tmp_path: Path, name: str, day: date) -> None:
    expected = [EarlierTickerSector("AAA", day, "Energy", "Ay"), EarlierTickerSector("B-C", day, "Health Care", None)]
    assert strict(read_earlier_ticker_sectors(written(tmp_path, name, CONSTITUENTS))) == expected


def test_a_list_of_constituents_is_read_from_a_url_and_several_at_once(tmp_path: Path, site: str) -> None:
    address = f"{site}/lists/constituents_2020-12.csv.gz"
    written(tmp_path, "constituents_2018-12.csv", CONSTITUENTS)
    both = strict(read_earlier_ticker_sectors(f"{address},{tmp_path / 'constituents_*.csv'}"))
    assert [(row.ticker, row.until.year) for row in both] == [
        ("AAA", 2020),
        ("B-C", 2020),
        ("AAA", 2018),
        ("B-C", 2018),
    ]


def test_a_column_tells_the_day_of_a_row_and_counts_before_the_name(tmp_path: Path) -> None:
    text = "ticker,sector,as_of\nAAA,Energy,2019-06-30\nAAA,Utilities,2020-06-30\nAAA,Materials,2020-06\n"
    reading = read_earlier_ticker_sectors(written(tmp_path, "list_2020-12.csv", text))
    assert reading.rows == [
        EarlierTickerSector("AAA", date(2019, 6, 30), "Energy"),
        EarlierTickerSector("AAA", date(2020, 6, 30), "Utilities"),
    ]
    assert reading.problems == ["list_2020-12.csv line 4: as_of '2020-06' is no date (YYYY-MM-DD)"]
    wikipedias = written(tmp_path, "b.csv", "Symbol,Security,GICS Sector,until\nAAA,Ay,Energy,2019-06-30\n")
    assert strict(read_earlier_ticker_sectors(wikipedias)) == [
        EarlierTickerSector("AAA", date(2019, 6, 30), "Energy", "Ay")
    ]


@pytest.mark.parametrize("name", ["constituents.csv", "constituents_2020-13.csv", "constituents_2020-02-30.csv"])
def test_a_list_of_constituents_of_no_day_is_refused_whole(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceError, match=rf"{name} does not say of what day it is: give it a column until"):
        read_earlier_ticker_sectors(written(tmp_path, name, CONSTITUENTS))


def test_a_list_without_tickers_or_sectors_is_refused_whole(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="lacks the column Symbol, Sector; it has Company, Weight"):
        read_earlier_ticker_sectors(written(tmp_path, "c_2020-12.csv", "Company,Weight\nAy,1\n"))


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("CCC,Cee,Telecommunication Services", "'Telecommunication Services' is no GICS sector"),
        ("CCC,Cee,Energy;Utilities", "a ticker has one sector, not 2"),
        ("CCC,Cee,", "Sector is empty"),
        (",Cee,Energy", "Symbol is empty"),
        ("aaa,Ay,Utilities", "repeats c_2020-12.csv line 2"),
    ],
)
def test_a_constituent_that_cannot_be_read_is_named(tmp_path: Path, row: str, complaint: str) -> None:
    reading = read_earlier_ticker_sectors(written(tmp_path, "c_2020-12.csv", f"{CONSTITUENTS}{row}\n"))
    assert [one.ticker for one in reading.rows] == ["AAA", "B-C"]
    assert reading.problems == [f"c_2020-12.csv line 4: {complaint}"]


def test_prices_become_series_in_order(tmp_path: Path, site: str) -> None:
    for location in (written(tmp_path, "p.csv", PRICES), f"{site}/prices.csv.gz"):
        first, second = strict(read_prices(location))
        assert (first.ticker, first.days) == ("AAA", (date(2019, 1, 2), date(2019, 1, 3)))
        assert first.closes == (Decimal("10.25"), Decimal("10.5"))
        assert second.ticker == "B-C"


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("AAA,2019-01-02,9", "a second price of AAA for 2019-01-02"),
        ("AAA,2019-01-04,0", "adj_close '0' is not positive"),
        ("AAA,2019-01-04,NaN", "is not positive"),
        ("AAA,2019-01-04,many", "adj_close 'many' is no number"),
        ("AAA,01/04/2019,5", "date '01/04/2019' is no date"),
        (",2019-01-04,5", "ticker is empty"),
        ("AAA", "1 cells, the header has 3"),
    ],
)
def test_an_impossible_price_is_named(tmp_path: Path, row: str, complaint: str) -> None:
    reading = read_prices(written(tmp_path, "p.csv", f"{PRICES}{row}\n"))
    assert sum(len(series.days) for series in reading.rows) == 3
    (problem,) = reading.problems
    assert problem.startswith("p.csv line 5: ")
    assert complaint in problem


CALENDAR = """date,event_type,event_id,committee_code,bill_number,title,sector_tags_derived
2020-03-04,hearing,CHRG-116shrg99991,SSXX,,Vaccines for All,
2020-03-05,hearing,CHRG-116shrg99991,SSXX,,Vaccines for All,Health Care;Energy
2020-03-06,floor_vote,RH116S0777,,HR5,On Passage | A bill on banks | Passed,Financials
"""


def test_a_calendars_tags_are_its_word_and_each_day_of_a_volume_is_an_event(tmp_path: Path) -> None:
    one, two, vote = strict(read_calendar(written(tmp_path, "calendar.csv", CALENDAR)))
    assert (one.event_id, one.sectors) == ("CHRG-116shrg99991@2020-03-04", ())
    assert (two.event_id, two.sectors) == ("CHRG-116shrg99991@2020-03-05", ("Energy", "Health Care"))
    assert one.source == "https://www.govinfo.gov/app/details/CHRG-116shrg99991"
    assert vote == CalendarEvent(
        event_id="RH116S0777",
        kind="floor_vote",
        day=date(2020, 3, 6),
        title="On Passage | A bill on banks | Passed",
        committee_code=None,
        bill="HR5",
        sectors=("Financials",),
        source="https://voteview.com/rollcall/RS1160777",
    )


def test_without_tags_title_and_committee_decide_and_ids_agree_between_files(tmp_path: Path) -> None:
    hearings = (
        "date,committee_code,govinfo_package,s_hrg_no,title\n"
        "2020-03-04,SSXX,CHRG-116shrg99991,1,Vaccines\n"
        "2020-03-11,SSXX,CHRG-116shrg99992,2,Pending business\n"
    )
    votes = (
        "congress,chamber,rollnumber,date,bill_number,vote_result,vote_desc,vote_question,dtl_desc\n"
        "116,Senate,777,2020-03-06,HR5,Passed,A bill on banks,On Passage,\n"
        "116,Senate,778,2020-03-06,,,,,\n"
        "116,Diet,779,2020-03-06,HR5,Passed,A bill,On Passage,\n"
    )
    location = f"{written(tmp_path, 'h.csv', hearings)},{written(tmp_path, 'v.csv', votes)}"
    reading = read_calendar(location, {"SSXX": ("Utilities",)})
    tagged = {event.event_id for event in strict(read_calendar(written(tmp_path, "calendar.csv", CALENDAR)))}
    assert [(event.event_id, event.sectors) for event in reading.rows] == [
        ("CHRG-116shrg99991@2020-03-04", ("Health Care",)),
        ("CHRG-116shrg99992@2020-03-11", ("Utilities",)),
        ("RH116S0777", ("Financials",)),
    ]
    assert {reading.rows[0].event_id, reading.rows[2].event_id} <= tagged
    assert [problem.split(": ")[0] for problem in reading.problems] == ["v.csv line 3", "v.csv line 4"]


def test_a_folder_is_read_by_its_file_names(tmp_path: Path) -> None:
    (tmp_path / "congress").mkdir()
    (tmp_path / "prices").mkdir()
    written(tmp_path / "congress", "senate_calendar_2020.csv", CALENDAR)
    written(tmp_path / "congress", "senate_committee_membership.csv", SPELLS)
    written(tmp_path / "prices", "prices_daily_adj.csv.gz", PRICES)
    (tmp_path / "reference").mkdir()
    written(tmp_path / "reference", "sp500_constituents_2020-12.csv", CONSTITUENTS)
    reference = load_reference(tmp_path)
    assert [row.ticker for row in reference.earlier_ticker_sectors] == ["AAA", "B-C"]
    assert (len(reference.events), len(reference.spells), sorted(reference.prices)) == (3, 2, ["AAA", "B-C"])
    assert load_reference(tmp_path, prices=False).prices == {}
    with pytest.raises(SourceError, match="holds no reference data"):
        load_reference(tmp_path / "congress")
