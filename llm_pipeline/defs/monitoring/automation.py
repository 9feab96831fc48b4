"""What happens when a run fails."""

import dagster as dg

from llm_pipeline.alerts import post_alert
from llm_pipeline.defs.switch import sensor_status
from llm_pipeline.settings import load_settings


@dg.run_failure_sensor(
    name="run_failures",
    default_status=sensor_status(),
    description="Logs every failed run and, with FAILURE_WEBHOOK_URL set, posts it there.",
)
def run_failures(context: dg.RunFailureSensorContext) -> None:
    """One log line, and one POST where a webhook is configured; a failed POST fails the tick and is seen."""
    run = context.dagster_run
    text = f"run {run.run_id} of {run.job_name} failed: {context.failure_event.message}"
    context.log.error(text)
    webhook = load_settings().failure_webhook_url
    if webhook:
        post_alert(webhook.get_secret_value(), text, {"run_id": run.run_id, "job": run.job_name})
