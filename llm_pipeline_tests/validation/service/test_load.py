"""Many disclosures at once: all decided by planned windows, few statements a batch, flat memory."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta

import pytest
from psycopg.pq import Trace
from psycopg_pool import AsyncConnectionPool

from llm_pipeline.db.connection import connect
from llm_pipeline.defs.validation.automation import due_windows
from llm_pipeline.validation.store import pending_by_day
from llm_pipeline_tests.validation.service.runs import (
    NOW,
    check_stored_reasons,
    load,
    mixed_set,
    query,
    settings,
    statuses,
    validate,
    validating,
)


def test_a_burst_is_worked_off_by_the_schedules_windows_alone(database_url, tmp_path, honest):
    pending, expected = mixed_set(2_500)
    load(database_url, pending)
    used, cap = settings(tmp_path, honest.base_url), 500
    days = query(database_url, "SELECT count(*) AS n FROM trading_disclosures GROUP BY disclosure_date")
    assert len(days) >= 25
    largest = max(row["n"] for row in days)
    decided, ticks = [], 0
    while True:  # what validation_hourly does each hour
        with connect(database_url) as conn:
            windows = due_windows(pending_by_day(conn, ingested_after=NOW), pending_by_day(conn), cap)
        if not windows:
            break
        ticks += 1
        assert ticks <= 12
        runs = [
            validate(database_url, used, start=one.start, end=one.last + timedelta(days=1), run_id=f"{ticks}-{n}")
            for n, one in enumerate(windows)
        ]
        assert all(not run.failed_checks for run in runs)
        decided.append(sum(run.report.decided for run in runs))
        assert decided[-1] == sum(window.disclosures for window in windows)
        assert decided[-1] <= cap + largest  # whole days are taken
    assert sum(decided) == 2_500
    assert statuses(database_url) == expected
    check_stored_reasons(database_url)


def test_a_run_takes_on_no_more_than_its_cap_and_says_so(database_url, tmp_path, honest):
    pending, _ = mixed_set(120)
    load(database_url, pending)
    used = settings(tmp_path, honest.base_url)
    run = validate(database_url, used, cap=50, batch_size=20)
    assert (run.report.selected, run.report.decided, run.report.capped) == (50, 50, True)
    assert (run.account.waiting, run.account.unexplained) == (70, 0)
    assert run.failed_checks == set()
    rest = validate(database_url, used, cap=70, run_id="run-2")
    assert rest.report.decided == 70
    assert rest.account.waiting == 0


@pytest.mark.parametrize("again", [False, True], ids=["asked", "from the cache"])
def test_a_batch_costs_few_statements(again, database_url, tmp_path, honest):
    """Facts of two pages, cache, audit rows, artifacts, verdicts, issues and quarantine: counted on the wire."""
    pending, _ = mixed_set(1_000)
    load(database_url, pending)
    used = settings(tmp_path, honest.base_url)
    if again:
        validate(database_url, used)
        with connect(database_url) as conn:
            conn.execute("UPDATE trading_disclosures SET llm_validation_status = 'pending'")
    wire = (tmp_path / "wire").open("w+")

    async def traced(conn):
        conn.pgconn.trace(wire.fileno())
        conn.pgconn.set_trace_flags(Trace.SUPPRESS_TIMESTAMPS)

    pool = AsyncConnectionPool(database_url, kwargs={"options": "-c TimeZone=UTC"}, configure=traced, open=False)
    report = asyncio.run(validating(database_url, used, pool=pool, run_id="counted"))
    assert report.decided == 1_000
    assert report.cache_hits == (40 if again else 0)
    wire.seek(0)
    sent = Counter(line.split("\t")[2].strip() for line in wire if line.startswith("F\t"))
    wire.close()
    statements = sent["Query"] + sent["Execute"]
    # 40 batches of 25 in 5 pages: 4 a batch (BEGIN, calls, verdicts, COMMIT), 9 a page, a few a run.
    assert statements / report.batches <= 6
    assert statements <= 40 * 4 + 6 * 9 + 12
