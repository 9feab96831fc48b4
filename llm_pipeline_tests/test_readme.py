"""What README and docs claim about names must be so."""

from __future__ import annotations

import re
from pathlib import Path

from llm_pipeline.cli import main
from llm_pipeline.settings import PROJECT_ROOT, Settings

README = (PROJECT_ROOT / "README.md").read_text(encoding="utf-8")
VALIDATION = (PROJECT_ROOT / "docs" / "validation.md").read_text(encoding="utf-8")


def test_the_readme_lists_every_setting_and_no_other() -> None:
    table = README.partition("## Configuration")[2].partition("## Limits")[0]
    listed = set(re.findall(r"`([A-Z][A-Z0-9_]+)`", table))
    assert listed == {name.upper() for name in Settings.model_fields}


def test_the_readme_names_only_commands_that_exist() -> None:
    for command in re.findall(r"llm-pipeline ([a-z]+)", README):
        assert command in main.commands, command


def test_the_make_targets_that_the_readme_names_exist() -> None:
    makefile = (PROJECT_ROOT / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"`?make ([a-z]+)", README)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_page_on_validation_names_every_issue_that_the_rules_raise() -> None:
    rules = Path(PROJECT_ROOT / "llm_pipeline" / "validation")
    raised = {
        name
        for file in rules.glob("*_facts.py")
        for name in re.findall(r'(?:reject|doubt|finding|say)\(\s*"\w+",\s*[\w"]+,\s*"(\w+)"', file.read_text())
    }
    assert len(raised) > 10
    assert raised <= set(re.findall(r"`(\w+)`", VALIDATION))


def test_links_inside_the_documentation_lead_somewhere() -> None:
    for page in [PROJECT_ROOT / "README.md", *(PROJECT_ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\((?!http)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
