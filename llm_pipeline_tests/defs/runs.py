"""What the tests of the Dagster wiring share: a small written sample, and runs of the real code location on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any

import dagster as dg
from psycopg.rows import dict_row

from llm_pipeline.db.connection import connect
from llm_pipeline.definitions import defs
from llm_pipeline.defs.resources import PostgresResource
from llm_pipeline.sample.manifest import SampleManifest

ASSETS = ("senate_disclosures", "house_disclosures", "validation_status")
END = date(2025, 6, 20)


def source_settings(sample: SampleManifest) -> dict[str, str]:
    """The environment variables that make a sample the source."""
    return {
        "SENATE_DISCLOSURES_SOURCE": str(sample.senate),
        "HOUSE_DISCLOSURES_SOURCE": f"{sample.house / 'all_transactions.csv'},{sample.house / 'ptr_parsed.jsonl'}",
    }


def range_tags(start: date | str, last: date | str) -> dict[str, str]:
    """The tags of a run over several partitions, as backfills and our sensors set them."""
    return {"dagster/asset_partition_range_start": str(start), "dagster/asset_partition_range_end": str(last)}


@cache
def location() -> dg.Definitions:
    """The code location, loaded once: it is the same for every test, and a second to load."""
    return defs()


def run(
    instance: dg.DagsterInstance,
    assets: Sequence[str],
    start: date | None,
    last: date | None = None,
    *,
    also: Sequence[dg.AssetsDefinition] = (),
    config: Mapping[str, Mapping[str, Any]] | None = None,
) -> dg.ExecuteInProcessResult:
    """One run of the code location's assets, and of `also`, in this process: one partition without `last`, none at all
    without `start`."""
    every = dg.Definitions.merge(location(), dg.Definitions(assets=also)) if also else location()
    names = [*assets, *(one.key.to_user_string() for one in also)]
    return every.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=instance,
        asset_selection=[dg.AssetKey(name) for name in names],
        partition_key=str(start) if start is not None and last is None else None,
        tags=range_tags(start, last) if start is not None and last is not None else None,
        run_config={"ops": {name: {"config": dict(values)} for name, values in (config or {}).items()}},
        raise_on_error=False,
    )


def metadata(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, Any]:
    """The metadata of an asset's last materialization in a run."""
    events = [e for e in result.get_asset_materialization_events() if e.asset_key == dg.AssetKey(asset)]
    return {name: value.value for name, value in events[-1].materialization.metadata.items()}


def checks(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    """Whether each check of a run passed, by "asset.check"."""
    return {f"{e.asset_key.to_user_string()}.{e.check_name}": e.passed for e in result.get_asset_check_evaluations()}


def failed(result: dg.ExecuteInProcessResult) -> set[str]:
    """Names of the checks that did not pass."""
    return {name for name, passed in checks(result).items() if not passed}


def failure_text(result: dg.ExecuteInProcessResult) -> str:
    """What the first failed step says to the user."""
    failure = result.get_step_failure_events()[0].step_failure_data
    return failure.user_failure_data.description if failure.user_failure_data else ""


def rows(url: str, statement: str, *values: Any) -> list[dict[str, Any]]:
    """Rows as dictionaries."""
    with connect(url, row_factory=dict_row) as conn:
        return conn.execute(statement, values).fetchall()


STORED = """SELECT source, source_document_id, row_ordinal, llm_validation_status AS status
            FROM trading_disclosures WHERE superseded_by IS NULL"""


def verdicts(url: str) -> dict[tuple[str, str, int], str]:
    """Validation status of the rows in force, by their place in the source."""
    return {(r["source"], r["source_document_id"], r["row_ordinal"]): r["status"] for r in rows(url, STORED)}


def expected_verdicts(sample: SampleManifest) -> dict[tuple[str, str, int], str]:
    """What the manifest says about each row in force."""
    return {
        (filing.source, filing.source_document_id, ordinal): planted.expected if planted else "pass"
        for filing in sample.filings
        if filing.state == "parsed"
        for ordinal in range(1, filing.rows + 1)
        for planted in [sample.planted_row(filing.source, filing.source_document_id, ordinal)]
    }


TABLES = (
    "trading_disclosures",
    "politicians",
    "ingest_ledger",
    "disclosure_provenance",
    "data_quality_issues",
    "data_quality_quarantine",
    "llm_audit_trail",
    "validation_failures",
)


def contents(url: str) -> dict[str, str]:
    """A fingerprint of each table, to tell whether a run changed anything."""
    fingerprint = "SELECT md5(coalesce(string_agg(t::text, E'\\n' ORDER BY t::text), '')) AS found FROM {} t"
    return {name: rows(url, fingerprint.format(name))[0]["found"] for name in TABLES}


def windows(tick: Any) -> list[tuple[str, str]]:
    """(first, last) of each requested run, as the run's own tags name them."""
    found = []
    for request in tick.run_requests or []:
        start = request.tags.get("dagster/asset_partition_range_start", request.partition_key)
        last = request.tags.get("dagster/asset_partition_range_end", request.partition_key)
        found.append((start, last))
    return found


def tick_of(repository: dg.RepositoryDefinition, instance: dg.DagsterInstance, sensor: str, cursor: str | None) -> Any:
    """One tick of a sensor."""
    with dg.build_sensor_context(
        instance=instance,
        cursor=cursor,
        repository_def=repository,
        resources={"postgres": PostgresResource()},
    ) as context:
        return repository.get_sensor_def(sensor).evaluate_tick(context)
