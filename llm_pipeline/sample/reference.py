"""Reference data that fit a sample: its filers' seats, hearings and votes, its tickers' sectors and prices.

Written in the formats in which such data are published, laid out as `congress/`, `reference/` and `prices/`. Members,
committees, hearings and prices are invented; the sectors of the listed companies are theirs, and one had
another before, though not as lately as the sample has it.
"""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from llm_pipeline.sample.assets import STOCKS
from llm_pipeline.sample.congress import (
    BY_CODE,
    COMMITTEES,
    SampleCommittee,
    bioguide_of,
    committees_of,
    seats,
    terms_of,
)
from llm_pipeline.sample.filings import Filing
from llm_pipeline.sample.manifest import PlantedAnomaly
from llm_pipeline.sample.market import write_prices
from llm_pipeline.sample.people import REPRESENTATIVES, SENATORS, Filer
from llm_pipeline.sample.trading_days import is_open

FOLDERS = ("congress", "reference", "prices")
CALENDAR_COLUMNS = (
    "date",
    "event_type",
    "event_id",
    "committee_code",
    "bill_number",
    "title",
    "sector_tags_derived",
)
SEAT_COLUMNS = (
    "bioguide",
    "committee_code",
    "caucus_side",
    "rank",
    "title",
    "first_snapshot",
    "absent_from_snapshot",
    "first_commit",
)

_YEAR = timedelta(days=365)
_HEARINGS_EVERY = 26  # days between two hearings of a committee
_VOTES_EVERY = 9
_NOTHING_TO_DO = "Nominations and other business of the committee"
_MOVED, _SECTOR_BEFORE = "DIS", "Consumer Discretionary"
_FILERS: tuple[Filer, ...] = (*SENATORS, *REPRESENTATIVES)


@dataclass(frozen=True)
class _Event:
    day: date
    code: str  # empty: a floor vote
    title: str
    sectors: tuple[str, ...] = ()


def write_reference(
    folder: Path, filings: Sequence[Filing], anomalies: Sequence[PlantedAnomaly], end: date, seed: int
) -> None:
    """Write the reference data of these filings; the same arguments give the same bytes.

    Seats reach back a year before the first trade, prices ten days, both to before `end`. Each planted timing cluster
    is followed by a hearing of its filer's committee on the traded sectors, each sector cluster and coordinated pattern
    by a floor vote; other hearings and votes are spread over the time without regard to trades. One list of
    constituents, of the day of the first trade in the company that moved, has its sector of before.
    """
    first_trade = min((trade.day for filing in filings for trade in filing.trades), default=end - _YEAR)
    for name in FOLDERS:
        (folder / name).mkdir(parents=True, exist_ok=True)
    _write_congress(folder / "congress", first_trade - _YEAR, end)
    rng = random.Random(f"{seed}|calendar")
    events = [*_routine(rng, first_trade, end), *_near(anomalies, filings)]
    _write_calendar(folder / "congress" / "calendar.csv", events)
    sectors = ((a.ticker, a.name, a.sector, "sample") for a in sorted(STOCKS, key=lambda asset: asset.ticker or ""))
    _write_csv(folder / "reference" / "ticker_sector.csv", ("ticker", "name", "sector", "quality"), sectors)
    in_moved = (t.day for filing in filings for t in filing.trades if t.asset.ticker == _MOVED)
    constituents = folder / "reference" / f"constituents_{min(in_moved, default=first_trade)}.csv"
    listed = ((a.ticker, a.name, _SECTOR_BEFORE if a.ticker == _MOVED else a.sector) for a in STOCKS)
    _write_csv(constituents, ("Symbol", "Name", "Sector"), listed)
    _write_csv(folder / "reference" / "ticker_renames.csv", ("old_ticker", "new_ticker", "effective_date", "note"), ())
    tickers = [asset.ticker for asset in STOCKS if asset.ticker]
    write_prices(folder / "prices" / "prices_daily_adj.csv.gz", tickers, first_trade - timedelta(days=10), end, seed)


