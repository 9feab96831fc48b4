"""Materialising assets over a window of days or weeks from Python, in this process and in one run.

The commands use it, so that what they do shows in the Dagster UI like any other run.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

import dagster as dg
from dagster._core.execution.plan.objects import StepFailureData
from dagster_shared.error import SerializableErrorInfo

from llm_pipeline.partitions import FIRST_DAY, daily

PLANNED_AT_ONCE = "DAGSTER_EMIT_PARTITION_SUBSET_IN_PLANNED_EVENTS"
DAYS_PLANNED_ONE_BY_ONE = 366


class UnknownDayError(ValueError):
    """A day that no partition exists for."""


@dataclass(frozen=True)
class RunOutcome:
    """How a run ended.

    Attributes:
        error: the first failure in one line; None without one.
        trace: where it happened; None where the error is one that the assets foresee.
        failed_checks: names of the checks of severity error that did not pass.
        metadata: of each asset's last materialization, as plain JSON values.
    """

    run_id: str
    success: bool
    error: str | None
    trace: str | None
    failed_checks: tuple[str, ...]
    metadata: dict[str, dict[str, Any]]


def materialize_window(
    assets: Sequence[str],
    start: date,
    last: date,
    *,
    config: Mapping[str, Mapping[str, Any]] | None = None,
    calendar: dg.TimeWindowPartitionsDefinition = daily,
) -> RunOutcome:
    """Materialise `assets` for the days `start` to `last`, both included, on the instance of DAGSTER_HOME.

    Dagster's own log goes to the instance only; what failed is in the outcome.

    calendar: of these assets; of a weekly one, `start` and `last` are the first days of weeks.

    Raises:
        UnknownDayError: a day is outside the calendar.
    """
    from llm_pipeline.definitions import defs

    for day in (start, last):
        if not calendar.has_partition_key(str(day)):
            raise UnknownDayError(f"{day} is outside the calendar, which has {FIRST_DAY} to today (UTC)")
    tags = {
        "dagster/asset_partition_range_start": str(start),
        "dagster/asset_partition_range_end": str(last),
    }
    run_config = {
        "ops": {asset: {"config": dict(values)} for asset, values in (config or {}).items()},
        "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
    }
    with dg.DagsterInstance.get() as instance, _planned_at_once((last - start).days + 1):
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
        error=_first_line(failures[0]) if failures else None,
        trace=_trace(failures[0]) if failures else None,
        failed_checks=tuple(
            f"{evaluation.asset_key.to_user_string()}.{evaluation.check_name}"
            for evaluation in result.get_asset_check_evaluations()
            if not evaluation.passed and evaluation.severity == dg.AssetCheckSeverity.ERROR
        ),
        metadata={asset: _last_metadata(result, asset) for asset in assets},
    )


@contextmanager
def _planned_at_once(days: int) -> Iterator[None]:
    """For long windows, one event "planned" an asset instead of one a day.

    Dagster writes them one by one; without them, ingesting 3,151 days took 31 s instead of 36 s. The price: the days
    of a run that fails show as missing, not as failed.
    """
    if days <= DAYS_PLANNED_ONE_BY_ONE or PLANNED_AT_ONCE in os.environ:
        yield
        return
    os.environ[PLANNED_AT_ONCE] = "1"
    try:
        yield
    finally:
        del os.environ[PLANNED_AT_ONCE]


def _first_line(failure: StepFailureData) -> str:
    if failure.user_failure_data and failure.user_failure_data.description:
        return " ".join(failure.user_failure_data.description.split())
    error = _root(failure)
    return error.message.strip().splitlines()[0] if error else "the step failed"


def _trace(failure: StepFailureData) -> str | None:
    error = _root(failure)
    return None if failure.user_failure_data or error is None else error.to_string()


def _root(failure: StepFailureData) -> SerializableErrorInfo | None:
    return (failure.error.cause or failure.error) if failure.error else None


def _last_metadata(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, Any]:
    events = [event for event in result.get_asset_materialization_events() if event.asset_key == dg.AssetKey(asset)]
    if not events:
        return {}
    return {key: _plain(value) for key, value in events[-1].materialization.metadata.items()}


def _plain(value: dg.MetadataValue) -> Any:
    if isinstance(value, dg.TableMetadataValue):
        return [dict(record.data) for record in value.records]
    return value.value
