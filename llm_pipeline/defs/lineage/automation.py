"""When reports come by themselves: a quarantined or signalled disclosure is queued for one, once for each chain."""

import dagster as dg

from llm_pipeline.defs.lineage.names import REPORTS
from llm_pipeline.defs.resources import PostgresResource
from llm_pipeline.defs.switch import sensor_status
from llm_pipeline.lineage.due import enqueue_due

# One tick queues at most this many (about 0.1 s); the next goes on.
JOBS_PER_TICK = 1_000

lineage_job = dg.define_asset_job(
    "lineage",
    selection=[REPORTS],
    description="Reports on named disclosures, or on those in quarantine or behind a signal.",
)


@dg.sensor(
    name="lineage_due",
    minimum_interval_seconds=60,
    default_status=sensor_status(),
    description="Queues a lineage report for every disclosure in quarantine or behind an active signal.",
)
def lineage_due(postgres: PostgresResource) -> dg.SkipReason:
    """Starts no run: the queue's own sensor drains it."""
    with postgres.connect() as conn, conn.cursor() as cur:
        new = enqueue_due(cur, JOBS_PER_TICK)
    return dg.SkipReason(f"{new} reports queued" if new else "every report that is wanted is there or queued")
