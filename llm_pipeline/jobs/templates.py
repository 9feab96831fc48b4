"""Which template an interrogation is asked with: here, and nowhere else in the queue."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import psycopg

from llm_pipeline.interrogations.registry import Registry
from llm_pipeline.llm.prompt_versions import active_template, register_prompts
from llm_pipeline.llm.prompts import PromptTemplate


def active_templates(conn: psycopg.Connection[Any], registry: Registry, now: datetime) -> Mapping[str, PromptTemplate]:
    """The active template of every interrogation, by key; versions that files bring are registered first.

    Raises:
        PromptVersionConflictError: a file's text changed without a new version.
    """
    # No labelled set examines these prompts, so nothing could ever show a new version to be no worse.
    register_prompts(conn, registry.templates.values(), now, examined=False)
    return {key: active_template(conn, key) for key in registry.templates}
