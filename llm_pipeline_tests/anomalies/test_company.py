"""Company of all filers at once, against one filer, window and trade after another, on small invented books."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_pipeline.anomalies.detection.book import TradeBook
from llm_pipeline.anomalies.detection.company_tail import company_tails, independent
from llm_pipeline.anomalies.detection.coordination import Level, examine_coordination
from llm_pipeline.anomalies.detection.crowd import crowd_on
from llm_pipeline.anomalies.detection.thresholds import Thresholds
from llm_pipeline.anomalies.detection.trade import SIDES, Trade
from llm_pipeline.anomalies.detection.trial import Trial
from llm_pipeline_tests.anomalies.scenes import SECTOR_OF, THRESHOLDS, book_of, tickers_of, trade

KNOWN = date(2020, 8, 10)
LEVELS: tuple[Level, Level] = ("ticker", "sector")
TICKERS = [*tickers_of("Energy")[:3], *tickers_of("Utilities")[:2], "NONE"]
LENIENT = Thresholds(min_z=Decimal("-9"), coordination_min_filers=2, sector_coordination_min_filers=3)
"""Every group counts, not only those that stand out."""


@st.composite
def trades(draw: st.DrawFn) -> list[Trade]:
    """Trades of a few filers in a few tickers and assets without one, many in the same weeks and newly known."""
    busy = st.integers(-26, -16)
    days = st.one_of(busy, busy, busy, st.integers(-30, 2), st.integers(-430, -20), st.integers(-800, -700))
    one = st.tuples(st.sampled_from("ABCDE"), st.sampled_from(TICKERS), st.sampled_from(SIDES), days, st.booleans())
    drawn = [
        trade(i, KNOWN + timedelta(days=day), filer=f, ticker=t, side=side, disclosed=KNOWN - timedelta(days=not new))
        for i, (f, t, side, day, new) in enumerate(draw(st.lists(one, min_size=20, max_size=60)))
    ]
    return [t if t.ticker in SECTOR_OF or i % 2 else replace(t, ticker=None) for i, t in enumerate(drawn)]


def code_of(one: Trade, level: Level) -> str | None:
    """What counts as the same."""
    return one.ticker if level == "ticker" else SECTOR_OF.get(one.ticker or "")


@dataclass(frozen=True)
class Scene:
    """All known trades, and one filer with the newly known decisions."""

    known: list[Trade]
    filer: str
    fresh: list[Trade]
    level: Level
    thresholds: Thresholds

    def within(self, side: str, start: date, days: int) -> list[Trade]:
        """Known trades on a side in so many days from a day on."""
        return [t for t in self.known if t.side == side and 0 <= (t.transaction_date - start).days < days]

    @property
    def least(self) -> int:
        """Filers that make a group."""
        one = self.thresholds
        return one.coordination_min_filers if self.level == "ticker" else one.sector_coordination_min_filers

    def own(self) -> dict[tuple[str, str], set[date]]:
        """The filer's days of newly known trades by code and side."""
        days: dict[tuple[str, str], set[date]] = {}
        for one in self.fresh:
            code = code_of(one, self.level)
            if one.side != "exchange" and code is not None:
                days.setdefault((code, one.side), set()).add(one.transaction_date)
        return days

    def possible(self) -> bool:
        """Whether enough others were active near one of those days."""
        reach = timedelta(days=6)
        near = (self.within(side, day - reach, 13) for (_, side), days in self.own().items() for day in days)
        return any(len({t.filer_key for t in some} - {self.filer}) >= self.least - 1 for some in near)

    def groups(self) -> Iterator[tuple[float, float, frozenset[str]]]:
        """(p over all windows, z, trades) of every group around one of those days."""
        for (code, side), days in self.own().items():
            same = [t for t in self.known if t.side == side and code_of(t, self.level) == code]
            starts = {t.transaction_date for t in same}
            for start in (one for one in starts if any(0 <= (day - one).days < 7 for day in days)):
                group = [t for t in self.within(side, start, 7) if code_of(t, self.level) == code]
                members = {t.filer_key for t in group}
                if self.filer in members and len(members) >= self.least:
                    p, z = self.tail(code, side, start, len(members) - 1)
                    ids = frozenset(t.record_id for t in group)
                    yield p * len(members) * len(days) * len(self.own()), z, ids

    def tail(self, code: str, side: str, start: date, others: int) -> tuple[float, float]:
        """(tail, z) of so many others, from each other active filer's trades one by one."""
        active = [t.filer_key for t in self.within(side, start, 7) if t.filer_key != self.filer]
        before = self.within(side, start - timedelta(days=365), 365)
        year = [t.filer_key for t in before]
        same = [t.filer_key for t in before if code_of(t, self.level) == code]
        filers = sorted(set(active))
        own_same, own_n, count = (np.array([some.count(f) for f in filers]) for some in (same, year, active))
        weight = self.thresholds.coordination_prior_weight
        share = (own_same + weight * (len(same) + 0.5) / (len(year) + 1)) / (own_n + weight)
        expected = float((1 - (1 - share) ** count).sum())
        alone = independent(own_same, own_n, count, len(same), len(year), weight)
        return company_tails([others], [alone])[0], (others - expected) / (expected**0.5)


