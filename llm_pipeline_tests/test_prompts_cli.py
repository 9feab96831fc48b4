"""The commands about prompts: what they print, and how they end."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from llm_pipeline.cli import main
from llm_pipeline.llm.prompt_versions import with_version
from llm_pipeline_tests.prompt_registry.versions import BLIND, KEY, WHOLE

SIGNED = ("--by", "Ada", "--why", "a test")
Called = Callable[..., Result]


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch, database_url: str) -> Called:
    monkeypatch.setenv("DATABASE_URL", database_url)

    def call(*arguments: object) -> Result:
        return CliRunner().invoke(main, ["prompts", *map(str, arguments)])

    return call


def template(folder: Path, version: str, text: str) -> Path:
    file = folder / f"{version}.txt"
    file.write_text(with_version(text, version), encoding="utf-8")
    return file


def listed(called: Called) -> dict[str, str]:
    versions = json.loads(called("list", KEY, "--json").stdout)["versions"]
    return {one["version"]: one["status"] for one in versions}


def test_a_worse_version_ends_with_exit_code_1_and_a_better_one_is_activated_and_rolled_back(
    called: Called, tmp_path: Path
) -> None:
    worse, fair = template(tmp_path, "98.0.0", BLIND), template(tmp_path, "99.0.0", WHOLE.text.replace("calm", "quick"))
    for file in (worse, fair):
        assert called("add", file, *SIGNED).exit_code == 0
    assert listed(called) == {WHOLE.version: "active", "98.0.0": "candidate", "99.0.0": "candidate"}

    done = called("evaluate", KEY, "98.0.0", "--repeats", 1)
    assert done.exit_code == 1
    assert f"failed: {KEY} 98.0.0 was not shown to be no worse than {WHOLE.version}" in done.stderr
    assert any(line.startswith("worse     recall of ticker_asset_mismatch: ") for line in done.stdout.splitlines())
    done = called("activate", KEY, "98.0.0", *SIGNED)
    assert done.exit_code == 1
    assert "worse: recall" in done.stderr

    done = called("evaluate", KEY, "99.0.0", "--repeats", 1, "--json")
    assert done.exit_code == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert (found["verdict"], found["model"], len(found["cases"])) == ("passed", "offline-rules", 800)
    assert set(found["cases"][0]) == {"set", "case_id", "kind", "pass_rate", "pass_rate_against", "undecided"}
    assert set(found["measures"]["version"][0]["kinds"]["garbled_ocr"]) >= {"recall", "precision"}
    done = called("activate", KEY, "99.0.0", *SIGNED, "--json")
    assert json.loads(done.stdout)["evaluation_id"] == found["evaluation_id"]
    assert listed(called)["99.0.0"] == "active"
    done = called("rollback", KEY, *SIGNED)
    assert (done.exit_code, done.stdout) == (0, f"{KEY} {WHOLE.version} is active instead of 99.0.0\n")
    assert "rollback by Ada, a test" in called("list", KEY).stdout


def test_show_and_diff_print_what_is_stored(called: Called, tmp_path: Path) -> None:
    called("add", template(tmp_path, "99.0.0", WHOLE.text.replace("calm", "quick")), *SIGNED)
    assert called("show", KEY, WHOLE.version).stdout == WHOLE.text
    lines = called("diff", KEY, "99.0.0").stdout.splitlines()
    assert lines[:2] == [f"--- {KEY} {WHOLE.version}", f"+++ {KEY} 99.0.0"]
    assert [line[:24] for line in lines if line.startswith("+#")] == ["+# Version: 99.0.0"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("show", KEY, "77.0.0"), 1, f"the registry has no version 77.0.0 of {KEY}"),
        (("list", "weather"), 1, "no version of weather is registered"),
        (("evaluate", KEY, WHOLE.version), 2, f"{WHOLE.version} is the version to compare"),
        (("evaluate", "anomaly", "1.0.0"), 2, "there is no labelled set for anomaly"),
        (("activate", KEY, "77.0.0", *SIGNED), 1, "has no version 77.0.0"),
        (("activate", KEY, WHOLE.version, *SIGNED), 1, "is active already"),
        (("activate", KEY, WHOLE.version), 2, "Missing option"),
        (("rollback", KEY, *SIGNED), 1, f"no other version of {KEY} was active before"),
        (("case", "add", "nothing"), 1, "nobody has reviewed nothing"),
        (("case", "withdraw", "nothing", *SIGNED), 1, "no labelled case nothing is in force"),
    ],
)
def test_what_cannot_be_done_is_one_line_with_its_exit_code(
    called: Called, arguments: tuple[str, ...], code: int, said: str
) -> None:
    done = called(*arguments)
    assert done.exit_code == code
    assert said in done.stderr.splitlines()[-1]
    assert done.stdout == ""


def test_a_template_that_is_none_is_refused(called: Called, tmp_path: Path) -> None:
    file = tmp_path / "x.txt"
    file.write_bytes(b"\xff\xfe")
    done = called("add", file, *SIGNED)
    assert done.exit_code == 1
    assert "not UTF-8" in done.stderr


def test_a_file_without_labels_is_no_labelled_set(called: Called, tmp_path: Path) -> None:
    called("add", template(tmp_path, "99.0.0", WHOLE.text.replace("calm", "quick")), *SIGNED)
    file = tmp_path / "bare.jsonl"
    file.write_text('{"record": {"record_id": "r1"}}\n', encoding="utf-8")
    done = called("evaluate", KEY, "99.0.0", "--set", file)
    assert done.exit_code == 2
    assert "record r1 has no label" in done.stderr


def test_the_check_of_the_files_needs_no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://127.0.0.1:1/none")
    assert CliRunner().invoke(main, ["prompts", "check"]).exit_code == 0
