"""Which cases wait for a decision: episodes first seen or grown, and what was decided on evidence that changed since.

Belongs here: from sightings and earlier decisions to cases with all that a model may know of them. Asking about them
is in `judging.py`, what a later sight must have more in `episode.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any

import polars as pl
from psycopg import Connection

from llm_pipeline.anomalies.case import BaselineView, Case, group_candidates, open_case
from llm_pipeline.anomalies.decision import Decision
from llm_pipeline.anomalies.decision_store import hold_to_evidence, judged_until, note_failures, read_answered
from llm_pipeline.anomalies.detection.baseline import baselines
from llm_pipeline.anomalies.detection.book import TradeBook
from llm_pipeline.anomalies.detection.candidates import Candidate
from llm_pipeline.anomalies.detection.thresholds import Thresholds
from llm_pipeline.anomalies.detection.trial import rounded
from llm_pipeline.anomalies.episode import stages_by_episode
from llm_pipeline.anomalies.intake import book_frame, by_id, newest_first, trades_of
from llm_pipeline.anomalies.interrogation import KEY
from llm_pipeline.anomalies.report import SignalReport
from llm_pipeline.anomalies.service import Known, read_known
from llm_pipeline.anomalies.store import read_sightings
from llm_pipeline.anomalies.stored_candidate import evidence_sha256

SHOWN_WINDOW = 30
"""Length of the window before which the baseline that a model sees ends."""


def open_cases(
    conn: Connection[Any], start: date, end: date, thresholds: Thresholds, now: datetime
) -> tuple[list[Case], SignalReport]:
    """The cases that wait for a decision, and the report to fill.

    Episodes first seen, or grown materially, on the as-of dates [start, end); and on later ones up to the last day
    that was judged before, where running this window changed what is asked there. A decision on evidence that changed
    since stands no more, nor does its signal; that is written here.
    """
    judged = judged_until(conn)
    horizon = end if judged is None else max(end, judged + timedelta(days=1))
    stages = [one for few in stages_by_episode(read_sightings(conn, start, horizon)).values() for one in few]
    hold_to_evidence(conn, stages, now)
    answered = read_answered(conn, sorted({one.candidate_id for one in stages}))
    asked = [one for one in stages if start <= one.as_of_date < horizon]
    waiting = [one for one in asked if (one.candidate_id, evidence_sha256(one)) not in answered]
    counted = sum(one.as_of_date < end for one in asked) + sum(one.as_of_date >= end for one in waiting)
    report = SignalReport(start, end, candidates=counted, decided_before=counted - len(waiting))
    report.grown = sum(one.as_of_date != one.first_seen for one in waiting)
    if not waiting:
        return [], report
    waiting.sort(key=lambda one: (one.as_of_date, one.candidate_id))
    known = read_known(conn, waiting[-1].as_of_date + timedelta(days=1))
    there = set(known.frame["record_id"])
    lost = [one for one in waiting if not there.issuperset(one.trade_ids)]
    _fail_lost(conn, lost, report, now)
    cases = [
        _case(known, as_of, group, thresholds)
        for as_of, found in groupby((one for one in waiting if one not in lost), key=lambda one: one.as_of_date)
        for group in group_candidates(list(found))
    ]
    return cases, report


def _fail_lost(conn: Connection[Any], lost: Sequence[Candidate], report: SignalReport, now: datetime) -> None:
    """Candidates with a trade that was deleted or rejected since: nobody is asked about them."""
    decisions = [
        Decision(
            one,
            "failed",
            f"a trade of it is not validated any more: run anomaly_candidates again from {one.first_seen} on",
            None,
        )
        for one in lost
    ]
    if decisions:
        note_failures(conn, decisions, KEY, now)
    for decision in decisions:
        report.outcomes["failed"] += 1
        report.failures[decision.candidate.candidate_id] = decision.explanation


def _case(known: Known, as_of: date, candidates: Sequence[Candidate], thresholds: Thresholds) -> Case:
    keys = {key for one in candidates for key in one.filer_keys}
    ids = {trade for one in candidates for trade in one.trade_ids}
    theirs = known.frame.filter(pl.col("filer_key").is_in(sorted(keys)) | pl.col("record_id").is_in(sorted(ids)))
    trades = trades_of(theirs)
    counted = book_frame(theirs.filter(pl.col("filer_key").is_in(sorted(keys))))
    usual = baselines(TradeBook(counted, thresholds), as_of, SHOWN_WINDOW)
    views = [_view(row) for row in usual.iter_rows(named=True)]
    context = newest_first(trades, as_of) if len(keys) == 1 else []
    return open_case(as_of, candidates, by_id(trades), context, views)


def _view(row: dict[str, Any]) -> BaselineView:
    def number(name: str) -> Decimal | None:
        return None if row[name] is None else rounded(row[name])

    months = number("months_observed")
    return BaselineView(
        row["filer"],
        row["n_trades"],
        Decimal(0) if months is None else months,
        number("monthly_mean"),
        number("monthly_sd"),
        number("amount_index_mean"),
    )
