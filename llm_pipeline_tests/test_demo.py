"""The demo on a machine with nothing: everything embedded, everything accounted for, nothing left running."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner

from llm_pipeline import local_stack
from llm_pipeline.cli import main
from llm_pipeline.embedded.postgres import EmbeddedPostgres
from llm_pipeline_tests.commands import SCRIPT, llm_pipeline

LAST_LINE = re.compile(
    r"demo ok: (\d+) disclosures, (\d+) pass, (\d+) flag, (\d+) reject, (\d+) signals, 0 unaccounted"
)


@pytest.fixture
def homes():
    """Two folders for two installations."""
    folders = [Path(tempfile.mkdtemp(prefix="llm-pipeline-demo-")) for _ in range(2)]
    yield folders
    for folder in folders:
        EmbeddedPostgres(folder).stop()
        shutil.rmtree(folder, ignore_errors=True)


def processes_of(home):
    """Command lines of the processes that mention a folder."""
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if str(home) in line]


def test_two_demos_side_by_side_account_for_everything_twice_and_leave_nothing_running(homes):
    def demo(home):
        return llm_pipeline("demo", "--no-ui", LLM_PIPELINE_HOME=str(home))

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(demo, homes)
    for done in (first, second):
        assert done.code == 0, done.stderr
        (line,) = done.stdout.splitlines()
        total, passed, flagged, rejected, signals = map(int, LAST_LINE.fullmatch(line).groups())
        assert total == passed + flagged + rejected
        assert total > 600
        assert flagged > 20
        assert rejected > 10
        assert signals >= 5
        assert "offline-rules, which is no language model" in done.stderr
    assert first.stdout == second.stdout
    again = demo(homes[0])
    assert (again.code, again.stdout) == (0, first.stdout)
    assert "0 migrations applied" in again.stderr
    for home in homes:
        assert processes_of(home) == []


def test_a_demo_that_is_told_to_stop_leaves_nothing_running(homes):
    home = homes[0]
    demo = subprocess.Popen(
        [SCRIPT, "demo", "--no-ui"], env={**os.environ, "LLM_PIPELINE_HOME": str(home)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert demo.stderr is not None
    for line in demo.stderr:
        if line.startswith("[4/5]"):
            break
    time.sleep(0.5)
    demo.send_signal(signal.SIGTERM)
    stdout, stderr = demo.communicate(timeout=240)
    assert demo.returncode != 0, stderr
    assert "demo ok" not in stdout
    assert processes_of(home) == []


def test_the_demo_refuses_to_write_invented_people_into_a_database_of_yours(monkeypatch, database_url):
    monkeypatch.setenv("DATABASE_URL", database_url)
    done = CliRunner().invoke(main, ["demo", "--no-ui"])
    assert done.exit_code == 2
    assert "DATABASE_URL is set, and the demo writes invented people: unset it" in done.stderr
    assert done.stdout == ""


def test_the_demo_also_refuses_for_an_address_in_the_file_that_the_ui_would_read(monkeypatch, tmp_path):
    (tmp_path / ".env").write_text("DATABASE_URL=postgresql://127.0.0.1:1/mine\n")
    monkeypatch.setattr(local_stack, "ENV_FILE", tmp_path / ".env")
    done = CliRunner().invoke(main, ["demo", "--no-ui"])
    assert done.exit_code == 2
    assert "unset it (.env counts too)" in done.stderr
