"""`prompts/versions.json`: the SHA-256 of every version that a file in `prompts/` has had.

Checked in beside the templates, so that a text that was edited without a new version is found without any database.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from llm_pipeline.llm.prompts import PromptTemplate, load_prompts

FILE = "versions.json"


@dataclass(frozen=True)
class ManifestCheck:
    """What is wrong: texts that changed under their version, and versions that are not recorded yet; one line each."""

    changed: tuple[str, ...]
    unrecorded: tuple[str, ...]


def check_manifest(folder: Path) -> ManifestCheck:
    """Compare the templates of a folder with its manifest.

    Raises:
        PromptError: a template is not usable.
        ValueError: the manifest is not JSON.
    """
    recorded, templates = _read(folder), load_prompts(folder).values()
    pairs = [(one, recorded.get(one.key, {}).get(one.version)) for one in templates]
    return ManifestCheck(
        tuple(
            f"{one.key}.txt changed, and still says version {one.version}. Raise its `# Version:` line."
            for one, known in pairs
            if known not in (None, one.sha256)
        ),
        tuple(
            f"{one.key} {one.version} ({one.sha256}) is not in {FILE}. Record it with `prompts check --record`."
            for one, known in pairs
            if known is None
        ),
    )


def record_versions(folder: Path) -> list[PromptTemplate]:
    """Add the versions that are not recorded yet; what is recorded stays as it is.

    Raises:
        PromptError: a template is not usable.
        ValueError: the manifest is not JSON.
    """
    recorded = _read(folder)
    new = [one for one in load_prompts(folder).values() if one.version not in recorded.get(one.key, {})]
    for one in new:
        recorded.setdefault(one.key, {})[one.version] = one.sha256
    if new:
        (folder / FILE).write_text(json.dumps(recorded, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return new


def _read(folder: Path) -> dict[str, dict[str, str]]:
    file = folder / FILE
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else {}