def scene_of(book: TradeBook, drawn: list[Trade], filer: str, level: Level, thresholds: Thresholds) -> Scene:
    """What one filer sees of these trades on the as-of date."""
    history = book.histories([filer], KNOWN).one(0)
    fresh = set(book.record_ids(history.row[history.fresh]))
    first = KNOWN - timedelta(days=2 * 365)
    known = [t for t in drawn if first <= t.transaction_date <= KNOWN]
    return Scene(known, filer, [t for t in drawn if t.record_id in fresh], level, thresholds)


def trials_of(book: TradeBook, filers: Sequence[str]) -> dict[Level, list[Trial]]:
    """The trials of these filers, asked about together."""
    return examine_coordination(book.histories(filers, KNOWN), crowd_on(book, KNOWN, book.thresholds), book.thresholds)


@pytest.mark.parametrize("thresholds", [THRESHOLDS, LENIENT])
@settings(max_examples=60, deadline=None)
@given(drawn=trades())
def test_each_filers_trial_is_the_least_likely_of_its_groups_counted_one_by_one(
    thresholds: Thresholds, drawn: list[Trade]
) -> None:
    book = book_of(drawn, thresholds)
    for level, trials in trials_of(book, book.filer_keys).items():
        for trial in trials:
            scene = scene_of(book, drawn, trial.filer_key, level, thresholds)
            assert trial.possible == scene.possible()
            groups = [one for one in scene.groups() if one[1] >= float(thresholds.min_z)]
            least = min((p for p, _, _ in groups), default=1.0)
            assert trial.p_value == pytest.approx(min(1.0, least), rel=1e-9)
            assert trial.large_enough == bool(groups)
            if trial.describe is not None:
                finding = trial.describe()
                found = frozenset(book.record_ids(finding.rows))
                assert found in {ids for p, _, ids in groups if p == pytest.approx(least, rel=1e-9)}
                assert finding.filer_keys == tuple(sorted({one.split("-")[0] for one in found}))


@settings(max_examples=40, deadline=None)
@given(drawn=trades())
def test_asking_about_filers_together_or_one_by_one_gives_the_same_trials(drawn: list[Trade]) -> None:
    book = book_of(drawn, LENIENT)
    together = trials_of(book, book.filer_keys)
    for i, filer in enumerate(book.filer_keys):
        alone = trials_of(book, [filer])
        for level in LEVELS:
            assert told(alone[level][0]) == told(together[level][i])


def told(trial: Trial) -> tuple[object, ...]:
    """All that a trial says, its finding included."""
    finding = None if trial.describe is None else trial.describe()
    return trial.detector, trial.filer_key, trial.p_value, trial.large_enough, trial.possible, finding


def test_of_equally_likely_groups_the_first_by_name_is_told() -> None:
    week = [
        trade(2 * i + j, KNOWN - timedelta(days=20), filer=f, ticker=ticker, disclosed=KNOWN)
        for i, f in enumerate("ABCD")
        for j, ticker in enumerate(("EN2", "EN1"))
    ]
    describe = trials_of(book_of(week, LENIENT), ["A"])["ticker"][0].describe
    assert describe is not None
    assert describe().subject == "EN1 buy"
