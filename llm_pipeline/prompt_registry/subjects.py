"""The interrogations whose prompts can be examined."""

from __future__ import annotations

from typing import cast

from llm_pipeline.offline_model import MODEL_NAME
from llm_pipeline.prompt_registry import anomaly_examination, gate_examination
from llm_pipeline.prompt_registry.examination import NoExaminationError, Subject
from llm_pipeline.settings import Settings

SUBJECTS: dict[str, Subject] = {module.KEY: cast(Subject, module) for module in (gate_examination, anomaly_examination)}


def subject_of(key: str) -> Subject:
    """How a prompt is examined.

    Raises:
        NoExaminationError: there are no labelled cases for it.
    """
    if key not in SUBJECTS:
        raise NoExaminationError(
            f"there is no labelled set for {key}, so nothing can show that a new version is no worse; "
            f"production asks with the text of prompts/{key}.txt. There are sets for {', '.join(SUBJECTS)}"
        )
    return SUBJECTS[key]


def production_model(settings: Settings, subject: Subject) -> str:
    """The model that production asks: the configured one, or the offline rules where no server is configured."""
    return str(getattr(settings, subject.MODEL_SETTING)) if settings.ollama_base_url else MODEL_NAME
