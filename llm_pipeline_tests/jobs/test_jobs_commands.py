"""The commands about the queue: exit codes, streams, and errors in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from llm_pipeline.cli import main
from llm_pipeline_tests import commands
from llm_pipeline_tests.jobs.queue import KEY, fill, jobs, question, states

ONE = {
    "entity": {"kind": "filer", "name": "Ada Quill"},
    "texts": [{"evidence_id": "a", "text": "Ada Quill sold ACME."}],
}
GONE = {"entity": {"kind": "filer", "name": "Ada Quill"}, "disclosure_ids": ["gone"]}


@pytest.fixture
def called(database_url: str, monkeypatch: pytest.MonkeyPatch):
    """Calls a command in this process."""
    monkeypatch.setenv("DATABASE_URL", database_url)

    def call(*arguments: object, stdin: str | None = None) -> Result:
        return CliRunner().invoke(main, ["jobs", *map(str, arguments)], input=stdin)

    return call


def test_a_question_goes_through_the_queue_by_commands(database_url: str) -> None:
    use = {"DATABASE_URL": database_url}
    queued = commands.called("jobs", "enqueue", KEY, json.dumps(ONE), "--priority", 3, "--json", **use)
    assert (queued.code, queued.stderr) == (0, "")
    assert (queued.json["queued"], queued.json["known"]) == (1, 0)
    again = commands.called("jobs", "enqueue", KEY, json.dumps(ONE), **use)
    assert again.stdout == "0 queued, 1 in the queue already\n"
    assert commands.called("jobs", "enqueue", KEY, json.dumps(GONE), **use).code == 0

    # One is answered, the other asks about what is not there: done, and its failure is the exit code.
    run = commands.llm_pipeline("jobs", "run", "--once", "--workers", 2, "--json", **use)
    assert run.code == 1
    assert (run.json["succeeded"], run.json["dead"], run.json["calls"]) == (1, 1, 1)
    assert run.last_line == "failed: 1 jobs are dead-lettered; `llm-pipeline jobs retry --all` queues them again"

    status = commands.called("jobs", "status", "--json", **use)
    assert status.code == 0
    assert status.json["counts"] == {KEY: {"DEADLETTER": 1, "SUCCEEDED": 1}}
    (dead,) = status.json["dead"]
    assert dead["reason"] == "EvidenceMissingError: no disclosure is stored with the id gone"
    assert f"dead: {dead['job_id']} {KEY}, 1 attempts" in commands.called("jobs", "status", **use).stdout

    retried = commands.called("jobs", "retry", dead["job_id"], "--json", **use)
    assert retried.json == {"queued": [dead["job_id"]]}
    assert states(database_url) == {"NEW": 1, "SUCCEEDED": 1}


def test_many_inputs_come_as_lines_of_a_file_or_of_stdin(called, database_url: str, tmp_path: Path) -> None:
    lines = [{**ONE, "entity": {"kind": "company", "name": f"Acme {n}"}} for n in range(600)]
    file = tmp_path / "inputs.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)) + "\n")
    assert called("enqueue", KEY, f"@{file}").stdout == "600 queued, 0 in the queue already\n"
    found = called("enqueue", KEY, "-", stdin="\n".join(map(json.dumps, [*lines[:5], ONE])))
    assert found.stdout == "1 queued, 5 in the queue already\n"
    assert states(database_url) == {"NEW": 601}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("enqueue", "nobody", "{}"), "no interrogation is called 'nobody'; there are: entity_facts"),
        (("enqueue", KEY, "{"), "Expecting property name"),
        (("enqueue", KEY, '{"entity": 1}'), "entity_facts does not take this input: entity:"),
        (("enqueue", KEY, "@nowhere.jsonl"), "there is no file nowhere.jsonl"),
        (("run",), "say --once or --loop"),
        (("run", "--loop", "--drain"), "--loop never ends by itself"),
        (("retry",), "say which"),
        (("retry", "--all", "--key", KEY), "say which"),
        (("retry", "no-uuid"), "is not a valid UUID"),
    ],
)
def test_wrong_usage_is_said_and_nothing_is_queued(
    called, database_url: str, arguments: tuple[str, ...], told: str
) -> None:
    result = called(*arguments)
    assert result.exit_code == 2
    assert told in result.stderr
    assert jobs(database_url) == []


def test_one_bad_line_is_named_and_none_is_queued(called, database_url: str) -> None:
    result = called("enqueue", KEY, "-", stdin=f"{json.dumps(ONE)}\n{{}}\n")
    assert result.exit_code == 2
    assert "input 2: entity_facts does not take this input" in result.stderr
    assert jobs(database_url) == []


def test_retrying_what_is_not_dead_is_a_failure(called, database_url: str) -> None:
    fill(database_url, [question(1)])
    result = called("retry", jobs(database_url)[0]["id"])
    assert result.exit_code == 1
    assert "not dead, or not there" in result.stderr


def test_an_empty_queue_is_said_to_be_empty(called) -> None:
    assert called("status").stdout == "the queue is empty\n"
    assert called("run", "--once").stdout.startswith("0 claimed, ")


def test_a_model_that_is_not_usable_is_a_failure_and_the_jobs_wait(database_url: str) -> None:
    fill(database_url, [question(1)])
    run = commands.llm_pipeline(
        "jobs", "run", "--once", DATABASE_URL=database_url, OLLAMA_BASE_URL="http://127.0.0.1:9", LLM_MAX_ATTEMPTS="1"
    )
    assert run.code == 1
    assert run.last_line.startswith("failed: entity_facts could not be asked, its jobs wait: Unreachable: ")
    assert states(database_url) == {"NEW": 1}
