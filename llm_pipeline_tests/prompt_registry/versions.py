"""Versions of the gate's prompt that are really better or worse, and what the tests of the registry share."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from psycopg import Connection

from llm_pipeline.llm.prompt_versions import add_candidate, register_prompts, template_of, with_version
from llm_pipeline.settings import Settings
from llm_pipeline.validation.interrogation import KEY as KEY
from llm_pipeline.validation.interrogation import gate_template

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
WHOLE = gate_template()
"""The project's own prompt, as its file has it."""


def without_step(text: str, number: int) -> str:
    """A prompt that no longer asks for one of its numbered steps."""
    changed, count = re.subn(rf"(?m)^{number}\. .*\n", "", text)
    assert count == 1
    return changed


UNVERIFIED = with_version(without_step(WHOLE.text, 5), "0.1.0")
"""Asks for no self-verification: doubts without ground stay in."""
BLIND = with_version(without_step(UNVERIFIED, 2), "0.2.0")
"""Asks for no semantic judgement either: doubts with ground are not raised."""


def install(conn: Connection[Any], first: str = UNVERIFIED) -> None:
    """An installation whose first version is this text."""
    register_prompts(conn, [template_of(first)], NOW)


def add(conn: Connection[Any], text: str) -> str:
    """Register a candidate and return its version."""
    return add_candidate(conn, text, origin="variant", by="Ada", why="a trial", now=NOW).version


def settings(home: Path, base_url: str | None = None, **given: Any) -> Settings:
    """Settings of a quick run with the offline model."""
    quick: dict[str, Any] = {
        "llm_pipeline_home": home,
        "ollama_base_url": base_url,
        "llm_validation_model": "offline-rules",
        "llm_anomaly_model": "offline-rules",
        "llm_backoff_s": 0.01,
    }
    return Settings(**(quick | given))
