"""The reference data of a sample: readable without a complaint, fitting its filers, trades and planted patterns."""

from __future__ import annotations

import json
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from llm_pipeline.reference.asof import Reference
from llm_pipeline.reference.folder import load_reference
from llm_pipeline.reference.readers import strict
from llm_pipeline.reference.readers.prices import read_prices
from llm_pipeline.reference.records import PriceSeries
from llm_pipeline.sample.assets import STOCKS
from llm_pipeline.sample.manifest import SampleManifest
from llm_pipeline.sample.market import write_prices
from llm_pipeline.sample.people import REPRESENTATIVES, SENATORS
from llm_pipeline.sample.trading_days import open_days
from llm_pipeline.sample.write import write_sample

END = date(2026, 11, 21)
START = END - timedelta(days=60)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> SampleManifest:
    return write_sample(tmp_path_factory.mktemp("sample"), end=END, baseline_months=14)


@pytest.fixture(scope="module")
def reference(sample: SampleManifest) -> Reference:
    return load_reference(sample.folder)  # raises where a row cannot be read


def test_every_filer_is_a_legislator_in_office_with_seats(reference: Reference) -> None:
    for filer in (*SENATORS, *REPRESENTATIVES):
        bioguide = reference.bioguide_of(
            filer.full_name, bioguide=filer.bioguide, chamber=filer.chamber, state=filer.state, day=START
        )
        assert bioguide, filer
        for day in (START - timedelta(days=500), START, END):
            assert len(reference.committees_at(bioguide, day)) in (2, 3)
            assert reference.committee_sectors_at(bioguide, day)
    for spell in reference.spells:
        assert reference.committee(spell.committee_code)


def test_filers_of_patterns_are_found_by_name_alone(sample: SampleManifest, reference: Reference) -> None:
    for anomaly in sample.anomalies:
        for name in anomaly.filers:
            assert reference.bioguide_of(name, day=anomaly.end)


def test_a_hearing_or_vote_follows_the_patterns_that_need_one(sample: SampleManifest, reference: Reference) -> None:
    patterns = {anomaly.kind: anomaly for anomaly in sample.anomalies}
    rush, focused = patterns["timing_cluster"], patterns["sector_cluster"]
    member = reference.bioguide_of(rush.filers[0], day=rush.end)
    assert member
    week = timedelta(days=7)
    seats = reference.committees_at(member, rush.end)
    hearings = [
        event
        for event in reference.events
        if event.committee_code in seats and rush.end <= event.day <= rush.end + week
        if event.sectors and "Urgent" in event.title
    ]
    assert len(hearings) == 1
    votes = [event for event in reference.events if event.kind == "floor_vote" and "Energy" in event.sectors]
    assert any(focused.end <= event.day <= focused.end + 2 * week for event in votes)
    member = reference.bioguide_of(focused.filers[0], day=focused.end)
    assert member
    assert "Energy" in reference.committee_sectors_at(member, focused.end)


def test_every_listed_stock_has_its_sector_and_a_price_on_every_trading_day(reference: Reference) -> None:
    days = tuple(open_days(START, END))
    for ticker in [*(stock.ticker for stock in STOCKS), "SPY"]:
        assert ticker
        assert reference.prices[ticker].days[-len(days) :] == days
    for stock in STOCKS:
        assert stock.ticker
        assert reference.sector_of(stock.ticker, START) == stock.sector


def test_one_company_was_in_another_sector_up_to_a_trade_in_it(sample: SampleManifest, reference: Reference) -> None:
    (until,) = {row.until for row in reference.earlier_ticker_sectors}
    day = timedelta(days=1)
    moved = [row.ticker for row in reference.earlier_ticker_sectors if reference.sector_depends_on_day(row.ticker)]
    assert moved == ["DIS"]
    assert reference.sector_of("DIS", until) == reference.sector_of("DIS", until - day) == "Consumer Discretionary"
    assert reference.sector_of("DIS", until + day) == "Communication Services"
    assert until < START
    assert (sample.folder / "reference" / f"constituents_{until}.csv").exists()


def test_the_market_moves_without_leaps(reference: Reference) -> None:
    closes = [float(close) for close in reference.prices["SPY"].closes]
    moves = [now / before - 1 for before, now in pairwise(closes)]
    assert max(map(abs, moves)) < 0.1
    assert 0.3 < closes[-1] / closes[0] < 3


def test_the_same_arguments_give_the_same_bytes_and_another_seed_others(sample: SampleManifest, tmp_path: Path) -> None:
    def files(folder: Path) -> dict[str, bytes]:
        names = ("congress", "reference", "prices")
        return {str(p.relative_to(folder)): p.read_bytes() for name in names for p in sorted((folder / name).iterdir())}

    again = write_sample(tmp_path / "again", end=END, baseline_months=14)
    other = write_sample(tmp_path / "other", end=END, baseline_months=14, seed=8)
    assert files(again.folder) == files(sample.folder)
    assert (
        files(other.folder)["prices/prices_daily_adj.csv.gz"] != files(sample.folder)["prices/prices_daily_adj.csv.gz"]
    )


def test_a_tickers_walk_does_not_depend_on_the_others(tmp_path: Path) -> None:
    write_prices(tmp_path / "one.csv.gz", ["AAA"], START, END, 7)
    write_prices(tmp_path / "two.csv.gz", ["BBB", "AAA"], START, END, 7)
    one, two = (load_prices(tmp_path / name) for name in ("one.csv.gz", "two.csv.gz"))
    assert one["AAA"] == two["AAA"]


def load_prices(file: Path) -> dict[str, PriceSeries]:
    return {series.ticker: series for series in strict(read_prices(file))}


def test_nobody_real_is_named(sample: SampleManifest) -> None:
    members = json.loads((sample.folder / "congress" / "legislators.json").read_text())
    assert {member["id"]["bioguide"][:2] for member in members} == {"X9"}
