"""Materialising assets over a window of days from Python, in this process and in one run.

The commands use it, so that what they do shows in the Dagster UI like any other run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import dagster as dg

from llm_pipeline.partitions import FIRST_DAY, daily


class UnknownDayError(ValueError):
    """A day that no partition exists for."""


@dataclass(frozen=True)
class RunOutcome:
    """How a run ended: `failed_checks` are the names of checks of severity error that did not pass."""

    run_id: str
    success: bool
    error: str | None
    failed_checks: tuple[str, ...]
    metadata: dict[str, dict[str, Any]]


def materialize_window(
    assets: Sequence[str],
    start: date,
    last: date,
    *,
    config: Mapping[str, Mapping[str, Any]] | None = None,
    log_level: str = "WARNING",
) -> RunOutcome:
    """Materialise `assets` for the days `start` to `last`, both included, on the instance of DAGSTER_HOME.

    Raises:
        UnknownDayError: a day is outside the calendar.
    """
    from llm_pipeline.definitions import defs

    for day in (start, last):
        if not daily.has_partition_key(str(day)):
            raise UnknownDayError(f"{day} is outside the calendar, which has {FIRST_DAY} to today (UTC)")
    tags = {
        "dagster/asset_partition_range_start": str(start),
        "dagster/asset_partition_range_end": str(last),
    }
    run_config = {
        "ops": {asset: {"config": dict(values)} for asset, values in (config or {}).items()},
        "loggers": {"console": {"config": {"log_level": log_level}}},
    }
    with dg.DagsterInstance.get() as instance:
        result = (
            defs()
            .resolve_implicit_global_asset_job_def()
            .execute_in_process(
                instance=instance,
                asset_selection=[dg.AssetKey(asset) for asset in assets],
                tags=tags,
                run_config=run_config,
                raise_on_error=False,
            )
        )
    failures = [event.step_failure_data for event in result.get_step_failure_events()]
    return RunOutcome(
        run_id=result.run_id,
        success=result.success,
        error=_first_line(failures) if failures else None,
        failed_checks=tuple(
            f"{evaluation.asset_key.to_user_string()}.{evaluation.check_name}"
            for evaluation in result.get_asset_check_evaluations()
            if not evaluation.passed and evaluation.severity == dg.AssetCheckSeverity.ERROR
        ),
        metadata={asset: _last_metadata(result, asset) for asset in assets},
    )


def _first_line(failures: Sequence[Any]) -> str:
    failure = failures[0]
    if failure.user_failure_data and failure.user_failure_data.description:
        return str(failure.user_failure_data.description)
    error = failure.error.cause or failure.error
    return str(error.message).strip().splitlines()[0]


def _last_metadata(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, Any]:
    events = [event for event in result.get_asset_materialization_events() if event.asset_key == dg.AssetKey(asset)]
    if not events:
        return {}
    return {key: value.value for key, value in events[-1].materialization.metadata.items()}
