"""Fixtures of the wiring's tests: a small sample written once, and the environment that makes it the source."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import pytest

from llm_pipeline.sample.manifest import SampleManifest
from llm_pipeline.sample.write import write_sample
from llm_pipeline_tests.defs.runs import END, source_settings


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> SampleManifest:
    """About 200 disclosures with every kind of defect."""
    return write_sample(tmp_path_factory.mktemp("sample"), end=END, filings_per_week=3, patterns=False)


@pytest.fixture
def sourced(database_url: str, sample: SampleManifest, monkeypatch: pytest.MonkeyPatch) -> str:
    """URL of the database in use; the sample is the source of both chambers."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    for name, value in source_settings(sample).items():
        monkeypatch.setenv(name, value)
    return database_url


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """A Dagster instance in memory."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance
