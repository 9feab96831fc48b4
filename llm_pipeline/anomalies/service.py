"""Detection at work, up to candidates: validated trades -> baselines -> evidence -> candidates -> database.

Belongs here: putting the parts together. Statistics are in the pure modules beside, SQL in `store.py`; what a model
does with candidates is in `judging.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
from psycopg import Connection

from llm_pipeline.anomalies.baseline_store import write_baselines
from llm_pipeline.anomalies.detection.baseline import baselines
from llm_pipeline.anomalies.detection.book import TradeBook
from llm_pipeline.anomalies.detection.candidates import Candidate, candidates_on
from llm_pipeline.anomalies.detection.congress import Congress
from llm_pipeline.anomalies.detection.thresholds import Thresholds
from llm_pipeline.anomalies.detection.trade import Trade
from llm_pipeline.anomalies.intake import book_frame, frame_of_stored, newest_first, trades_of
from llm_pipeline.anomalies.report import BaselineReport, CandidateReport
from llm_pipeline.anomalies.store import (
    evaluated_days,
    read_episodes,
    read_known_reference,
    read_people,
    read_stored_trades,
    write_candidates,
    write_evaluations,
)
from llm_pipeline.reference.asof import Reference

BASELINE_WINDOWS = (30, 90)
"""Windows before which a baseline is stored; detectors that look at others compute theirs themselves."""
DAYS_BETWEEN_WORDS = 50

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Known:
    """Everything known before a day: stored rows with what they count as, and reference data."""

    frame: pl.DataFrame
    reference: Reference

    @property
    def congress(self) -> Congress:
        """Seats, committee sectors and events, for the detectors."""
        return Congress(self.reference.spells, self.reference.events, self.reference.committee_sectors)


def read_known(conn: Connection[Any], end: date) -> Known:
    """What as-of dates before `end` may use.

    Raises:
        psycopg.Error: the database refused.
    """
    with conn.cursor() as cur:
        reference = read_known_reference(cur, end)
        return Known(frame_of_stored(read_stored_trades(cur, end), read_people(cur), reference), reference)


def compute_baselines(
    conn: Connection[Any], start: date, end: date, *, now: datetime, thresholds: Thresholds
) -> BaselineReport:
    """Write what was usual for every filer on each as-of date of [start, end).

    Raises:
        psycopg.Error: the database refused; nothing of the window is stored.
    """
    known = read_known(conn, end)
    book = TradeBook(book_frame(known.frame), thresholds, (start, end))
    short: set[str] = set()
    filers: set[str] = set()

    def frames() -> Iterator[pl.DataFrame]:
        for day in _days(start, end):
            for window in BASELINE_WINDOWS:
                frame = baselines(book, day, window)
                filers.update(frame["filer_key"])
                short.update(frame.filter("short_history")["filer_key"])
                yield frame

    politicians = known.frame.drop_nulls("filer_key").select("filer_key", "politician_id").unique().sort(pl.all())
    with conn.transaction(), conn.cursor() as cur:
        rows, written = write_baselines(cur, start, end, frames(), dict(politicians.iter_rows()), now)
    return BaselineReport(start, end, rows, written, len(filers), len(short))


def find_candidates(
    conn: Connection[Any],
    start: date,
    end: date,
    *,
    now: datetime,
    thresholds: Thresholds,
    progress: Progress | None = None,
) -> CandidateReport:
    """Evaluate every trade that became known on the as-of dates [start, end) and store the patterns found.

    Each day sees only what was public then, and the episodes as they stood the day before. Where the window changes
    an episode, the days after it that were evaluated before are walked through again: what is stored is what the same
    days run in order come to, ids included. One transaction: a window is stored whole or not at all.

    Raises:
        psycopg.Error: the database refused; nothing of the window is stored.
    """
    known = read_known(conn, end)
    with conn.cursor() as cur:
        episodes = {one.candidate_id: one for one in read_episodes(cur, start)}
        before = {one.candidate_id: one for one in read_episodes(cur, end)}
        later = frozenset(evaluated_days(cur, end))
    sightings = _walk(known, start, end, episodes, thresholds, progress)
    last, again = end, list[Candidate]()
    if later and episodes != before:
        last = max(later) + timedelta(days=1)
        again = _walk(read_known(conn, last), end, last, episodes, thresholds, progress, only=later)
    arrived = known.frame.filter((pl.col("disclosure_date") >= start) & (pl.col("disclosure_date") < end))
    with conn.transaction(), conn.cursor() as cur:
        write_candidates(cur, start, last, [*sightings, *again], now)
        rows = arrived.select("record_id", "disclosure_date", "excluded").iter_rows()
        write_evaluations(cur, start, end, rows, thresholds.version, now)
    return CandidateReport(
        start=start,
        end=end,
        days=arrived["disclosure_date"].n_unique(),
        trades=arrived.height,
        excluded=Counter(arrived["excluded"].drop_nulls().to_list()),
        sightings=len(sightings),
        new=tuple(one for one in sightings if one.first_seen == one.as_of_date),
        filer_months=arrived.select("filer_key", pl.col("disclosure_date").dt.strftime("%Y-%m")).n_unique(),
    )


def trades_of_candidate(conn: Connection[Any], candidate: Candidate) -> list[Trade]:
    """All trades of a candidate's filers that counted on its as-of date, the newest first."""
    frame = read_known(conn, candidate.as_of_date + timedelta(days=1)).frame
    return newest_first(trades_of(frame.filter(pl.col("filer_key").is_in(candidate.filer_keys))), candidate.as_of_date)


def _walk(
    known: Known,
    start: date,
    end: date,
    episodes: dict[str, Candidate],
    thresholds: Thresholds,
    progress: Progress | None,
    only: frozenset[date] | None = None,
) -> list[Candidate]:
    book, congress = TradeBook(book_frame(known.frame), thresholds, (start, end)), known.congress
    days = [day for day in book.disclosure_days() if start <= day < end and (only is None or day in only)]
    sightings: list[Candidate] = []
    for number, day in enumerate(days, 1):
        found = candidates_on(book, congress, day, list(episodes.values()))
        episodes.update((one.candidate_id, one) for one in found)
        sightings += found
        if progress and number % DAYS_BETWEEN_WORDS == 0:
            progress(f"{number} of {len(days)} as-of dates evaluated, {len(sightings)} sightings so far")
    return sightings


def _days(start: date, end: date) -> Iterator[date]:
    for number in range((end - start).days):
        yield start + timedelta(days=number)
