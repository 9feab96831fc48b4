"""Texts under their versions: the project's own, and what is said when one was edited without a new version."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llm_pipeline.prompt_registry.manifest import FILE, check_manifest, record_versions
from llm_pipeline.settings import project_folder
from llm_pipeline_tests.prompt_registry.versions import KEY, WHOLE


def test_every_prompt_of_the_project_is_the_text_recorded_under_its_version() -> None:
    """A failure here means: raise the `# Version:` line, then run `llm-pipeline prompts check --record`."""
    found = check_manifest(project_folder("prompts"))
    assert (found.changed, found.unrecorded) == ((), ())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / f"{KEY}.txt").write_text(WHOLE.text, encoding="utf-8")
    record_versions(tmp_path)
    return tmp_path


def test_a_text_that_was_edited_under_its_version_is_named_and_never_recorded_over(folder: Path) -> None:
    (folder / f"{KEY}.txt").write_text(WHOLE.text.replace("calm", "quick"), encoding="utf-8")
    found = check_manifest(folder)
    assert found.changed == (
        f"{KEY}.txt changed, and still says version {WHOLE.version}. Raise its `# Version:` line.",
    )
    assert record_versions(folder) == []
    assert json.loads((folder / FILE).read_text()) == {KEY: {WHOLE.version: WHOLE.sha256}}


def test_a_new_version_is_to_be_recorded_and_old_ones_stay(folder: Path) -> None:
    raised = WHOLE.text.replace(f"# Version: {WHOLE.version}", "# Version: 99.0.0").replace("calm", "quick")
    (folder / f"{KEY}.txt").write_text(raised, encoding="utf-8")
    found = check_manifest(folder)
    assert (len(found.changed), len(found.unrecorded)) == (0, 1)
    assert [one.version for one in record_versions(folder)] == ["99.0.0"]
    assert check_manifest(folder).unrecorded == ()
    assert set(json.loads((folder / FILE).read_text())[KEY]) == {WHOLE.version, "99.0.0"}
