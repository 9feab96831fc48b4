"""Runs that are killed, and runs at the same time: every disclosure gets one verdict, every reason is stored once."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from dataclasses import replace

from llm_pipeline.db.connection import connect
from llm_pipeline.offline_model.faults import Fault, FaultPlan
from llm_pipeline.offline_model.process import running_in_thread
from llm_pipeline.validation.store import account_for
from llm_pipeline_tests.validation.service import killed_run
from llm_pipeline_tests.validation.service.runs import (
    LAST,
    START,
    check_artifacts,
    check_stored_reasons,
    failures,
    load,
    mixed_set,
    query,
    settings,
    statuses,
    validate,
    validating,
)
from llm_pipeline_tests.waiting import until


def decided(url: str) -> int:
    return query(url, "SELECT count(*) FROM trading_disclosures WHERE llm_validation_status <> 'pending'")[0]["count"]


def test_a_run_killed_half_way_is_finished_by_the_next(database_url, tmp_path):
    pending, expected = mixed_set(1_000)
    load(database_url, pending)
    # One call is never answered: however long it takes to kill it, the run cannot have ended.
    never = FaultPlan((Fault("slow", every_nth=30),))
    with running_in_thread(faults=never) as model:
        used = settings(tmp_path, model.base_url)
        command = [sys.executable, killed_run.__file__, database_url, model.base_url, str(tmp_path)]
        with subprocess.Popen(command) as child:
            try:
                until(lambda: decided(database_url) >= 400)
            finally:
                child.kill()
        done = {one: status for one, status in statuses(database_url).items() if status != "pending"}
        assert 400 <= len(done) < 1_000
        assert len(done) % 25 == 0  # whole batches only
        assert done.items() <= expected.items()
        check_stored_reasons(database_url)
        check_artifacts(database_url, used)
        calls = query(database_url, "SELECT id FROM llm_audit_trail WHERE parse_success")
        assert len(calls) == len(done) // 25
        model.model.set_faults(FaultPlan())
        run = validate(database_url, used, run_id="run-2")
    assert run.report.selected == 1_000 - len(done)
    assert statuses(database_url) == expected
    assert failures(database_url) == {}
    assert run.failed_checks == set()
    check_stored_reasons(database_url)
    check_artifacts(database_url, used)


def test_two_runs_at_once_decide_each_record_once(database_url, tmp_path):
    pending, expected = mixed_set(400)
    load(database_url, pending)
    with running_in_thread() as model:
        model.model.held = True
        used = settings(tmp_path, model.base_url)

        async def begin() -> None:
            await asyncio.to_thread(until, lambda: model.model.log.in_flight == 2 * used.llm_concurrency)
            model.model.held = False

        async def both():
            return await asyncio.gather(
                validating(database_url, used, run_id="one"),
                # Other batches of the same rows, so that the two meet in the middle of each other's.
                validating(database_url, used, run_id="two", batch_size=15),
                begin(),
            )

        *reports, _ = asyncio.run(both())
    assert statuses(database_url) == expected
    assert sum(report.decided for report in reports) == 400
    assert sum(report.decided_elsewhere for report in reports) > 0
    assert all(report.counts_reconcile and not report.undecided for report in reports)
    check_stored_reasons(database_url)
    check_artifacts(database_url, used)
    calls = query(database_url, "SELECT id FROM llm_audit_trail")
    assert len(calls) == sum(report.calls for report in reports)


def test_a_failure_of_one_run_does_not_stain_what_another_decided(database_url, tmp_path):
    pending, expected = mixed_set(50)
    load(database_url, pending)
    useless = FaultPlan((Fault("refusal"),))
    with running_in_thread() as good, running_in_thread(faults=useless) as bad:
        bad.model.held = True  # until the good one has decided everything

        async def both():
            slow = asyncio.create_task(
                validating(database_url, settings(tmp_path, bad.base_url), run_id="bad", cache=False)
            )
            await asyncio.to_thread(until, lambda: bad.model.log.in_flight == 2)
            quick = await validating(database_url, settings(tmp_path, good.base_url), run_id="good")
            bad.model.held = False
            return quick, await slow

        first, second = asyncio.run(both())
    assert statuses(database_url) == expected
    assert failures(database_url) == {}
    assert (first.decided, second.decided) == (50, 0)
    assert (second.undecided, second.decided_elsewhere) == ([], 50)
    assert second.counts_reconcile


def test_what_is_superseded_or_deleted_while_the_model_thinks_gets_no_verdict(database_url, tmp_path):
    pending, expected = mixed_set(20)
    load(database_url, pending)
    gone, replaced = pending.disclosures[0]["id"], pending.disclosures[1]["id"]
    with running_in_thread() as model:
        model.model.held = True

        async def change() -> None:
            await asyncio.to_thread(until, lambda: model.model.log.in_flight == 1)
            with connect(database_url) as conn:
                conn.execute("UPDATE trading_disclosures SET deleted_at = now() WHERE id = %s", [gone])
                conn.execute("UPDATE trading_disclosures SET superseded_by = 'x' WHERE id = %s", [replaced])
            model.model.held = False

        async def both():
            return await asyncio.gather(validating(database_url, settings(tmp_path, model.base_url)), change())

        report, _ = asyncio.run(both())
    assert statuses(database_url) == {**expected, gone: "pending", replaced: "pending"}
    assert (report.decided, report.decided_elsewhere) == (18, 2)


def test_rows_that_arrive_during_a_run_are_waiting_not_unexplained(database_url, tmp_path):
    pending, expected = mixed_set(30)
    early, late = pending.disclosures[:25], pending.disclosures[25:]
    load(database_url, replace(pending, disclosures=early))
    with running_in_thread() as model:
        model.model.held = True
        used = settings(tmp_path, model.base_url)

        async def arrive() -> None:
            await asyncio.to_thread(until, lambda: model.model.log.in_flight == 1)
            await asyncio.to_thread(load, database_url, replace(pending, politicians=(), disclosures=late))
            model.model.held = False

        async def both():
            return await asyncio.gather(validating(database_url, used), arrive())

        report, _ = asyncio.run(both())
    with connect(database_url) as conn:
        account = account_for(conn, START, LAST, snapshot=report.snapshot)
        assert (account.total, account.waiting, account.unexplained) == (30, 5, 0)
        assert account.conserved
        assert account_for(conn, START, LAST).unexplained == 5
    with running_in_thread() as model:
        run = validate(database_url, settings(tmp_path, model.base_url), run_id="run-2")
    assert run.report.selected == 5
    assert statuses(database_url) == expected