def _write_congress(folder: Path, start: date, end: date) -> None:
    members = [
        {"id": {"bioguide": bioguide_of(filer)}, "name": _name(filer), "terms": terms_of(filer, start, end)}
        for filer in _FILERS
    ]
    (folder / "legislators.json").write_text(json.dumps(members, indent=1) + "\n", encoding="utf-8")
    committees = [
        {
            "type": committee.chamber,
            "name": committee.name,
            "thomas_id": committee.code,
            "jurisdiction": f"Invented: {committee.subject}.",
            "subcommittees": [{"name": committee.subcommittee, "thomas_id": "01"}],
        }
        for committee in COMMITTEES
    ]
    (folder / "committees.json").write_text(json.dumps(committees, indent=1) + "\n", encoding="utf-8")
    rows = ((s.bioguide, s.code, "", "", s.title, s.start, s.end or "", "") for s in seats(start, end))
    _write_csv(folder / "committee_membership.csv", SEAT_COLUMNS, rows)
    _write_csv(
        folder / "committee_sector_map.csv",
        ("committee_code", "committee_name", "gics_sectors_hand_assigned"),
        ((committee.code, committee.name, ";".join(committee.sectors)) for committee in COMMITTEES),
    )


def _name(filer: Filer) -> dict[str, str]:
    first, *middle = filer.first_name.split()
    last, _, suffix = filer.last_name.partition(",")
    name = {"first": first, "last": last.strip(), "official_full": filer.full_name}
    return name | ({"middle": " ".join(middle)} if middle else {}) | ({"suffix": suffix.strip()} if suffix else {})


def _routine(rng: random.Random, start: date, end: date) -> Iterable[_Event]:
    """Hearings and votes that have nothing to do with the trades, half of them about no sector."""
    for committee in COMMITTEES:
        day = start + timedelta(days=rng.randrange(_HEARINGS_EVERY))
        while day < end:
            if rng.random() < 0.5:
                yield _Event(_open(day), committee.code, f"Oversight of {committee.subject}", committee.sectors)
            else:
                yield _Event(_open(day), committee.code, _NOTHING_TO_DO)
            day += timedelta(days=rng.randrange(_HEARINGS_EVERY // 2, _HEARINGS_EVERY * 3 // 2))
    day = start
    while day < end:
        committee = rng.choice(COMMITTEES)
        if rng.random() < 0.5:
            yield _vote(_open(day), committee)
        else:
            yield _Event(_open(day), "", "On the Nomination | An invented nominee | Nomination Confirmed")
        day += timedelta(days=rng.randrange(1, _VOTES_EVERY * 2))


def _near(anomalies: Sequence[PlantedAnomaly], filings: Sequence[Filing]) -> Iterable[_Event]:
    by_name = {filer.full_name: filer for filer in _FILERS}
    for anomaly in anomalies:
        documents = {row.source_document_id for row in anomaly.rows}
        traded = {t.asset.sector for f in filings if f.document_id in documents for t in f.trades if t.asset.sector}
        sectors = tuple(sorted(traded))
        if anomaly.kind == "timing_cluster":
            committee = committees_of(by_name[anomaly.filers[0]])[0]
            day = _open(anomaly.end + timedelta(days=2))
            yield _Event(day, committee.code, f"Urgent hearing on {committee.subject}", sectors)
        elif anomaly.kind in ("sector_cluster", "coordinated_trades"):
            code = "SX01" if anomaly.kind == "sector_cluster" else "SX02"
            yield _vote(_open(anomaly.end + timedelta(days=3)), BY_CODE[code])


def _vote(day: date, committee: SampleCommittee) -> _Event:
    title = f"On Passage of the Bill | An invented bill on {committee.subject} | Bill Passed"
    return _Event(day, "", title, committee.sectors)


def _open(day: date) -> date:
    while not is_open(day):
        day += timedelta(days=1)
    return day


def _write_calendar(file: Path, events: Iterable[_Event]) -> None:
    ordered = sorted(set(events), key=lambda event: (event.day, event.code, event.title, event.sectors))
    rows = []
    for number, event in enumerate(ordered, 1):
        kind, bill = ("hearing", "") if event.code else ("floor_vote", f"X{number}")
        identifier = f"X9-{kind}-{number:05d}"
        rows.append((event.day, kind, identifier, event.code, bill, event.title, ";".join(event.sectors)))
    _write_csv(file, CALENDAR_COLUMNS, rows)


def _write_csv(file: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
