"""The assets `senate_disclosures` and `house_disclosures`: filings of a window of days, as normalised rows."""

from datetime import UTC, date, datetime
from inspect import cleandoc
from typing import Any

import dagster as dg
from psycopg import Connection

from llm_pipeline.defs.disclosures.checks import check_specs, ingestion_checks
from llm_pipeline.defs.disclosures.metadata import COLUMNS, ingestion_metadata
from llm_pipeline.defs.resources import PostgresResource
from llm_pipeline.disclosures.ingest import ingest
from llm_pipeline.disclosures.ledger import reconcile
from llm_pipeline.disclosures.readers import SourceError
from llm_pipeline.disclosures.report import IngestReport
from llm_pipeline.disclosures.sources import SOURCES_OF, SourceLocation, source_locations
from llm_pipeline.lineage.service import verify_scope
from llm_pipeline.lineage.store import Scope
from llm_pipeline.partitions import daily
from llm_pipeline.settings import load_settings


class IngestConfig(dg.Config):
    """What a run may be given in the launchpad."""

    location: str = ""  # file, folder, glob or URL; empty: SENATE_/HOUSE_DISCLOSURES_SOURCE


def _disclosures_asset(chamber: str, what: str) -> dg.AssetsDefinition:
    name = f"{chamber}_disclosures"

    @dg.asset(
        name=name,
        group_name="disclosures",
        description=cleandoc(f"""{what}, one row per reported transaction in `trading_disclosures`.

        Reads the raw filings at `{name.upper()}_SOURCE`, normalises names, tickers, ranges and dates without repairing
        anything, and writes rows, provenance chain and ledger in one transaction. Daily by disclosure date; any window
        in one run; an unchanged source changes nothing. A filing that cannot be read is a `failed` row of
        `ingest_ledger` and a failing check, and does not stop the others."""),
        partitions_def=daily,
        backfill_policy=dg.BackfillPolicy.single_run(),
        kinds={"postgres", "python"},
        owners=["team:data-engineering"],
        tags={"domain": "stock_act"},
        check_specs=check_specs(name),
        metadata={"dagster/table_name": "public.trading_disclosures", "dagster/column_schema": COLUMNS},
    )
    def disclosures(
        context: dg.AssetExecutionContext, config: IngestConfig, postgres: PostgresResource
    ) -> dg.MaterializeResult:
        window = context.partition_time_window
        start, end = window.start.date(), window.end.date()
        configured = getattr(load_settings(), f"{name}_source")
        try:
            places = source_locations(chamber, config.location or configured)
        except ValueError as error:
            raise dg.Failure(description=str(error), allow_retries=False) from error
        with postgres.connect() as conn:
            conn.autocommit = True
            reports = [_load(conn, place, start, end, context.run_id) for place in places]
            scope = Scope(SOURCES_OF[chamber], start, end)
            verified = verify_scope(conn, scope, now=datetime.now(UTC))
            gaps = [gap for source in SOURCES_OF[chamber] for gap in reconcile(conn, source, start, end)]
        return dg.MaterializeResult(
            metadata=ingestion_metadata(reports, setting=f"{name.upper()}_SOURCE"),
            check_results=ingestion_checks(name, reports, gaps, verified),
        )

    return disclosures


def _load(conn: Connection[Any], place: SourceLocation, start: date, end: date, run_id: str) -> IngestReport:
    try:
        return ingest(conn, place.source, place.location, start, end, now=datetime.now(UTC), run_id=run_id)
    except SourceError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error


senate_disclosures = _disclosures_asset("senate", "Periodic transaction reports of US senators")
house_disclosures = _disclosures_asset("house", "Periodic transaction reports of US representatives")
