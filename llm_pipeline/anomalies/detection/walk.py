"""Through a set day by day: each as-of date sees only what was public then. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from llm_pipeline.anomalies.detection.book import TradeBook
from llm_pipeline.anomalies.detection.candidates import Candidate, candidates_on
from llm_pipeline.anomalies.detection.congress import Congress


def walk(book: TradeBook, congress: Congress, start: date, end: date) -> Iterator[tuple[date, list[Candidate]]]:
    """(as-of date, its candidates) for each day in [start, end) with new disclosures, episodes carried along.

    Days without new disclosures have no trial, hence no candidate. Episodes end for good when their last sight and
    their last trade are both further back than any new trade could reach; they stay in memory (a few per filer-year).
    """
    episodes: dict[str, Candidate] = {}
    for as_of in book.disclosure_days():
        if not start <= as_of < end:
            continue
        found = candidates_on(book, congress, as_of, list(episodes.values()))
        episodes.update((candidate.candidate_id, candidate) for candidate in found)
        yield as_of, found


def episodes_of(book: TradeBook, congress: Congress, start: date, end: date) -> list[Candidate]:
    """The episodes of [start, end) with their last evidence, by first sight and id."""
    last: dict[str, Candidate] = {}
    for _, found in walk(book, congress, start, end):
        last.update((candidate.candidate_id, candidate) for candidate in found)
    return sorted(last.values(), key=lambda c: (c.first_seen, c.candidate_id))
