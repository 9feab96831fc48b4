"""The asset `prompt_recommendations`, its checks and what it shows."""

from datetime import timedelta
from typing import Any

import dagster as dg

from llm_pipeline.db.connection import resolve_url
from llm_pipeline.defs.check_results import problems_result
from llm_pipeline.defs.feedback.names import GROUP, RECOMMENDATIONS, SCORECARDS
from llm_pipeline.defs.resources import MODEL_POOL, OllamaResource, PostgresResource
from llm_pipeline.defs.tables import table
from llm_pipeline.jobs.working import Shift, work_on_queue
from llm_pipeline.partitions import weekly
from llm_pipeline.recommendations.interrogation import KEY
from llm_pipeline.recommendations.service import Step, open_chains
from llm_pipeline.recommendations.weekly import RecommendationReport, account_for_weeks, queue_weeks

JSON_SCHEMA_VALID = "json_schema_valid"
GROUNDING = "grounding"
ALL_ANSWERED = "all_answered"

COLUMNS = dg.TableSchema(
    columns=[
        dg.TableColumn("feedback_id", "text", description="the same evidence has the same id"),
        dg.TableColumn("analysis_period_start", "date"),
        dg.TableColumn("analysis_period_end", "date", description="the day after the period"),
        dg.TableColumn("failure_patterns", "jsonb", description="computed groups of lost signals, and why they lost"),
        dg.TableColumn("prompt_recommendations", "jsonb", description="each with its recommendation_id"),
        dg.TableColumn("threshold_adjustments", "jsonb"),
        dg.TableColumn("meta_confidence", "int", description="0-10"),
        dg.TableColumn("status", "text", description="pending, approved, rejected or applied"),
    ]
)
SPECS = [
    dg.AssetCheckSpec(
        JSON_SCHEMA_VALID,
        asset=RECOMMENDATIONS,
        blocking=True,
        description="Every stored recommendation of the window validates against the contract.",
    ),
    dg.AssetCheckSpec(
        GROUNDING,
        asset=RECOMMENDATIONS,
        blocking=True,
        description="Not one stored recommendation names a group, signal, number, parameter or value that is not so.",
    ),
    dg.AssetCheckSpec(
        ALL_ANSWERED,
        asset=RECOMMENDATIONS,
        description="Every week with closed signals has an answer; the metadata say why one has none.",
    ),
]


@dg.asset(
    name=RECOMMENDATIONS,
    group_name=GROUP,
    partitions_def=weekly,
    backfill_policy=dg.BackfillPolicy.single_run(),
    deps=[SCORECARDS],
    owners=["team:quant-research"],
    tags={"domain": "stock_act"},
    kinds={"postgres", "ollama"},
    pool=MODEL_POOL,
    metadata={"dagster/table_name": "public.llm_prompt_recommendations", "dagster/column_schema": COLUMNS},
    check_specs=SPECS,
)
async def prompt_recommendations(
    context: dg.AssetExecutionContext, postgres: PostgresResource, ollama: OllamaResource
) -> dg.MaterializeResult:
    """What a language model would change after seeing which signals lost: proposals only, `pending` until somebody
    approves them.

    One question a week with closed signals, through the queue. Code checks every group, signal, number, parameter and
    value; what is not so is kept in `ungrounded_claims`. The same evidence is not asked about again. Nothing here
    changes a prompt or a threshold.
    """
    settings, window = ollama.settings(), context.partition_time_window
    weeks = (window.end.date() - window.start.date()).days // 7
    ends = [window.start.date() + timedelta(days=7 * (n + 1)) for n in range(weeks)]
    with postgres.connect() as conn:
        asked, report = queue_weeks(conn, ends)
    calls = 0
    if asked:
        shift = Shift(until_settled=True, only=KEY)
        done = await work_on_queue(resolve_url(settings), settings, shift, dagster_run_id=context.run_id)
        calls = done.calls
        if done.unusable and not done.total("SUCCEEDED"):
            raise dg.Failure(description=next(iter(done.unusable.values())), allow_retries=False)
    with postgres.connect() as conn:
        account_for_weeks(conn, asked, report)
        became = open_chains(conn)
    failed = [f"{end}: {why}" for end, why in report.failed.items()]
    return dg.MaterializeResult(
        metadata=_metadata(report, calls, became),
        check_results=[
            problems_result(RECOMMENDATIONS, JSON_SCHEMA_VALID, report.invalid),
            problems_result(RECOMMENDATIONS, GROUNDING, report.ungrounded),
            problems_result(RECOMMENDATIONS, ALL_ANSWERED, failed),
        ],
    )


def _metadata(report: RecommendationReport, calls: int, became: dict[str, list[Step]]) -> dict[str, Any]:
    last = report.stored[-1] if report.stored else None
    if report.stored:
        status = "stored"
    elif report.failed:
        status = "no answer"
    else:
        status = "no change proposed" if report.nothing_proposed else "no week with closed signals"
    found: dict[str, Any] = {
        "status": status,
        "dagster/row_count": len(report.stored),
        "weeks": report.weeks,
        "weeks_without_closed_signal": len(report.nothing_closed),
        "weeks_without_scorecard": len(report.no_scorecard),
        "weeks_without_answer": len(report.failed),
        "weeks_without_proposal": len(report.nothing_proposed),
        "model_calls": calls,
        "claims_refused": sum(report.claims.values()),
    }
    if last is not None:
        found["feedback_id"] = last["feedback_id"]
        found["meta_confidence"] = last["meta_confidence"]
        found["recommendations"] = table(
            dict.fromkeys(("recommendation_id", "target", "change", "description", "priority"), "string"),
            [
                {
                    "recommendation_id": one["recommendation_id"],
                    "target": one["target_prompt"],
                    "change": one["change_type"],
                    "description": one["description"],
                    "priority": one["priority"],
                }
                for one in last["prompt_recommendations"]
            ],
        )
    if became:
        found["what_became_of_advice"] = table(
            dict.fromkeys(("recommendation", "step", "id", "at", "by", "detail"), "string"),
            [
                {
                    "recommendation": recommendation_id,
                    "step": one.step,
                    "id": one.id,
                    "at": f"{one.at:%Y-%m-%d %H:%M}" if one.at else "",
                    "by": one.by or "",
                    "detail": one.detail,
                }
                for recommendation_id, steps in became.items()
                for one in steps
            ],
        )
    return found
