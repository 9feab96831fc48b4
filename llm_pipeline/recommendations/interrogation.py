"""The interrogation `feedback_loop`: its contract and model, and how a period is asked about. Pure."""

from __future__ import annotations

from llm_pipeline.llm.interrogation import Interrogation, ModelOptions
from llm_pipeline.llm.prompts import Messages, PromptTemplate
from llm_pipeline.llm.schema import Schema, bind_constant, bind_values
from llm_pipeline.recommendations.case import FeedbackCase
from llm_pipeline.recommendations.contract import FeedbackAnswer
from llm_pipeline.settings import Settings

KEY = "feedback_loop"


def feedback_interrogation(settings: Settings, template: PromptTemplate) -> Interrogation:
    """The interrogation with the template in force and the model and options that the settings name."""
    return Interrogation(
        key=KEY,
        template=template,
        contract=FeedbackAnswer,
        model=settings.llm_feedback_model,
        options=ModelOptions.of(settings),
    )


def case_messages(interrogation: Interrogation, case: FeedbackCase) -> Messages:
    """The messages about one period."""
    return interrogation.render(**case.variables(), feedback_id=case.feedback_id)


def bound_schema(schema: Schema, case: FeedbackCase) -> Schema:
    """The schema for one period: groups, signals and parameters can only be those that exist.

    That each stands where it belongs cannot be said in a schema; `grounding.py` checks it.
    """
    bound = bind_constant(schema, "feedback_id", case.feedback_id)
    bound = bind_values(bound, "FailurePattern", "group", [one.group for one in case.groups])
    examples = sorted({one for group in case.groups for one in group.signal_ids})
    bound = bind_values(bound, "FailurePattern", "example_signal_ids", examples)
    bound = bind_values(bound, "ThresholdAdjustment", "parameter", [one.name for one in case.parameters])
    return bind_values(bound, "DataQualityFeedback", "categories", case.categories)
