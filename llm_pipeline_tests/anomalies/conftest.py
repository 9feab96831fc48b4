"""Fixtures of the tests of detection."""

from __future__ import annotations

from llm_pipeline_tests.llm.conftest import real_ollama

__all__ = ["real_ollama"]
