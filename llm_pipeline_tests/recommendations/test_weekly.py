"""Weeks through the queue, over real HTTP and a real database: what is stored, what is refused, what is paid for."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest

from llm_pipeline.db.connection import connect
from llm_pipeline.jobs.working import Shift, work_on_queue
from llm_pipeline.offline_model.faults import Fault, FaultPlan
from llm_pipeline.offline_model.process import running_in_thread
from llm_pipeline.recommendations.interrogation import KEY
from llm_pipeline.recommendations.store import read_case
from llm_pipeline.recommendations.weekly import account_for_weeks, queue_weeks
from llm_pipeline.settings import load_settings
from llm_pipeline_tests.recommendations.periods import END, period, result, won
from llm_pipeline_tests.recommendations.stored import score, store


@pytest.fixture
def signals(database_url):
    """The signals of `period()`, stored."""
    given = period().signals
    with connect(database_url) as conn:
        store(conn, given)
    return given


def run(url, ends=(END,)):
    settings = load_settings()
    with connect(url) as conn:
        asked, report = queue_weeks(conn, ends)
    done = asyncio.run(work_on_queue(url, settings, Shift(until_settled=True, only=KEY))) if asked else None
    with connect(url) as conn:
        return account_for_weeks(conn, asked, report), done


def rows(url):
    with connect(url) as conn:
        return conn.execute(
            "SELECT feedback_id, status, superseded_by FROM llm_prompt_recommendations ORDER BY created_at, feedback_id"
        ).fetchall()


def test_a_period_reads_back_what_was_stored(database_url, signals):
    with connect(database_url) as conn:
        case = read_case(conn, END)
    assert case.signals == signals
    assert case.groups == period().groups
    assert case.scorecard["scorecards"] == [{"n": 5, "hit_rate": 0.4}]


def test_a_week_is_asked_about_once_and_its_advice_is_stored_pending(database_url, signals):
    report, done = run(database_url)
    assert (report.failed, report.invalid, report.ungrounded) == ({}, [], [])
    (stored,) = report.stored
    assert stored["status"] == "pending"
    assert stored["failure_patterns"][0]["group"] == "classification=FREQUENCY_SPIKE"
    assert stored["prompt_recommendations"][0]["recommendation_id"] == f"{stored['feedback_id']}-p1"
    assert done.calls == 1
    again, paid = run(database_url)
    assert paid.claimed == 0
    assert [one["feedback_id"] for one in again.stored] == [stored["feedback_id"]]
    assert len(rows(database_url)) == 1


def test_an_answer_that_proposes_nothing_leaves_nothing_to_decide_about(database_url):
    with connect(database_url) as conn:
        store(conn, [won(1), won(2)])
    report, done = run(database_url)
    assert (report.nothing_proposed, report.stored, report.failed) == ([END], [], {})
    assert done.calls == 1
    assert rows(database_url) == []


def test_new_outcomes_are_new_advice_and_the_undecided_old_one_is_superseded(database_url, signals):
    first, _ = run(database_url)
    with connect(database_url) as conn:
        conn.execute("DELETE FROM scorecards")
        store(conn, [result(9)])
    second, _ = run(database_url)
    (old, new) = rows(database_url)
    assert old == (first.stored[0]["feedback_id"], "pending", second.stored[0]["feedback_id"])
    assert new == (second.stored[0]["feedback_id"], "pending", None)


def test_what_a_human_decided_is_never_superseded(database_url, signals):
    run(database_url)
    with connect(database_url) as conn:
        conn.execute("UPDATE llm_prompt_recommendations SET status = 'approved', reviewed_by = 'r'")
        conn.execute("DELETE FROM scorecards")
        store(conn, [result(9)])
    run(database_url)
    assert [row[1:] for row in rows(database_url)] == [("approved", None), ("pending", None)]


def test_weeks_without_scorecard_or_closed_signal_are_told_apart_and_cost_no_call(database_url):
    empty, missing = END, END + timedelta(days=7)
    with connect(database_url) as conn:
        score(conn, 0)
    report, done = run(database_url, [empty, missing])
    assert (report.nothing_closed, report.no_scorecard, report.failed, report.stored) == ([empty], [missing], {}, [])
    assert done is None


def test_signals_that_close_after_the_week_or_are_withdrawn_or_neutral_are_no_evidence(database_url):
    with connect(database_url) as conn:
        store(conn, [result(1), won(2), result(3, direction="neutral"), result(4)])
        conn.execute("UPDATE signal_outcomes SET exit_date = %s WHERE signal_id = %s", [END, result(2).signal_id])
        conn.execute("UPDATE llm_anomaly_signals SET status = 'withdrawn' WHERE signal_id = %s", [result(4).signal_id])
        case = read_case(conn, END)
    assert [one.signal_id for one in case.signals] == [result(1).signal_id]


def test_a_signal_of_two_tickers_counts_once_with_their_mean(database_url):
    with connect(database_url) as conn:
        store(conn, [result(1, return_pct=Decimal("-3"), alpha_pct=Decimal("-4"))])
        conn.execute(
            """INSERT INTO signal_outcomes (signal_id, ticker, direction, status, entry_date, exit_date, return_pct,
                   alpha_pct, hit, horizon_days, evaluated_to, as_of_date)
               SELECT signal_id, 'MSFT', direction, status, entry_date, exit_date, 9, 8, true, horizon_days,
                   evaluated_to, as_of_date FROM signal_outcomes"""
        )
        (one,) = read_case(conn, END).signals
    assert (one.return_pct, one.alpha_pct, one.hit) == (Decimal(3), Decimal(2), True)


@pytest.mark.parametrize(
    ("fault", "reasons"),
    [
        ("contradicting", {"frequency_mismatch", "loss_mismatch", "wrong_current_value"}),
        ("invented", {"unknown_signal", "unknown_parameter"}),
    ],
)
def test_whatever_a_lying_model_says_nothing_that_is_not_so_is_stored(
    database_url, signals, monkeypatch, fault, reasons
):
    with running_in_thread(faults=FaultPlan((Fault(fault),))) as server:
        monkeypatch.setenv("OLLAMA_BASE_URL", server.base_url)
        monkeypatch.setenv("LLM_FEEDBACK_MODEL", "offline-rules")
        report, _ = run(database_url)
    assert report.ungrounded == []
    assert reasons <= set(report.claims)
    text = " ".join(str(row["failure_patterns"]) + str(row["threshold_adjustments"]) for row in report.stored)
    assert "feed" not in text
    assert "luck" not in text
    assert "4711" not in str(report.stored)
    with connect(database_url) as conn:
        assert conn.execute("SELECT DISTINCT status FROM llm_audit_trail WHERE job_id IS NOT NULL").fetchall() == [
            ("ungrounded",)
        ]


def test_a_model_that_answers_nothing_usable_leaves_a_named_failure(database_url, signals, monkeypatch):
    monkeypatch.setenv("JOBS_BACKOFF_S", "0.01")
    with running_in_thread(faults=FaultPlan((Fault("refusal"),))) as server:
        monkeypatch.setenv("OLLAMA_BASE_URL", server.base_url)
        monkeypatch.setenv("LLM_FEEDBACK_MODEL", "offline-rules")
        report, _ = run(database_url)
    assert report.stored == []
    assert list(report.failed) == [END]
    assert report.failed[END]
