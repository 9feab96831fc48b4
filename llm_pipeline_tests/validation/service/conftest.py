"""Fixtures of the use case's tests: an honest server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from llm_pipeline.offline_model.process import ThreadedServer, running_in_thread


@pytest.fixture
def honest() -> Iterator[ThreadedServer]:
    """The offline model in a thread, without faults."""
    with running_in_thread() as server:
        yield server
