"""The published files beside the project: all of it is read and stored, and known facts come out."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import psycopg
import pytest

from llm_pipeline.reference.asof import Reference
from llm_pipeline.reference.folder import load_reference
from llm_pipeline.reference.merge import Changes
from llm_pipeline.reference.read import read_reference
from llm_pipeline.reference.readers import strict
from llm_pipeline.reference.readers.calendar import read_calendar
from llm_pipeline.reference.store import store_prices


@pytest.fixture(scope="module")
def reference(shared_data: Path) -> Reference:
    return load_reference(shared_data)


def test_every_row_is_read(reference: Reference) -> None:
    assert len(reference.legislators) == 1023
    assert len(reference.spells) == 2030
    assert len(reference.events) == 582
    assert len(reference.ticker_sectors) == 9773
    assert len(reference.earlier_ticker_sectors) == 505
    assert sum(len(series.days) for series in reference.prices.values()) == 681_668
    assert (len(reference.committees), len(reference.committee_sectors), len(reference.ticker_changes)) == (238, 21, 72)
    assert len({event.event_id for event in reference.events}) == 582


def test_sectors_are_those_of_the_day(reference: Reference) -> None:
    then, now = date(2020, 6, 1), date(2024, 1, 2)
    assert reference.sector_of("V", then) == reference.sector_of("V", date(2020, 12, 31)) == "Information Technology"
    assert reference.sector_of("V", now) == "Financials"
    assert reference.sector_of("DWDP", date(2018, 6, 1)) == "Materials"  # DuPont, DD on the list
    moved = {
        row.ticker
        for row in reference.earlier_ticker_sectors
        if row.sector != reference.sector_of(row.ticker, row.until + timedelta(days=1))
    }
    assert moved == {
        *("V", "MA", "PYPL", "FIS", "FISV", "GPN", "JKHY"),
        *("TGT", "DG", "DLTR", "ADP", "PAYX", "BR", "LDOS", "DD", "ROP", "TDY"),
    }
    assert all(reference.sector_depends_on_day(ticker) for ticker in moved)


def test_one_spell_of_a_seat_ends_before_the_next_begins(reference: Reference) -> None:
    seats: dict[tuple[str, str], list[tuple[date, date]]] = {}
    for spell in reference.spells:
        seats.setdefault((spell.bioguide, spell.committee_code), []).append((spell.start, spell.end or date.max))
    for times in seats.values():
        times.sort()
        assert all(end <= start for (_, end), (start, _) in pairwise(times))


def test_hearings_and_roll_calls_of_the_other_files_are_the_calendars_events(
    reference: Reference, shared_data: Path
) -> None:
    for name in ("senate_hearings_116.csv", "senate_rollcalls_115_116.csv.gz"):
        events = {e.event_id: e for e in strict(read_calendar(shared_data / "congress" / name))}
        same = [event for event in reference.events if event.event_id in events]
        assert len(same) in (126, 456)
        assert all(events[event.event_id].day == event.day for event in same)


class Counting(psycopg.Cursor[Any]):
    """A cursor that knows how many statements it sent."""

    statements = 0

    def execute(self, *given: Any, **more: Any) -> Self:
        self.statements += 1
        return super().execute(*given, **more)

    def copy(self, *given: Any, **more: Any) -> Any:
        self.statements += 1
        return super().copy(*given, **more)


def test_prices_are_loaded_by_a_few_statements_and_a_second_load_changes_nothing(reference: Reference, db) -> None:
    with Counting(db) as cur:
        assert store_prices(cur, reference.prices.values()) == Changes(new=681_668)
        assert cur.statements < 10
        assert store_prices(cur, reference.prices.values()) == Changes(unchanged=681_668)
        window = read_reference(cur, date(2019, 9, 1), date(2020, 12, 31))
    benchmark = window.prices["SPY"]
    assert (benchmark.days[0], benchmark.days[-1]) == (date(2019, 9, 3), date(2020, 12, 31))
