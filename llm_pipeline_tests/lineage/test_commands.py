"""`lineage verify` and `audit` as a user calls them: exit codes, streams, and what they say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from llm_pipeline.cli import main
from llm_pipeline_tests.commands import llm_pipeline
from llm_pipeline_tests.lineage.stored import ONCE, TWICE, Connection, tamper

BREAK = "row_edited at the row, column asset_ticker: expected asset_ticker XOM, found asset_ticker EVIL"


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


@pytest.fixture
def in_use(loaded: Connection, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Connection:
    """The sample in the database that the commands use."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    return loaded


def _edit(db: Connection) -> None:
    tamper(db, "UPDATE trading_disclosures SET asset_ticker = 'EVIL' WHERE id = %s", ONCE)
    db.commit()


def test_what_holds_is_said_in_one_line_with_exit_code_0(in_use: Connection) -> None:
    done = call("lineage", "verify", "--all")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("6 disclosures: 6 verified, 0 broken, 0 unattested; 0 filings or partitions")
    assert call("lineage", "verify", ONCE, TWICE).exit_code == 0


def test_what_is_broken_is_named_with_exit_code_1(in_use: Connection) -> None:
    _edit(in_use)
    done = call("lineage", "verify", "--all")
    assert done.exit_code == 1
    assert done.stdout.splitlines()[0] == f"{ONCE}: {BREAK}"
    told = json.loads(call("lineage", "verify", ONCE, "--json").stdout)
    assert (told["broken"], told["verified"]) == (1, 0)
    assert told["first_breaks"][ONCE]["code"] == "row_edited"
    assert call("lineage", "verify", TWICE).exit_code == 0


@pytest.mark.parametrize("arguments", [(), ("--all", ONCE)])
def test_neither_ids_nor_all_and_both_are_wrong_usage(in_use: Connection, arguments: tuple[str, ...]) -> None:
    assert call("lineage", "verify", *arguments).exit_code == 2


def test_an_id_that_is_not_there_fails_in_one_line(in_use: Connection) -> None:
    done = call("lineage", "verify", "00000000-0000-4000-8000-000000000000")
    assert done.exit_code == 1
    assert "there is no disclosure 00000000-0000-4000-8000-000000000000" in done.stderr


def test_an_audit_verifies_asks_and_prints_the_report(in_use: Connection, database_url: str) -> None:
    done = llm_pipeline("audit", TWICE, DATABASE_URL=database_url)
    assert done.code == 0, done.stderr
    assert done.stdout.startswith(f"disclosure {TWICE}: verified\nverified by code:\n  hash chain              holds\n")
    assert "trust 100 of 100, at most 100" in done.stdout
    assert "offline-rules" in done.stdout
    told = llm_pipeline("audit", TWICE, "--json", DATABASE_URL=database_url).json
    assert (told["status"], told["recommended_action"]) == ("verified", "trust")
    assert in_use.execute("SELECT count(*) FROM lineage_reports").fetchone() == (1,)


def test_an_audit_of_a_broken_record_exits_1_after_the_report(in_use: Connection, database_url: str) -> None:
    _edit(in_use)
    done = llm_pipeline("audit", ONCE, DATABASE_URL=database_url)
    assert done.code == 1
    assert f"first broken link: {BREAK}" in done.stdout
    assert "trust 10 of 100" in done.stdout
    assert done.last_line == f"failed: the provenance of {ONCE} is broken: {BREAK}"


def test_an_audit_without_a_model_says_so_and_leaves_no_report(in_use: Connection, tmp_path: Path) -> None:
    environment = {"OLLAMA_BASE_URL": "http://127.0.0.1:9", "LLM_MAX_ATTEMPTS": "1", "LLM_BACKOFF_S": "0"}
    runner = CliRunner(env=environment)
    done = runner.invoke(main, ["audit", ONCE])
    assert done.exit_code == 1
    assert "127.0.0.1:9" in done.stderr
    assert in_use.execute("SELECT count(*) FROM lineage_reports").fetchone() == (0,)
