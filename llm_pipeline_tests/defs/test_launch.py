"""Runs over windows of days, started from Python."""

from __future__ import annotations

import os
from datetime import date, timedelta

import dagster as dg
import pytest

from llm_pipeline import local_stack
from llm_pipeline.db.connection import connect
from llm_pipeline.defs.launch import PLANNED_AT_ONCE, UnknownDayError, materialize_window
from llm_pipeline.settings import load_settings
from llm_pipeline_tests.defs.runs import rows

START = date(2023, 1, 1)
PLANNED = """SELECT count(*) AS events, count(partition) AS days FROM dagster.event_logs
             WHERE run_id = %s AND dagster_event_type = 'ASSET_MATERIALIZATION_PLANNED'"""


@pytest.fixture
def url(database_url, monkeypatch):
    """The database in use, which also holds Dagster's tables as the project's dagster.yaml says."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("DAGSTER_HOME", str(local_stack.dagster_home(load_settings())))
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", local_stack.EVENT_BATCH_SIZE)
    return database_url


def test_a_run_from_python_is_a_run_like_any_other_and_long_windows_are_planned_at_once(url):
    short = materialize_window(["validation_status"], START, START + timedelta(days=2))
    long = materialize_window(["validation_status"], START, START + timedelta(days=400))
    assert short.success
    assert long.success
    assert (short.error, short.trace, short.failed_checks) == (None, None, ())
    assert short.metadata["validation_status"]["status"] == "nothing pending in this window"
    assert rows(url, PLANNED, short.run_id) == [{"events": 3, "days": 3}]
    assert rows(url, PLANNED, long.run_id) == [{"events": 1, "days": 0}]
    assert PLANNED_AT_ONCE not in os.environ
    with dg.DagsterInstance.get() as instance:
        assert {run.run_id for run in instance.get_runs()} == {short.run_id, long.run_id}
        materialized = instance.get_materialized_partitions(dg.AssetKey("validation_status"))
    assert len(materialized) == 401


def test_an_unforeseen_error_keeps_its_trace_and_is_one_line_as_well(url):
    with connect(url) as conn:
        conn.execute("ALTER TABLE trading_disclosures RENAME COLUMN llm_validation_status TO gone")
    outcome = materialize_window(["validation_status"], START, START)
    assert not outcome.success
    assert outcome.error is not None
    assert "UndefinedColumn" in outcome.error
    assert "\n" not in outcome.error
    assert outcome.trace is not None
    assert "Stack Trace" in outcome.trace


@pytest.mark.parametrize("day", [date(2011, 12, 31), date(2199, 1, 1)])
def test_a_day_outside_the_calendar_is_refused_before_anything_runs(day):
    with pytest.raises(UnknownDayError, match="outside the calendar, which has 2012-01-01 to today"):
        materialize_window(["validation_status"], day, day)
