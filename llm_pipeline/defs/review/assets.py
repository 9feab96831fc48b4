"""The asset of the group `review`: what waits for a person."""

from datetime import UTC, datetime, timedelta

import dagster as dg
from pydantic import Field

from llm_pipeline.defs.check_results import SHOWN, check_result
from llm_pipeline.defs.resources import PostgresResource
from llm_pipeline.defs.tables import table
from llm_pipeline.review.queue import count_waiting, list_waiting

QUEUE = "review_queue"
NONE_WAITS_TOO_LONG = "none_waits_too_long"


class ReviewQueueConfig(dg.Config):
    """Launchpad configuration."""

    most_days: int = Field(default=14, ge=1, description="days after which something has waited too long")


@dg.asset(
    name=QUEUE,
    group_name="review",
    deps=["validation_status", "anomaly_signals"],
    owners=["team:data-engineering"],
    tags={"domain": "stock_act"},
    kinds={"postgres"},
    metadata={
        "dagster/table_name": "public.review_decisions",
        "dagster/column_schema": dg.TableSchema(
            [
                dg.TableColumn("kind", "text", description="quarantine, flagged, signal or recommendation"),
                dg.TableColumn("item_id", "text", description="what was decided on"),
                dg.TableColumn("decision", "text", description="approved or rejected"),
                dg.TableColumn("reviewed_by", "text", description="who decided"),
                dg.TableColumn("reviewed_at", "timestamptz", description="when (UTC)"),
                dg.TableColumn("why", "text", description="the reason given"),
            ]
        ),
    },
    check_specs=[
        dg.AssetCheckSpec(
            NONE_WAITS_TOO_LONG, asset=QUEUE, description="Nothing waits for a person longer than `most_days`."
        )
    ],
)
def review_queue(config: ReviewQueueConfig, postgres: PostgresResource) -> dg.MaterializeResult:
    """What waits for a person, by kind and since when. Decide with `llm-pipeline review`; decisions are kept.

    Nothing here is decided by the pipeline. Counted every morning; calls no model.
    """
    now = datetime.now(UTC)
    with postgres.connect() as conn:
        counts = count_waiting(conn)
        first = list_waiting(conn, limit=5)
    limit = now - timedelta(days=config.most_days)
    late = [one.kind for one in counts if one.oldest is not None and one.oldest < limit]
    return dg.MaterializeResult(
        metadata={
            "waiting": sum(one.count for one in counts),
            **{f"waiting_{one.kind}": one.count for one in counts},
            "oldest_by_kind": table(
                {"kind": "string", "waiting": "int", "oldest_days": "int"},
                [
                    {
                        "kind": one.kind,
                        "waiting": one.count,
                        "oldest_days": (now - one.oldest).days if one.oldest else 0,
                    }
                    for one in counts
                ],
            ),
            "first_to_read": table(
                {"kind": "string", "id": "string", "what": "string"},
                [{"kind": one.kind, "id": one.item_id, "what": one.what[:200]} for one in first[:SHOWN]],
            ),
        },
        check_results=[
            check_result(
                QUEUE,
                NONE_WAITS_TOO_LONG,
                not late,
                severity=dg.AssetCheckSeverity.WARN,
                most_days=config.most_days,
                kinds=late,
            )
        ],
    )
