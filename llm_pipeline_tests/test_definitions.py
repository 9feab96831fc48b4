"""What the code location holds, as plain literals: a change here is a change that users see in the UI."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib

import dagster as dg
import pytest
import yaml

from llm_pipeline.definitions import defs
from llm_pipeline.settings import PROJECT_ROOT

DAILY = "daily from 2012-01-01 UTC, the running day included"
WEEKLY = "weekly from Sunday 2012-01-01 UTC, weeks that are over"
# Reference assets and what they come after.
REFERENCE: dict[str, set[str]] = {
    "legislators": set(),
    "committee_assignments": {"legislators"},
    "legislative_calendar": {"committee_assignments"},
    "ticker_sectors": set(),
    "market_prices": set(),
}


@pytest.fixture(scope="module")
def repository():
    return defs().get_repository_def()


def calendar(partitions):
    if partitions is None:
        return None
    if isinstance(partitions, dg.WeeklyPartitionsDefinition):
        assert (partitions.end_offset, f"{partitions.start:%A}") == (0, "Sunday")
        return f"weekly from {partitions.start:%A %Y-%m-%d} {partitions.timezone}, weeks that are over"
    assert isinstance(partitions, dg.DailyPartitionsDefinition)
    assert partitions.end_offset == 1
    return f"daily from {partitions.start:%Y-%m-%d} {partitions.timezone}, the running day included"


def test_assets(repository):
    graph = repository.asset_graph
    found = {
        node.key.to_user_string(): {
            "group": node.group_name,
            "kinds": node.kinds,
            "owners": list(node.owners),
            "partitions": calendar(node.partitions_def),
            "single run": node.backfill_policy == dg.BackfillPolicy.single_run(),
            "pools": node.pools,
            "after": {key.to_user_string() for key in node.parent_keys},
            "table": node.metadata["dagster/table_name"],
        }
        for node in graph.asset_nodes
    }
    load = {
        "group": "disclosures",
        "kinds": {"postgres", "python"},
        "owners": ["team:data-engineering"],
        "partitions": DAILY,
        "single run": True,
        "pools": set(),
        "after": set(),
        "table": "public.trading_disclosures",
    }
    loaded = load | {"group": "reference", "partitions": None, "single run": False}
    detected = load | {"group": "anomalies", "owners": ["team:quant-research"]}
    followed = detected | {"group": "feedback", "partitions": WEEKLY}
    assert found == {
        "lineage_reports": loaded
        | {
            "group": "lineage",
            "kinds": {"postgres", "ollama"},
            "owners": ["team:compliance"],
            "pools": {"ollama"},
            "after": {"senate_disclosures", "house_disclosures", "validation_status", "anomaly_signals"},
            "table": "public.lineage_reports",
        },
        "senate_disclosures": load,
        "house_disclosures": load,
        "validation_status": load
        | {
            "group": "validation",
            "kinds": {"postgres", "ollama"},
            "pools": {"ollama"},
            "after": {"senate_disclosures", "house_disclosures"},
        },
        **{name: loaded | {"table": f"public.{name}", "after": after} for name, after in REFERENCE.items()},
        "baseline_stats": detected
        | {
            "kinds": {"postgres", "polars"},
            "after": {"validation_status", "ticker_sectors"},
            "table": "public.baseline_stats",
        },
        "anomaly_candidates": detected
        | {
            "after": {"baseline_stats", "validation_status", *REFERENCE} - {"market_prices"},
            "table": "public.anomaly_candidates",
        },
        "anomaly_signals": detected
        | {
            "kinds": {"postgres", "ollama"},
            "pools": {"ollama"},
            "after": {"anomaly_candidates"},
            "table": "public.llm_anomaly_signals",
        },
        "trading_signals": detected
        | {"kinds": {"postgres"}, "after": {"anomaly_signals"}, "table": "public.trading_signals"},
        "review_queue": load
        | {
            "group": "review",
            "kinds": {"postgres"},
            "partitions": None,
            "single run": False,
            "after": {"validation_status", "anomaly_signals"},
            "table": "public.review_decisions",
        },
        "shadow_comparisons": detected
        | {
            "group": "feedback",
            "kinds": {"postgres", "ollama"},
            "pools": {"ollama"},
            "after": {"validation_status", "anomaly_signals"},
            "table": "public.shadow_comparisons",
        },
        "signal_outcomes": followed
        | {
            "kinds": {"postgres", "polars"},
            "after": {"anomaly_signals", "trading_signals", "market_prices"},
            "table": "public.signal_outcomes",
        },
        "scorecards": followed | {"after": {"signal_outcomes", "validation_status"}, "table": "public.scorecards"},
        "prompt_recommendations": followed
        | {
            "kinds": {"postgres", "ollama"},
            "pools": {"ollama"},
            "after": {"scorecards"},
            "table": "public.llm_prompt_recommendations",
        },
    }


def test_checks_and_which_of_them_stop_what_comes_after(repository):
    graph = repository.asset_graph
    found = {f"{key.asset_key.to_user_string()}.{key.name}": graph.get(key).blocking for key in graph.asset_check_keys}
    assert found == {
        "senate_disclosures.ledger_reconciles": True,
        "senate_disclosures.every_filing_read": False,
        "senate_disclosures.no_identity_conflicts": False,
        "senate_disclosures.provenance_verified": False,
        "house_disclosures.ledger_reconciles": True,
        "house_disclosures.every_filing_read": False,
        "house_disclosures.no_identity_conflicts": False,
        "house_disclosures.provenance_verified": False,
        "validation_status.json_schema_valid": True,
        "validation_status.conservation": True,
        "validation_status.counts_reconcile": True,
        "validation_status.all_decided": False,
        "validation_status.none_overdue": False,
        "validation_status.reject_share": False,
        "validation_status.first_attempt_validity": False,
        "baseline_stats.baseline_freshness": False,
        "anomaly_candidates.alert_load": False,
        "anomaly_candidates.evaluated_once": True,
        "anomaly_candidates.no_look_ahead": True,
        "anomaly_candidates.none_left_behind": False,
        "anomaly_signals.all_decided": False,
        "anomaly_signals.counts_reconcile": True,
        "anomaly_signals.grounding": True,
        "anomaly_signals.json_schema_valid": True,
        "trading_signals.from_confident_signals": True,
        "review_queue.none_waits_too_long": False,
        "shadow_comparisons.every_call_compared": False,
        "signal_outcomes.every_signal_has_an_outcome": True,
        "signal_outcomes.no_look_ahead": True,
        "signal_outcomes.counts_reconcile": True,
        "signal_outcomes.price_coverage": False,
        "scorecards.counts_reconcile": True,
        "scorecards.no_data_is_not_zero": True,
        "scorecards.enough_signals": False,
        "prompt_recommendations.all_answered": False,
        "prompt_recommendations.grounding": True,
        "prompt_recommendations.json_schema_valid": True,
        "lineage_reports.json_schema_valid": True,
        "lineage_reports.grounding": True,
        "lineage_reports.all_reported": False,
        **{f"{asset}.every_row_read": False for asset in REFERENCE},
        **{f"{asset}.not_empty": False for asset in REFERENCE},
        "committee_assignments.members_are_legislators": False,
        "committee_assignments.no_overlapping_spells": False,
        "legislative_calendar.events_have_ids_and_dates": False,
        "legislators.every_legislator_has_a_term": False,
        "market_prices.prices_on_trading_days": False,
        "market_prices.prices_positive_one_a_day": False,
        "ticker_sectors.sectors_are_gics": False,
    }


def test_jobs_schedules_and_sensors(repository):
    assert sorted(repository.job_names) == [
        *("__ASSET_JOB", "anomalies", "drain_jobs", "feedback", "ingestion", "lake_check", "lineage", "review"),
        "validation",
    ]
    assert {
        one.name: (one.cron_schedule, one.execution_timezone, one.job_name) for one in repository.schedule_defs
    } == {
        "validation_hourly": ("30 * * * *", "UTC", "validation"),
        "anomalies_daily": ("0 1 * * *", "UTC", "anomalies"),
        "review_daily": ("0 6 * * *", "UTC", "review"),
        "lake_weekly": ("0 4 * * 0", "UTC", "lake_check"),
        "feedback_weekly": ("0 2 * * 0", "UTC", "feedback"),
    }
    assert {one.name: one.minimum_interval_seconds for one in repository.sensor_defs} == {
        "job_queue": 30,
        "lineage_due": 60,
        "new_disclosures": 30,
        "review_released": 30,
        "run_failures": 30,
    }
    assert repository.get_sensor_def("new_disclosures").job_name == "validation"
    assert repository.get_sensor_def("job_queue").job_name == "drain_jobs"


def test_jobs_select_their_assets(repository):
    selected = {
        name: {key.to_user_string() for key in repository.get_job(name).asset_layer.executable_asset_keys}
        for name in ("ingestion", "validation", "feedback")
    }
    assert selected == {
        "ingestion": {"senate_disclosures", "house_disclosures"},
        "validation": {"validation_status"},
        "feedback": {"signal_outcomes", "scorecards", "prompt_recommendations"},
    }


def test_every_asset_says_what_it_is(repository):
    for node in repository.asset_graph.asset_nodes:
        assert node.description, node.key
        columns = node.metadata["dagster/column_schema"].columns
        assert columns, node.key
        # Markdown shows lines indented by four as code.
        assert not any(line.startswith("    ") for line in node.description.splitlines()), node.key
    for one in (*repository.schedule_defs, *repository.sensor_defs):
        assert one.description, one.name


def test_runs_execute_in_one_process(repository):
    assert all(job.executor_def.name == "in_process" for job in repository.get_all_jobs())


def test_workspace_and_pyproject_name_the_same_code_location():
    # [tool.dg] silently beats workspace.yaml under `dagster dev`; `dagster-webserver -w` knows the other one only.
    project = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text())["tool"]["dg"]["project"]
    (location,) = yaml.safe_load((PROJECT_ROOT / "workspace.yaml").read_text())["load_from"]
    module = location["python_module"]
    assert module["module_name"] == project["code_location_target_module"] == "llm_pipeline.definitions"
    assert module["location_name"] == project["code_location_name"] == "llm_pipeline"
    assert project["root_module"] == "llm_pipeline"


SHOW = """
import json
from dagster._core.remote_representation.external_data import RepositorySnap
from dagster._serdes import serialize_value
from llm_pipeline.definitions import defs
repository = defs().get_repository_def()
automation = (*repository.schedule_defs, *repository.sensor_defs)
print(json.dumps({
    "status": {one.name: one.default_status.value for one in automation},
    "snapshot": serialize_value(RepositorySnap.from_def(repository)),
}))
"""


def shown(**environment):
    """Names and default states of schedules and sensors, and the snapshot the UI gets, in a fresh process."""
    done = subprocess.run(
        [sys.executable, "-c", SHOW], env={**os.environ, **environment}, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def test_automation_is_off_by_default(repository):
    automation = (*repository.schedule_defs, *repository.sensor_defs)
    assert {one.name: one.default_status.value for one in automation} == {
        "validation_hourly": "STOPPED",
        "anomalies_daily": "STOPPED",
        "job_queue": "STOPPED",
        "lake_weekly": "STOPPED",
        "feedback_weekly": "STOPPED",
        "lineage_due": "STOPPED",
        "new_disclosures": "STOPPED",
        "review_daily": "STOPPED",
        "review_released": "STOPPED",
        "run_failures": "STOPPED",
    }


def test_the_switch_turns_automation_on_and_no_secret_reaches_the_ui():
    secrets = {
        "DATABASE_URL": "postgresql://user:geheim-password@127.0.0.1:1/db",
        "OLLAMA_API_KEY": "geheim-api-key",
        "FAILURE_WEBHOOK_URL": "http://127.0.0.1:1/geheim-webhook",
    }
    found = shown(LLM_PIPELINE_AUTOMATION="1", OLLAMA_BASE_URL="http://127.0.0.1:1", **secrets)
    assert found["status"] == {
        "validation_hourly": "RUNNING",
        "anomalies_daily": "RUNNING",
        "job_queue": "RUNNING",
        "lake_weekly": "RUNNING",
        "feedback_weekly": "RUNNING",
        "lineage_due": "RUNNING",
        "new_disclosures": "RUNNING",
        "review_daily": "RUNNING",
        "review_released": "RUNNING",
        "run_failures": "RUNNING",
    }
    assert "validation_status" in found["snapshot"]
    assert "geheim" not in found["snapshot"]


def test_definitions_load_with_dagsters_own_validation():
    dg.Definitions.validate_loadable(defs())
