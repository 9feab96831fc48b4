"""Fixtures of the gateway's tests: recorded exchanges and a genuine server, where there are any."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def recorded() -> Path:
    """The folder of requests and answers recorded from genuine servers; it is not part of the project."""
    folder = Path(__file__).resolve().parents[3] / "shared" / "tools" / "recorded-ollama"
    if not folder.is_dir():
        pytest.skip("the folder shared/tools/recorded-ollama is not beside the project")
    return folder


@pytest.fixture(scope="session")
def real_ollama() -> str:
    """The address of a genuine Ollama with the tiny random models."""
    url = os.environ.get("REAL_OLLAMA_URL")
    if not url:
        pytest.skip("REAL_OLLAMA_URL names no genuine Ollama server")
    return url
