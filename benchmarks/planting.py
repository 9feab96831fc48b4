"""Labelled sets made by planting anomalies and decoys among real trades: the format of `anomalies evaluate`. Pure.

48 anomalies, 8 of each kind, and 14 decoys, as in the public labelled set of `shared/data`, whose sizes, spans and
spacing these follow; where each lies, who makes it and what is traded is drawn from the seed.
"""

from __future__ import annotations

import random
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from llm_pipeline.disclosures.amounts import RANGES
from llm_pipeline.reference.asof import Reference

WINDOW = (date(2019, 9, 3), date(2020, 12, 31))
"""First and last day on which something is planted."""
EACH = 8
APART = timedelta(days=35)
"""Two anomalies of one filer lie at least this far apart, so that each can be judged for itself."""
KNOWN_FOR = timedelta(days=180)
"""Who bursts has a habit: trades at least this old."""
TRIES = 20_000

Row = dict[str, Any]


@dataclass
class _Planted:
    rows: list[Row] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    taken: dict[str, list[tuple[date, date]]] = field(default_factory=lambda: defaultdict(list))

    def free(self, who: str, start: date, end: date, apart: timedelta) -> bool:
        return all(end + apart < first or last + apart < start for first, last in self.taken[who])


class Planter:
    """Plants one set among real trades.

    Args:
        rows: real trades in the set's format, with a bioguide id each.
        reference: legislators' seats, committee sectors and events.
        companies: name and sector by ticker, what is drawn from.
        sessions: trading days, ascending.
        seed: of all that is drawn.
    """

    def __init__(
        self,
        rows: Sequence[Row],
        reference: Reference,
        companies: Mapping[str, tuple[str, str]],
        sessions: Sequence[date],
        seed: int,
    ) -> None:
        self._real, self._reference, self._companies, self._sessions = rows, reference, companies, sessions
        self._rng, self._set, self._name = random.Random(seed), _Planted(), f"own{seed}"
        self._of: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            self._of[row["bioguide"]].append(row)
        self._by_sector: dict[str, list[str]] = defaultdict(list)
        for ticker, (_, sector) in sorted(companies.items()):
            self._by_sector[sector].append(ticker)
        self._hearings = [one for one in reference.events if one.kind == "hearing" and one.sectors]
        self._votes = [one for one in reference.events if one.kind == "floor_vote" and one.sectors]

    def planted(self) -> tuple[list[Row], dict[str, Any]]:
        """The trades, in order of their dates, and the labels.

        Raises:
            ValueError: the real trades leave no room for all events.
        """
        for kind, plant in (
            ("frequency_spike", self._spike),
            ("amount_escalation", self._large),
            ("timing_cluster_before_hearing", self._before_hearing),
            ("timing_cluster_before_floor_vote", self._before_vote),
            ("sector_cluster_committee", self._sector),
            ("coordinated_trades", self._together),
        ):
            self._times(EACH, kind, plant)
        for n, kind, plant in (
            (3, "regular_monthly_purchase", self._monthly),
            (4, "amount_at_baseline_p90", self._ordinary_amount),
            (4, "unrelated_sector_before_hearing", self._unrelated),
            (3, "two_filers_opposite_directions", self._opposite),
        ):
            self._times(n, kind, plant)
        rows = sorted([*self._real, *self._set.rows], key=lambda row: (row["transaction_date"], row["record_id"]))
        return rows, {
            "window": [day.isoformat() for day in WINDOW],
            "events": self._set.events,
            "synthetic_record_ids": sorted(row["record_id"] for row in self._set.rows),
        }

    def _times(self, n: int, kind: str, plant: Callable[[str], bool]) -> None:
        for _ in range(n):
            if not any(plant(kind) for _ in range(TRIES)):
                raise ValueError(f"no room for another {kind} among these trades (set {self._name})")

    # What a filer did before

    def _before(self, who: str, day: date) -> list[Row]:
        first, last = (day - timedelta(days=365)).isoformat(), day.isoformat()
        return [row for row in self._of[who] if first <= row["transaction_date"] < last]

    def _band(self, before: Sequence[Row], quantile: float) -> int:
        bands = sorted(INDEX[row["amount_range"]] for row in before if row["amount_range"] in INDEX)
        return bands[min(int(quantile * len(bands)), len(bands) - 1)] if bands else 2

    def _someone(self, day: date, least: int, most: int) -> tuple[str, list[Row]] | None:
        who = self._rng.choice(sorted(self._of))
        before = self._before(who, day)
        return (who, before) if least <= len(before) <= most else None

    # Days and trades

    def _day(self) -> date:
        return self._sessions[self._rng.randrange(self._at(WINDOW[0]), self._at(WINDOW[1]) - 20)]

    def _at(self, day: date) -> int:
        return bisect_left(self._sessions, day)

    def _days(self, start: date, sessions: int, n: int) -> list[date]:
        """n days of so many sessions, the first and the last among them."""
        span = self._sessions[self._at(start) :][:sessions]
        return sorted([span[0], span[-1], *self._rng.choices(span, k=n - 2)])

    def _filed(self, days: Sequence[date]) -> date:
        """Two to four weeks after the last trade, within the legal 45 days of the first."""
        return min(days[-1] + timedelta(days=self._rng.randint(14, 30)), days[0] + timedelta(days=45))

    def _trade(self, who: str, day: date, filed: date, ticker: str, side: str, band: int) -> Row:
        """A row without its id, which `_plant` gives."""
        like = self._rng.choice(self._of[who])
        return {
            "bioguide": who,
            "filer_name": like["filer_name"],
            "filer_chamber": like["filer_chamber"],
            "owner": like["owner"],
            "transaction_date": day.isoformat(),
            "filing_date": filed.isoformat(),
            "ticker": ticker,
            "asset_description": self._companies[ticker][0],
            "asset_type": "Stock",
            "transaction_type": side,
            "amount_range": RANGES[band - 1].label,
            "source_url": f"https://example.org/planted/{self._name}",
        }

    def _side(self) -> str:
        return self._rng.choice(("Purchase", "Sale (Full)"))

    def _anomaly(self, kind: str, rows: Sequence[Row]) -> bool:
        return self._plant("anomaly", kind, rows, APART)

    def _decoy(self, kind: str, rows: Sequence[Row]) -> bool:
        return self._plant("decoy", kind, rows, timedelta(0))

    def _plant(self, label: str, kind: str, rows: Sequence[Row], apart: timedelta | None) -> bool:
        """Whether there was room. apart: from anomalies of the same filer; None: it may lie anywhere."""
        days = [date.fromisoformat(row["transaction_date"]) for row in rows]
        start, end = min(days), max(days)
        who = sorted({row["bioguide"] for row in rows})
        if end > WINDOW[1] or (apart is not None and not all(self._set.free(one, start, end, apart) for one in who)):
            return False
        if label == "anomaly":
            for one in who:
                self._set.taken[one].append((start, end))
        for number, row in enumerate(rows):
            row["record_id"] = f"{self._name}-{len(self._set.rows) + number:04d}"
        self._set.rows.extend(rows)
        self._set.events.append(
            {
                "event_id": f"{self._name}-{label}-{kind}-{len(self._set.events):02d}",
                "label": label,
                "type": kind,
                "bioguides": who,
                "filer_names": sorted({row["filer_name"] for row in self._real if row["bioguide"] in who}),
                "start": start.isoformat(),
                "end": end.isoformat(),
                "record_ids": [row["record_id"] for row in rows],
            }
        )
        return True

    # Anomalies

    def _spike(self, kind: str) -> bool:
        """Eight trades or more within two weeks, where a week has one or none."""
        start = self._day()
        if (found := self._someone(start, 4, 45)) is None:
            return False
        who, before = found
        if min(row["transaction_date"] for row in before) > (start - KNOWN_FOR).isoformat():
            return False
        expected = len(before) * 10 / 252
        n = max(8, round(expected + 9.5 * expected**0.5))
        days = self._days(start, self._rng.randint(7, 10), n)
        filed, band = self._filed(days), self._band(before, 0.5)
        own = [row["ticker"] for row in before if row["ticker"] in self._companies]
        tickers = [
            self._rng.choice(own) if own and self._rng.random() < 0.4 else self._rng.choice(sorted(self._companies))
            for _ in days
        ]
        rows = [self._trade(who, d, filed, t, self._side(), band) for d, t in zip(days, tickers, strict=True)]
        return self._anomaly(kind, rows)

    def _large(self, kind: str) -> bool:
        """A few trades three bands above the ninth decile of the year before."""
        start = self._day()
        if (found := self._someone(start, 15, 700)) is None:
            return False
        who, before = found
        band = self._band(before, 0.9) + 3
        if band > len(RANGES):
            return False
        days = self._days(start, self._rng.randint(5, 13), self._rng.randint(2, 4))
        filed = self._filed(days)
        tickers = self._rng.sample(sorted(self._companies), len(days))
        return self._anomaly(
            kind, [self._trade(who, d, filed, t, self._side(), band) for d, t in zip(days, tickers, strict=True)]
        )

    def _run_up(self, kind: str, who: str, before: Sequence[Row], event_day: date, sector: str, within: int) -> bool:
        ends = self._at(event_day)
        span = self._rng.randint(4, within)
        start = self._sessions[max(ends - span - self._rng.randint(0, 2), 0)]
        days = [d for d in self._days(start, span, self._rng.randint(4, 6)) if d < event_day]
        if len(days) < 4 or start < WINDOW[0]:
            return False
        filed, usual = self._filed(days), self._band(before, 0.5)
        bands = [usual + self._rng.choice((0, 2)) for _ in days]
        tickers = [self._rng.choice(self._by_sector[sector]) for _ in days]
        return self._anomaly(
            kind,
            [self._trade(who, d, filed, t, self._side(), b) for d, t, b in zip(days, tickers, bands, strict=True)],
        )

    def _before_hearing(self, kind: str) -> bool:
        """Trades in a committee's sector within the days before a hearing on it, by a member of the committee."""
        hearing = self._rng.choice(self._hearings)
        if not WINDOW[0] < hearing.day <= WINDOW[1] or (found := self._someone(hearing.day, 4, 45)) is None:
            return False
        who, before = found
        if hearing.committee_code not in self._reference.committees_at(who, hearing.day):
            return False
        return self._run_up(kind, who, before, hearing.day, self._rng.choice(hearing.sectors), 7)

    def _before_vote(self, kind: str) -> bool:
        """Trades in a sector within the days before a floor vote that concerns it."""
        vote = self._rng.choice(self._votes)
        if not WINDOW[0] < vote.day <= WINDOW[1] or (found := self._someone(vote.day, 4, 45)) is None:
            return False
        who, before = found
        return self._run_up(kind, who, before, vote.day, self._rng.choice(vote.sectors), 8)

    def _sector(self, kind: str) -> bool:
        """Three weeks of trades in a sector of the filer's committee, which the filer hardly traded before."""
        start = self._day()
        if (found := self._someone(start, 10, 45)) is None:
            return False
        who, before = found
        sectors = self._reference.committee_sectors_at(who, start)
        if not sectors:
            return False
        sector = self._rng.choice(sectors)
        traded = [self._companies[row["ticker"]][1] for row in before if row["ticker"] in self._companies]
        if traded.count(sector) > 0.05 * len(before):
            return False
        days = self._days(start, self._rng.randint(12, 17), self._rng.randint(6, 8))
        filed, band = self._filed(days), self._band(before, 0.5)
        tickers = [self._rng.choice(self._by_sector[sector]) for _ in days]
        return self._anomaly(
            kind, [self._trade(who, d, filed, t, self._side(), band) for d, t in zip(days, tickers, strict=True)]
        )

    def _together(self, kind: str) -> bool:
        """Three to five filers in one ticker on one side within four days."""
        start = self._day()
        active = [who for who, rows in sorted(self._of.items()) if len(rows) >= 5 and self._before(who, start)]
        n = self._rng.choices((3, 4, 5), (5, 2, 1))[0]
        if len(active) < n:
            return False
        ticker, side = self._rng.choice(sorted(self._companies)), self._side()
        span = self._sessions[self._at(start) :][: self._rng.randint(1, 4)]
        rows = []
        for who in self._rng.sample(active, n):
            day = self._rng.choice(span)
            band = self._band(self._before(who, start), 0.5)
            rows.append(self._trade(who, day, day + timedelta(days=self._rng.randint(10, 28)), ticker, side, band))
        return self._anomaly(kind, rows)

    # Decoys

    def _monthly(self, kind: str) -> bool:
        """A savings plan: the same purchase each month for half a year."""
        start = self._day()
        if (found := self._someone(start, 10, 45)) is None or start + timedelta(days=160) > WINDOW[1]:
            return False
        ticker = self._rng.choice(sorted(self._companies))
        days = [self._sessions[self._at(start + timedelta(days=30 * month))] for month in range(6)]
        filed = [day + timedelta(days=self._rng.randint(38, 45)) for day in days]
        rows = [self._trade(found[0], *dates, ticker, "Purchase", 2) for dates in zip(days, filed, strict=True)]
        return self._plant("decoy", kind, rows, None)

    def _ordinary_amount(self, kind: str) -> bool:
        """One purchase as large as the filer's ninth decile."""
        start = self._day()
        if (found := self._someone(start, 15, 700)) is None:
            return False
        who, before = found
        ticker = self._rng.choice(sorted(self._companies))
        filed = start + timedelta(days=self._rng.randint(10, 28))
        row = self._trade(who, start, filed, ticker, "Purchase", self._band(before, 0.9))
        return self._decoy(kind, [row])

    def _unrelated(self, kind: str) -> bool:
        """Two trades before a hearing of the filer's committee, in a sector that is none of its business."""
        hearing = self._rng.choice(self._hearings)
        if not WINDOW[0] < hearing.day <= WINDOW[1] or (found := self._someone(hearing.day, 15, 700)) is None:
            return False
        who, _ = found
        code = hearing.committee_code
        if code is None or code not in self._reference.committees_at(who, hearing.day):
            return False
        related = {*self._reference.committee_sectors_at(who, hearing.day), *hearing.sectors}
        if not (others := [sector for sector in sorted(self._by_sector) if sector not in related]):
            return False
        start = self._sessions[max(self._at(hearing.day) - 8, 0)]
        days = self._days(start, 7, 3)[:2]
        sector, filed = self._rng.choice(others), self._filed(days)
        rows = [self._trade(who, d, filed, self._rng.choice(self._by_sector[sector]), self._side(), 2) for d in days]
        return start >= WINDOW[0] and self._decoy(kind, rows)

    def _opposite(self, kind: str) -> bool:
        """Two filers in one ticker within a few days, one buying and one selling."""
        start = self._day()
        active = [who for who, rows in sorted(self._of.items()) if len(rows) >= 5 and self._before(who, start)]
        common = [t for t, _ in Counter(row["ticker"] for row in self._real).most_common(40) if t in self._companies]
        if len(active) < 2:
            return False
        ticker, span = self._rng.choice(common), self._sessions[self._at(start) :][: self._rng.randint(1, 3)]
        rows = []
        for who, side in zip(self._rng.sample(active, 2), ("Purchase", "Sale (Full)"), strict=True):
            day = self._rng.choice(span)
            rows.append(self._trade(who, day, day + timedelta(days=self._rng.randint(14, 28)), ticker, side, 2))
        return self._decoy(kind, rows)


INDEX = {band.label: band.index for band in RANGES}
