"""What it takes to examine a prompt: labelled sets, and a way to ask about their cases with one version of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from psycopg import Connection

from llm_pipeline.llm.audit import Attempt
from llm_pipeline.llm.gateway import Gateway
from llm_pipeline.llm.prompts import PromptTemplate
from llm_pipeline.prompt_registry.trial import Original, SetFacts, Trial
from llm_pipeline.settings import Settings

SEEDS_APART = 1_000
"""Between the seeds of two repeats; tries of one call use the few seeds after it."""

Keep = Callable[[Sequence[Attempt]], Mapping[str, Original]]
"""Stores attempts, and says for those from the cache what the original calls were."""


class NoExaminationError(ValueError):
    """There is no labelled set for this prompt, so nothing can show that a new version is no worse."""


class LabelledSetError(ValueError):
    """A labelled set cannot be used; the message names it and says why."""


class Examination(Protocol):
    """The labelled cases of one interrogation, ready to be asked about."""

    @property
    def sets(self) -> Sequence[SetFacts]:
        """Which sets the cases are from."""

    async def run(self, gateway: Gateway, template: PromptTemplate, repeat: int, keep: Keep) -> Trial:
        """Ask about every case once, with the seed and the order of this repeat.

        Raises:
            LlmError: the model cannot be used at all.
        """


class Subject(Protocol):
    """An interrogation that can be examined; one module each."""

    KEY: str
    MODEL_SETTING: str
    """Field of `Settings` that names the model."""

    def required_sets(self, conn: Connection[Any]) -> Sequence[SetFacts]:
        """The sets that every evaluation must have used."""

    def examination(self, conn: Connection[Any], settings: Settings, files: Sequence[Path]) -> Examination:
        """All labelled cases there are, and those of files.

        Raises:
            LabelledSetError: a file is not in the format, or has no labels.
        """
