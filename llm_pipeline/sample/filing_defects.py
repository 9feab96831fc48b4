"""Planting: defects of rows into ordinary filings, and what needs a second row, a second filing or a whole
one.

Belongs here: where things are put, and the record of it. Each row gets at most one defect; rows of planted
anomalies get none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from llm_pipeline.sample.filings import HOUSE, SENATE, Filing, FilingMaker, Form, Source, Trade, us_date
from llm_pipeline.sample.manifest import PlantedRow, RowIdentity, Status
from llm_pipeline.sample.people import SENATORS
from llm_pipeline.sample.row_defects import NOT_PASS, ONLY_PASS, ROW_DEFECTS, RowDefect
from llm_pipeline.sample.trading_days import open_day_before

EITHER: tuple[Status, ...] = ("pass", "flag", "reject")
"""Of a trade filed on two days one filing is the copy; which one depends on the order in which they
arrived."""

LOOKALIKE_HOST = "efdsearch.senate.gov.files-mirror.example"


@dataclass(frozen=True)
class Place:
    """A row by the position of its filing in the plan, and its own, both from 0."""

    filing: int
    row: int


class Planter:
    """Changes a list of filings and remembers what was planted where."""

    def __init__(self, maker: FilingMaker, filings: list[Filing]) -> None:
        self.maker = maker
        self.filings = filings
        self.superseded: set[str] = set()
        self._planted: list[tuple[Place, str, Status, tuple[Status, ...]]] = []
        self._taken: set[Place] = set()

    @property
    def planted(self) -> tuple[PlantedRow, ...]:
        """Everything planted, in the order of the rows."""
        found = []
        for place, kind, expected, accept in self._planted:
            filing = self.filings[place.filing]
            identity = RowIdentity(filing.source, filing.document_id, place.row + 1)
            found.append(PlantedRow(identity, kind, expected, accept))
        return tuple(sorted(found, key=lambda planted: planted.row))

    def _free(self, source: Source, fits: Callable[[Trade], bool]) -> Place | None:
        places = [
            Place(f, r)
            for f, filing in enumerate(self.filings)
            if filing.source == source and filing.form == "electronic" and not (filing.title or filing.host)
            for r, trade in enumerate(filing.trades)
            if Place(f, r) not in self._taken and fits(trade)
        ]
        return self.maker.rng.choice(places) if places else None

    def _note(self, place: Place, kind: str, expected: Status, accept: tuple[Status, ...]) -> None:
        self._taken.add(place)
        self._planted.append((place, kind, expected, accept))

    def _set_row(self, place: Place, trade: Trade) -> None:
        filing = self.filings[place.filing]
        trades = [*filing.trades]
        trades[place.row] = trade
        self.filings[place.filing] = replace(filing, trades=tuple(trades))

    def _append(self, filing: int, trade: Trade) -> Place:
        self.filings[filing] = replace(self.filings[filing], trades=(*self.filings[filing].trades, trade))
        return Place(filing, len(self.filings[filing].trades) - 1)

    def _file_again(self, original: Filing, received: date, trades: Sequence[Trade]) -> Place:
        again = self.maker.filing(original.source, original.filer, received, trades)
        self.filings.append(replace(again, capitals=original.capitals))
        return Place(len(self.filings) - 1, 0)

    def plant_row(self, defect: RowDefect) -> None:
        """Put one defect into a free listed-stock row of its source, if there is one."""
        place = self._free(defect.source, lambda trade: trade.asset.kind == "Stock" and not trade.cells)
        if place is None:
            return
        filing = self.filings[place.filing]
        self._set_row(place, defect.change(self.maker, filing, filing.trades[place.row]))
        self._note(place, defect.kind, defect.expected, defect.accept)

    def plant_pairs(self, source: Source, last: date) -> None:
        """Repetitions and contradictions, each of a free row: in the same filing, and in another one."""
        later = open_day_before(last + timedelta(days=1))
        for kind in (
            "repeated_in_filing",
            "same_trade_other_owner",
            "opposite_sides_in_filing",
            "duplicate_across_filings",
            "filed_again_later",
            "contradictory_amounts",
        ):
            place = self._free(source, lambda trade: trade.asset.kind == "Stock" and trade.owner in ("Self", "Joint"))
            if place is None:
                return
            filing = self.filings[place.filing]
            trade = filing.trades[place.row]
            opposite = "Sale (Full)" if trade.side == "Purchase" else "Purchase"
            same: Status = "pass"
            accept = ONLY_PASS
            match kind:
                case "repeated_in_filing":
                    self._note(self._append(place.filing, trade), kind, "flag", NOT_PASS)
                case "same_trade_other_owner":
                    other = replace(trade, owner="Joint" if trade.owner == "Self" else "Self")
                    self._note(self._append(place.filing, other), kind, "pass", ONLY_PASS)
                case "opposite_sides_in_filing":
                    other = replace(trade, side=opposite)
                    self._note(self._append(place.filing, other), kind, "flag", NOT_PASS)
                    same = "flag"
                case "duplicate_across_filings":
                    self._note(self._file_again(filing, filing.received, [trade]), kind, "reject", NOT_PASS)
                case "filed_again_later":
                    received = max(later, filing.received)
                    expected: Status = "flag" if received > filing.received else "reject"
                    self._note(self._file_again(filing, received, [trade]), kind, expected, EITHER)
                    accept = EITHER
                case "contradictory_amounts":
                    other = replace(trade, band=trade.band + 2)
                    again = self._file_again(filing, max(later, filing.received), [other])
                    self._note(again, kind, "flag", NOT_PASS)
                    same = "flag"
            self._note(place, f"{kind}_first", same, NOT_PASS if same == "flag" else accept)

    def plant_lookalike_host(self) -> None:
        """Give one whole Senate filing an address that only looks official."""
        untouched = [
            number
            for number, filing in enumerate(self.filings)
            if filing.source == SENATE
            and 0 < len(filing.trades) <= 4
            and not any(Place(number, row) in self._taken for row in range(len(filing.trades)))
        ]
        if not untouched:
            return
        number = self.maker.rng.choice(untouched)
        self.filings[number] = replace(self.filings[number], host=LOOKALIKE_HOST)
        for row in range(len(self.filings[number].trades)):
            self._note(Place(number, row), "bad_source_url", "flag", NOT_PASS)

    def add_amendment(self, received: date, last: date) -> None:
        """A titled Senate report, and an amendment a week later that corrects the amount of its first row."""
        filer = self.maker.rng.choice(SENATORS)
        original = self.maker.ordinary(SENATE, filer, received, rows=3)
        title = f"Periodic Transaction Report for {us_date(received)}"
        first, *others = original.trades
        corrected = (replace(first, band=first.band + 1), *others)
        again = open_day_before(min(received + timedelta(days=8), last + timedelta(days=1)))
        amendment = self.maker.filing(SENATE, filer, max(again, received), corrected)
        self.filings.append(replace(original, title=title))
        self.filings.append(replace(amendment, title=f"{title} (Amendment 1)"))
        self.superseded.add(original.document_id)

    def add_without_rows(self, form: Form, received: date) -> None:
        """A Senate report that has no readable rows: on paper, scanned, or broken in the export."""
        filer = self.maker.rng.choice(SENATORS)
        self.filings.append(replace(self.maker.filing(SENATE, filer, received, ()), form=form))


def plant_everything(planter: Planter, days: Sequence[date], copies: int) -> None:
    """Plant `copies` of every kind, as far as there are free rows; `days` are those on which reports
    arrive."""
    pick = planter.maker.rng.choice
    for _ in range(copies):
        planter.plant_lookalike_host()
        for defect in ROW_DEFECTS:
            planter.plant_row(defect)
        planter.plant_pairs(SENATE, days[-1])
        planter.plant_pairs(HOUSE, days[-1])
        planter.add_amendment(pick(days), days[-1])
        forms: tuple[Form, ...] = ("paper", "paper", "scanned", "broken")
        for form in forms:
            planter.add_without_rows(form, pick(days))
