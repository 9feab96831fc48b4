"""The feedback assets as runs: numbers, pictures and checks in the UI, blocking, the schedule and the command."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import dagster as dg
import pytest

from llm_pipeline.db.connection import connect
from llm_pipeline_tests.commands import called, llm_pipeline
from llm_pipeline_tests.defs.runs import checks, failed, failure_text, location, metadata, rows, run
from llm_pipeline_tests.feedback.scenes import signal
from llm_pipeline_tests.feedback.stored import plant_prices, plant_signals, plant_trades, year_of_signals

FEEDBACK = ("signal_outcomes", "scorecards")
FIRST, LAST = date(2020, 6, 7), date(2020, 6, 28)
"""First days of the first and last of four weeks."""


@pytest.fixture
def filled(database_url, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", database_url)
    with connect(database_url) as conn:
        plant_prices(conn)
        plant_signals(conn, [one for one in year_of_signals(60) if one.as_of_date < date(2020, 7, 5)])
        plant_trades(conn)
    return database_url


def test_weeks_are_scored_in_one_run_with_every_blocking_check_passed_and_two_pictures(filled, instance):
    done = run(instance, FEEDBACK, FIRST, LAST)
    assert done.success
    assert failed(done) <= {"scorecards.enough_signals", "signal_outcomes.price_coverage"}
    outcomes, cards = metadata(done, "signal_outcomes"), metadata(done, "scorecards")
    assert outcomes["dagster/row_count"] == outcomes["closed"] + outcomes["open"] + outcomes["no_price"] > 0
    assert outcomes["benchmark"] == "SPY"
    assert cards["signals"] == cards["closed"] + cards["open"] + cards["no_price"] + cards["neutral"] > 0
    for picture in ("calibration", "alpha_against_chance"):
        assert "data:image/png;base64," in cards[picture]
    assert len(done.get_asset_materialization_events()) == 2 * 4
    assert {row["period_end"] for row in rows(filled, "SELECT period_end FROM scorecards")} == {
        date(2020, 6, 14),
        date(2020, 6, 21),
        date(2020, 6, 28),
        date(2020, 7, 5),
    }
    again = run(instance, FEEDBACK, FIRST, LAST)
    assert metadata(again, "signal_outcomes")["rows_written"] == metadata(again, "scorecards")["rows_written"] == 0


def test_without_signals_nothing_is_computed_and_no_number_is_stated(database_url, instance, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", database_url)
    done = run(instance, FEEDBACK, FIRST)
    assert done.success
    assert failed(done) == {"scorecards.enough_signals"}
    assert metadata(done, "signal_outcomes")["status"] == "no signal is known yet"
    cards = metadata(done, "scorecards")
    assert cards["status"] == "no closed signal yet: no rates"
    assert "hit_rate" not in cards
    assert "calibration" not in cards


def test_an_outcome_from_before_the_disclosure_stops_the_scorecards(filled, instance):
    """A row that a later week wrote is not rewritten by an earlier one, so a tampered one stays until it is found."""
    run(instance, FEEDBACK, LAST)
    with connect(filled) as conn:
        conn.execute(
            """UPDATE signal_outcomes SET entry_date = as_of_date, evaluated_to = evaluated_to + 400
               WHERE id = (SELECT id FROM signal_outcomes WHERE status = 'closed' LIMIT 1)"""
        )
    done = run(instance, FEEDBACK, LAST)
    assert checks(done)["signal_outcomes.no_look_ahead"] is False
    assert "scorecards" not in {e.asset_key.to_user_string() for e in done.get_asset_materialization_events()}


def test_missing_prices_are_a_warning_with_their_reasons(filled, instance):
    with connect(filled) as conn:
        plant_signals(conn, [signal(f"gone {n}", tickers=(f"GONE{n}",)) for n in range(40)])
    done = run(instance, FEEDBACK, LAST)
    assert done.success
    (found,) = (e for e in done.get_asset_check_evaluations() if e.check_name == "price_coverage")
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert found.metadata["reasons"].value["no_price_at_entry"] >= 120


def test_a_primary_horizon_that_is_no_horizon_fails_with_the_names_of_both_settings(filled, instance, monkeypatch):
    monkeypatch.setenv("FEEDBACK_PRIMARY_HORIZON", "10")
    done = run(instance, FEEDBACK, LAST)
    assert not done.success
    assert "FEEDBACK_PRIMARY_HORIZON 10 is none of FEEDBACK_HORIZONS (5, 21, 63)" in failure_text(done)


@pytest.mark.parametrize("hour", [2, 23])
def test_the_schedule_runs_the_week_that_ended_with_yesterdays_saturday(instance, hour):
    sunday = datetime(2020, 7, 5, hour, tzinfo=UTC)
    with dg.build_schedule_context(
        instance=instance, repository_def=location().get_repository_def(), scheduled_execution_time=sunday
    ) as context:
        tick = location().get_repository_def().get_schedule_def("feedback_weekly").evaluate_tick(context)
    (request,) = tick.run_requests
    assert request.partition_key == str(LAST)


def test_the_command_takes_days_and_runs_their_weeks(filled, tmp_path):
    environment = {"DATABASE_URL": filled, "LLM_PIPELINE_HOME": str(tmp_path)}
    done = llm_pipeline("feedback", "--start", "2020-06-10", "--end", "2020-07-01", "--json", **environment)
    assert done.code == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["success"]
    assert told["metadata"]["scorecards"]["period"] == "2019-07-07 to before 2020-07-05"
    assert "2020-06-07 to 2020-06-28" in done.stderr


@pytest.mark.parametrize(
    ("window", "environment", "said"),
    [
        (("2020-06-10", "2020-06-01"), {}, "--end is before --start"),
        (("2199-01-01", "2199-01-20"), {}, "is over"),
        (("2020-06-01", "2020-06-10"), {"FEEDBACK_HORIZONS": "5,63"}, "FEEDBACK_PRIMARY_HORIZON"),
        (("2020-06-01", "2020-06-10"), {"FEEDBACK_HORIZONS": "5,soon"}, "FEEDBACK_HORIZONS"),
    ],
)
def test_a_window_or_setting_that_makes_no_sense_is_wrong_usage(window, environment, said, tmp_path):
    start, end = window
    done = called("feedback", "--start", start, "--end", end, LLM_PIPELINE_HOME=str(tmp_path), **environment)
    assert done.code == 2
    assert said in done.stderr
