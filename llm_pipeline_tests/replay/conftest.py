"""Fixtures of the tests of replay: a server, and fifty calls of the gate that it has answered."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from llm_pipeline.offline_model.process import ThreadedServer, running_in_thread
from llm_pipeline_tests.llm.conftest import real_ollama
from llm_pipeline_tests.replay.scenes import Scene, gate_scene

__all__ = ["real_ollama"]


@pytest.fixture
def offline() -> Iterator[ThreadedServer]:
    """The offline model in a thread; `set_faults` makes it misbehave."""
    with running_in_thread() as server:
        yield server


@pytest.fixture
def fifty(database_url: str, tmp_path: Path, offline: ThreadedServer) -> Scene:
    """250 disclosures, validated in 50 calls."""
    return gate_scene(database_url, tmp_path, offline, records=250)


@pytest.fixture
def few(database_url: str, tmp_path: Path, offline: ThreadedServer) -> Scene:
    """30 disclosures, validated in 6 calls."""
    return gate_scene(database_url, tmp_path, offline, records=30)
