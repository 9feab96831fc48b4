"""The commands as a user types them: streams, exit codes, one line for what went wrong."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from llm_pipeline.offline_model.faults import Fault, FaultPlan
from llm_pipeline_tests.commands import Outcome, called
from llm_pipeline_tests.replay.scenes import TODAY, Scene, changed_prompt
from llm_pipeline_tests.validation.service.runs import query

DAYS = ("--start", TODAY.date() - timedelta(days=1), "--end", TODAY.date() + timedelta(days=1))


@pytest.fixture
def command(few: Scene):
    """Runs a command against the scene's database, server and lake."""

    def run(*arguments: object) -> Outcome:
        return called(
            *arguments,
            DATABASE_URL=few.url,
            OLLAMA_BASE_URL=few.server.base_url,
            LLM_PIPELINE_HOME=str(few.used.llm_pipeline_home),
            LLM_VALIDATION_MODEL="offline-rules",
            LLM_NUM_CTX="32768",
            LLM_NUM_PREDICT="8192",
        )

    return run


def test_replay_shows_what_differs(few, command):
    first, second = few.calls()[:2]
    same = command("replay", first)
    assert same.code == 0, same.stderr
    assert "answer: identical, 5 decisions unchanged" in same.stdout
    few.server.model.set_faults(FaultPlan((Fault("contradicting"),)))
    other = command("replay", second, "--json")
    assert other.code == 0, other.stderr
    assert (other.json["original_audit_id"], other.json["request_identical"]) == (second, True)
    assert len(other.json["changed_decisions"]) == 5
    assert other.json["text_diff"]
    both = command("replay", first, second, "--json")
    assert [one["named_audit_id"] for one in both.json["replays"]] == [first, second]


def test_replay_of_what_is_damaged_is_one_line_and_exit_code_1(few, command):
    call = few.calls()[0]
    (row,) = query(
        few.url, "SELECT lake_uri FROM llm_artifacts WHERE audit_trail_id = %s AND artifact_type = 'request_json'", call
    )
    Path(row["lake_uri"]).unlink()
    gone = command("replay", call, "--json")
    assert (gone.code, gone.stdout) == (1, "")
    assert gone.stderr.splitlines() == [gone.last_line]
    assert gone.last_line.startswith("failed: cannot read ")
    assert call in gone.last_line
    assert command("replay", "nonsense").last_line == "failed: 'nonsense' is not the id of an audit row"


def test_a_replay_without_an_answer_is_a_failure_that_is_shown(few, command):
    few.server.model.set_faults(FaultPlan((Fault("refusal"),)))
    done = command("replay", few.calls()[0], "--json")
    assert done.code == 1
    assert done.json["error"].startswith("Refusal: ")


def test_a_shadow_run_is_estimated_run_and_shown(few, command, tmp_path):
    file = tmp_path / "candidate.txt"
    file.write_bytes(changed_prompt())
    estimated = command("shadow", "run", "validation_gate", *DAYS, "--template", file, "--estimate", "--json")
    assert estimated.code == 0, estimated.stderr
    assert (estimated.json["outcome"], estimated.json["estimate"]["calls"]) == ("estimated", 6)
    assert query(few.url, "SELECT 1 FROM shadow_runs") == []
    done = command("shadow", "run", "validation_gate", *DAYS, "--template", file, "--json")
    assert done.code == 0, done.stderr
    assert (done.json["outcome"], done.json["status"], done.json["model_calls"]) == ("done", "complete", 6)
    assert "6 calls, 0 of them answered from the cache" in done.stderr
    shown = command("shadow", "show", done.json["id"], "--json")
    assert shown.json["agreement"] == done.json["agreement"]
    assert shown.json["agreement"]["agreement_rate"] == 1.0
    words = command("shadow", "show", done.json["id"])
    matrix = [line for line in words.stdout.splitlines() if line.startswith("|")]
    assert matrix[0] == "| baseline \\ candidate | flag | pass | reject | no answer |"
    assert len(matrix) == 5
    assert "\ufffd" not in words.stdout
    assert "30 of 30 items agree: 100.0%" in words.stdout


def test_wrong_usage_of_a_shadow_run_is_exit_code_2(command):
    assert command("shadow", "run", "horoscope", *DAYS).code == 2
    assert command("shadow", "run", "validation_gate", *DAYS, "--version", "7.7.7").code == 2
    assert command("shadow", "run", "validation_gate", "--start", "2026-01-02", "--end", "2026-01-01").code == 2


def test_a_window_without_calls_says_so_and_is_no_failure(command):
    done = command("shadow", "run", "validation_gate", "--start", "2012-01-01", "--end", "2012-01-02")
    assert (done.code, done.stdout) == (0, "no call in this window\n")


def test_fsck_fails_for_what_is_lost_and_only_when_strict_for_what_is_left_over(few, command):
    whole = command("lake", "fsck", "--json")
    assert whole.code == 0, whole.stderr
    assert (whole.json["artifacts"], whole.json["intact"]) == (12, 12)
    (row,) = query(few.url, "SELECT lake_uri FROM llm_artifacts ORDER BY lake_uri LIMIT 1")
    file = Path(row["lake_uri"])
    (file.parent / "other.json.gz").write_bytes(b"")
    assert command("lake", "fsck").code == 0
    strict = command("lake", "fsck", "--strict", "--json")
    assert (strict.code, len(strict.json["orphaned"])) == (1, 1)
    file.unlink()
    lost = command("lake", "fsck")
    assert lost.code == 1
    assert f"\nmissing: {file}: cannot read " in lost.stdout
    assert lost.last_line.startswith("failed: 1 of 12 artifacts in ")
