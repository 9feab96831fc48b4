"""What can be asked again: the contract of an interrogation, and the setting that names its model.

Interrogations that are asked from the queue are found in their folder, as the queue finds them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

from pydantic import BaseModel, ConfigDict

from llm_pipeline.anomalies.contract import AnomalyAnswer
from llm_pipeline.interrogations.queued import QueuedInterrogation
from llm_pipeline.llm.interrogation import ModelOptions
from llm_pipeline.replay.errors import CandidateError
from llm_pipeline.settings import Settings
from llm_pipeline.validation.contract import GateAnswer


@dataclass(frozen=True)
class Subject:
    """One interrogation: key, contract of its answer, model and options in use."""

    key: str
    contract: type[BaseModel]
    model: Callable[[Settings], str]
    options: Callable[[Settings], ModelOptions] = ModelOptions.of


class AnyAnswer(BaseModel):
    """Any JSON object: what an answer to an interrogation that has no contract any more must be."""

    model_config = ConfigDict(extra="allow")


_KNOWN = {
    "validation_gate": Subject("validation_gate", GateAnswer, lambda settings: settings.llm_validation_model),
    "anomaly_detection": Subject("anomaly_detection", AnomalyAnswer, lambda settings: settings.llm_anomaly_model),
}


def find_subject(key: str) -> Subject | None:
    """The interrogation of this key, None when the project has none."""
    if key in _KNOWN:
        return _KNOWN[key]
    module = f"llm_pipeline.interrogations.{key}"
    if not re.fullmatch(r"[a-z][a-z0-9_]*", key) or find_spec(module) is None:
        return None
    queued = getattr(import_module(module), "INTERROGATION", None)
    if not isinstance(queued, QueuedInterrogation):
        return None
    return Subject(key, queued.contract, queued.model, queued.options)


def subject_named(key: str) -> Subject:
    """As `find_subject`.

    Raises:
        CandidateError: there is no such interrogation.
    """
    if (found := find_subject(key)) is None:
        raise CandidateError(f"no interrogation is called {key!r}; there are {', '.join(_KNOWN)} and the queued ones")
    return found
