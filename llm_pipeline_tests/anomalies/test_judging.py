"""The model's part over real HTTP: the offline model, honest and with faults, and a genuine Ollama of random words."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection

from llm_pipeline.anomalies import account
from llm_pipeline.anomalies.case import open_case
from llm_pipeline.anomalies.contract import RejectedCandidate
from llm_pipeline.anomalies.decision import decide_case
from llm_pipeline.anomalies.detection.thresholds import Thresholds
from llm_pipeline.anomalies.docket import open_cases
from llm_pipeline.anomalies.intake import by_id
from llm_pipeline.anomalies.judging import ModelUnusableError, judge_cases, prepare
from llm_pipeline.anomalies.report import SignalReport
from llm_pipeline.anomalies.service import find_candidates, trades_of_candidate
from llm_pipeline.anomalies.signal_store import stray_trading_signals, write_trading_signals
from llm_pipeline.anomalies.store import read_sightings
from llm_pipeline.db.connection import async_pool, connect
from llm_pipeline.llm.audit import CallContext
from llm_pipeline.llm.batch import BatchOutcome, ItemAnswer
from llm_pipeline.llm.cache import AnswerCache, lookup_async
from llm_pipeline.llm.open_gateway import open_gateway
from llm_pipeline.offline_model.faults import Fault, FaultPlan
from llm_pipeline.offline_model.process import running_in_thread
from llm_pipeline.settings import Settings
from llm_pipeline_tests.anomalies.stored import NOW, burst, dump, habit, store

START, END = date(2020, 3, 1), date(2020, 7, 1)
BUSY = ("Quillon A Featherbarrow", "Orsolo M Mossgrave", "Isolde Pennyfarrow")
THRESHOLDS = Thresholds()

Database = Connection[Any]


@pytest.fixture
def filled(db: Database) -> Database:
    """Three filers with a burst each, a quiet one, and their candidates."""
    store(db, [row for name in BUSY for row in (*habit(name), *burst(name))])
    store(db, habit("Thaddea Brindlewick"))
    find_candidates(db, START, END, now=NOW, thresholds=THRESHOLDS)
    db.commit()
    return db


def judge(
    database_url: str,
    home: Path,
    *faults: Fault,
    url: str | None = None,
    model: str = "offline-rules",
    now: datetime = NOW,
    window: tuple[date, date] = (START, END),
    **given: Any,
) -> SignalReport:
    """One run over a window, with its own server unless `url` names one."""
    with running_in_thread(faults=FaultPlan(faults)) if url is None else nullcontext() as server:
        settings = Settings(
            llm_pipeline_home=home,
            ollama_base_url=url or server.base_url,
            llm_anomaly_model=model,
            llm_backoff_s=0.0,
            **given,
        )

        async def run() -> SignalReport:
            with connect(database_url) as conn:
                prepare(conn, settings, now)
            with connect(database_url) as conn:
                cases, report = open_cases(conn, *window, THRESHOLDS, now)

            async def find(keys: Any) -> Any:
                async with pool.connection() as conn:
                    return await lookup_async(conn, keys)

            call = CallContext(service="anomaly_detection", dagster_run_id="run-1")
            async with (
                async_pool(database_url, 4) as pool,
                open_gateway(settings, call, cache=AnswerCache(find)) as gateway,
            ):
                return await judge_cases(pool, gateway, cases, report, now=now)

        return asyncio.run(run())


def test_every_candidate_is_decided_and_every_signal_is_borne_out(filled: Database, database_url: str, tmp_path: Path):
    report = judge(database_url, tmp_path)
    found = account.account_for_candidates(filled, START, END)
    assert found.reconciles
    assert report.reconciles
    assert found.candidates == found.signals + found.rejected > 0
    assert account.ungrounded_signals(filled, START, END) == []
    assert account.check_answers(filled, "run-1").checked == report.calls == report.cases
    assert report.most_tokens <= 8000


def test_running_again_asks_nobody_and_changes_nothing(filled: Database, database_url: str, tmp_path: Path):
    judge(database_url, tmp_path)
    tables = ("llm_anomaly_signals", "anomaly_decisions", "ungrounded_claims", "llm_audit_trail")
    before = {table: dump(filled, table) for table in tables}
    report = judge(database_url, tmp_path, now=NOW + timedelta(days=40))
    assert (report.calls, report.cases, report.decided_before) == (0, 0, report.candidates)
    assert {table: dump(filled, table) for table in tables} == before


def test_decisions_that_were_lost_are_made_again_from_the_cache_without_paying(
    filled: Database, database_url: str, tmp_path: Path
):
    judge(database_url, tmp_path)
    before = dump(filled, "llm_anomaly_signals", "created_at", "audit_trail_id")
    filled.execute("TRUNCATE anomaly_decisions, llm_anomaly_signals")
    filled.commit()
    report = judge(database_url, tmp_path)
    assert (report.calls, report.cache_hits) == (0, report.cases)
    assert dump(filled, "llm_anomaly_signals", "created_at", "audit_trail_id") == before


@pytest.mark.parametrize(("kind", "code"), [("contradicting", "number_mismatch"), ("invented", "unknown_trade")])
def test_a_lying_model_gets_no_signal_stored(filled: Database, database_url: str, tmp_path: Path, kind: str, code: str):
    report = judge(database_url, tmp_path, Fault(kind))
    assert report.outcomes["ungrounded"] == report.candidates - report.outcomes["rejected"] > 0
    assert report.claims[code] > 0
    assert dump(filled, "llm_anomaly_signals") == []
    codes = {row[0] for row in filled.execute("SELECT reason_code FROM ungrounded_claims").fetchall()}
    assert code in codes
    statuses = {row[0] for row in filled.execute("SELECT status FROM llm_audit_trail").fetchall()}
    assert "ungrounded" in statuses
    assert account.account_for_candidates(filled, START, END).reconciles


@pytest.mark.parametrize("kind", ["half", "foreign_ids", "doubled_ids", "fenced", "thinking", "invalid_json"])
def test_a_model_that_misbehaves_once_is_asked_again(filled: Database, database_url: str, tmp_path: Path, kind: str):
    report = judge(database_url, tmp_path, Fault(kind, first_calls=1))
    found = account.account_for_candidates(filled, START, END)
    assert found.reconciles
    assert (found.failed, found.ungrounded) == (0, 0)
    assert report.outcomes["signal"] == found.signals > 0


def test_a_model_that_never_answers_leaves_candidates_failed_and_they_are_asked_again(
    filled: Database, database_url: str, tmp_path: Path
):
    report = judge(database_url, tmp_path, Fault("refusal"))
    assert report.outcomes["failed"] == report.candidates
    assert account.account_for_candidates(filled, START, END).failed == report.candidates
    assert report.reconciles
    again = judge(database_url, tmp_path)
    assert again.outcomes["failed"] == 0
    assert account.account_for_candidates(filled, START, END).signals > 0


def test_a_server_that_is_not_there_is_an_error_and_not_an_empty_result(
    filled: Database, database_url: str, tmp_path: Path
):
    with pytest.raises(ModelUnusableError):
        judge(database_url, tmp_path, url="http://127.0.0.1:9", llm_max_attempts=1)


def test_a_small_window_gets_fewer_trades_or_a_shorter_answer_and_never_a_prompt_without_room(
    filled: Database, database_url: str, tmp_path: Path
):
    report = judge(database_url, tmp_path, llm_num_ctx=4096, llm_num_predict=6144)
    assert report.failures == {}
    rows = filled.execute(
        "SELECT input_tokens, output_tokens, (options ->> 'num_predict')::int, status FROM llm_audit_trail"
    ).fetchall()
    assert rows
    assert all(told + predicted <= 4096 and answered <= predicted for told, answered, predicted, _ in rows)
    assert {row[3] for row in rows} == {"ok"}
    assert account.account_for_candidates(filled, START, END).signals > 0


def test_a_rejection_without_a_word_does_not_drop_a_candidate(filled: Database):
    # the answer a random model at temperature 0 gives
    one = read_sightings(filled, START, END)[0]
    about = open_case(one.as_of_date, [one], by_id(trades_of_candidate(filled, one)))
    silent = RejectedCandidate(candidate_id=one.candidate_id, mundane_explanation="")
    (decision,) = decide_case(about, BatchOutcome({one.candidate_id: ItemAnswer(silent, "audit")}, {}, ()))
    assert (decision.outcome, decision.explanation) == ("ungrounded", "refused: no_reason")
    doubtful = RejectedCandidate(candidate_id=one.candidate_id, mundane_explanation="All 4711 filers sold.")
    (decision,) = decide_case(about, BatchOutcome({one.candidate_id: ItemAnswer(doubtful, "audit")}, {}, ()))
    assert (decision.outcome, decision.explanation) == ("rejected", "its explanation was refused: text_number")


def test_confident_signals_become_pending_trading_signals_once(filled: Database, database_url: str, tmp_path: Path):
    judge(database_url, tmp_path)
    with filled.cursor() as cur:
        counts = write_trading_signals(cur, START, END)
    filled.commit()
    rows = dump(filled, "trading_signals")
    assert counts.total == len(rows) > 0
    confident = filled.execute("SELECT count(*) FROM llm_anomaly_signals WHERE confidence >= 7").fetchone()
    assert confident == (counts.signals,)
    filled.execute("UPDATE llm_anomaly_signals SET review_status = 'approved'")
    filled.commit()
    approved = dump(filled, "trading_signals")
    assert all('"review_status": "approved"' in row for row in approved)
    with filled.cursor() as cur:
        write_trading_signals(cur, START, END)
    filled.commit()
    assert dump(filled, "trading_signals") == approved
    assert stray_trading_signals(filled) == []
    filled.execute("UPDATE llm_anomaly_signals SET status = 'withdrawn'")
    assert stray_trading_signals(filled) == []  # they follow at once
    filled.execute("UPDATE trading_signals SET is_active = true")
    assert stray_trading_signals(filled)
    with filled.cursor() as cur:
        assert write_trading_signals(cur, START, END).total == 0
    assert stray_trading_signals(filled) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("trades_involved = jsonb_set(trades_involved, '{0,ticker}', '\"ZZZ\"')", "another ticker"),
        ("trades_involved = jsonb_set(trades_involved, '{0,date}', '\"2020-01-01\"')", "another ticker or day"),
        ("trades_involved = jsonb_set(trades_involved, '{0,record_id}', '\"nobody\"')", "not one of the candidate"),
        ('legislative_context = \'{"related_events": ["e-1"]}\'', "event e-1"),
        ("statistical_evidence = jsonb_set(statistical_evidence, '{z_score}', '\"99\"')", "z_score"),
        ("statistical_evidence = jsonb_set(statistical_evidence, '{measures,0,value}', '\"99\"')", "number"),
        ("trading_signal = jsonb_set(trading_signal, '{suggested_tickers}', '[\"ZZZ\"]')", "ticker ZZZ"),
        ("candidate_id = 'cand-none'", "no such candidate"),
        ("evidence_as_of = evidence_as_of + 1", "no such candidate"),
        ("trades_involved = '[]'", "names no trade"),
        ("trades_involved = trades_involved || trades_involved", "named twice"),
        ("statistical_evidence = jsonb_set(statistical_evidence, '{measures}', '[]')", "missing"),
        ("statistical_evidence = jsonb_set(statistical_evidence, '{p_value}', '\"0.9\"')", "p_value"),
        ("statistical_evidence = jsonb_set(statistical_evidence, '{adjusted_p}', '\"0.9\"')", "adjusted_p"),
        ("statistical_evidence = jsonb_set(statistical_evidence, '{family_size}', '1')", "family_size"),
        ("statistical_evidence = jsonb_set(statistical_evidence, '{cautions}', '[\"none\"]')", "cautions"),
        ("statistical_evidence = jsonb_set(statistical_evidence, '{thresholds,version}', '\"9\"')", "thresholds"),
        ("legislative_context = jsonb_set(legislative_context, '{proximity_score}', '\"10\"')", "proximity_score"),
        ("filer = 'Somebody else'", "filer"),
        ("analysis_window_start = analysis_window_start - 30", "window"),
        ("reasoning = 'Certain.'", "words"),
        ("self_verification_notes = 'None.'", "words"),
        ("confidence = (confidence + 1) % 11", "words"),
        ("statistical_evidence = statistical_evidence || '{\"confidence_said\": 9}'", "what the sample allows"),
        ("severity = CASE severity WHEN 'low' THEN 'high' ELSE 'low' END", "words"),
        ("trading_signal = jsonb_set(trading_signal, '{conviction}', '0')", "words"),
        ("audit_trail_id = gen_random_uuid()", "words"),
        (
            "classification = CASE classification WHEN 'TIMING_ANOMALY' THEN 'AMOUNT_ANOMALY' "
            "ELSE 'TIMING_ANOMALY' END",
            "classification",
        ),
    ],
)
def test_the_check_finds_whatever_was_changed_behind_its_back(
    filled: Database, database_url: str, tmp_path: Path, change: str, problem: str
):
    judge(database_url, tmp_path)
    filled.execute(f"UPDATE llm_anomaly_signals SET {change}")
    assert any(problem in one for one in account.ungrounded_signals(filled, START, END))
