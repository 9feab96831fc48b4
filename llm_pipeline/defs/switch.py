"""Whether schedules and sensors start switched on: on in the demo, off otherwise, `LLM_PIPELINE_AUTOMATION` decides.

The default only seeds the state at first load; what somebody switches in the UI later stays.
"""

from __future__ import annotations

import dagster as dg

from llm_pipeline.settings import load_settings


def schedule_status() -> dg.DefaultScheduleStatus:
    """The initial state of every schedule."""
    on = load_settings().llm_pipeline_automation
    return dg.DefaultScheduleStatus.RUNNING if on else dg.DefaultScheduleStatus.STOPPED


def sensor_status() -> dg.DefaultSensorStatus:
    """The initial state of every sensor."""
    on = load_settings().llm_pipeline_automation
    return dg.DefaultSensorStatus.RUNNING if on else dg.DefaultSensorStatus.STOPPED
