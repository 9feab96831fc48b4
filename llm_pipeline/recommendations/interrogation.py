"""The schema of the interrogation `feedback_loop`, bound to what a period has. Pure."""

from __future__ import annotations

from llm_pipeline.llm.schema import Schema, bind_choice, bind_constant
from llm_pipeline.recommendations.case import FeedbackCase

KEY = "feedback_loop"


def bound_schema(schema: Schema, case: FeedbackCase) -> Schema:
    """The schema for one period: groups, signals, parameters and issues can only be those that exist.

    That each stands where it belongs cannot be said in a schema; `grounding.py` checks it.
    """
    examples = sorted({one for group in case.groups for one in group.signal_ids})
    bound = bind_constant(schema, "feedback_id", case.feedback_id)
    bound = bind_choice(bound, "FailurePattern", "group", [one.group for one in case.groups])
    bound = bind_choice(bound, "FailurePattern", "example_signal_ids", examples)
    bound = bind_choice(bound, "ThresholdAdjustment", "parameter", [one.name for one in case.parameters])
    return bind_choice(bound, "DataQualityFeedback", "categories", case.categories)
