"""The commands: exit codes, what goes to which stream, and errors in one line that never repeat a secret."""

from __future__ import annotations

import json
from datetime import date

import pytest
from click.testing import CliRunner

from llm_pipeline.cli import main
from llm_pipeline.sample.gate_set import write_gate_set
from llm_pipeline.sample.write import write_sample
from llm_pipeline_tests.commands import llm_pipeline
from llm_pipeline_tests.defs.runs import expected_verdicts, verdicts

END = date(2025, 6, 20)


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    return write_sample(tmp_path_factory.mktemp("sample"), end=END, filings_per_week=3, patterns=False)


@pytest.fixture
def called(monkeypatch, tmp_path):
    """Calls a command in this process; for what starts no run."""

    def call(*arguments, **environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return CliRunner().invoke(main, [str(one) for one in arguments])

    return call


def gate_file(folder, lines=60):
    file = folder / "gate.jsonl"
    write_gate_set(file, lines, 3, end=END)
    return file


def test_filings_are_ingested_and_validated_by_commands(database_url, sample):
    window = ("--start", sample.start, "--end", sample.end)

    # The Senate sample holds one broken filing: the work is done, and its failure is the exit code.
    senate = llm_pipeline("ingest", "senate_efd", sample.senate, *window, "--json", DATABASE_URL=database_url)
    assert senate.code == 1
    assert senate.json["success"] is True
    assert senate.json["failed_checks"] == ["senate_disclosures.every_filing_read"]
    (broken,) = senate.json["metadata"]["senate_disclosures"]["failed_filings"]
    assert broken["why"].endswith("`transactions` is not a list")
    assert senate.last_line == "failed: checks failed: senate_disclosures.every_filing_read"

    # In words, for the days that the source has.
    house = llm_pipeline("ingest", "house_stock_watcher", sample.house / "*.csv", DATABASE_URL=database_url)
    assert house.code == 0, house.stderr
    days = sorted(f.disclosed for f in sample.filings if f.source == "house_stock_watcher")
    assert house.stderr == f"house_disclosures: {days[0]} to {days[-1]}\n"
    assert house.stdout.startswith("house_disclosures: status stored, ")
    assert len(house.stdout.splitlines()) == 1

    dead = {"OLLAMA_BASE_URL": "http://127.0.0.1:9", "LLM_BACKOFF_S": "0"}
    failed = llm_pipeline("validate", *window, "--json", DATABASE_URL=database_url, **dead)
    assert failed.code == 1
    assert failed.json["success"] is False
    assert "http://127.0.0.1:9" in failed.json["error"]
    assert "Traceback" not in failed.stderr
    assert failed.last_line == f"failed: {failed.json['error']}"

    done = llm_pipeline("validate", *window, "--json", DATABASE_URL=database_url)
    assert done.code == 0, done.stderr
    expected = {row: status for row, status in expected_verdicts(sample).items() if row[0] != "house_ptr"}
    assert verdicts(database_url) == expected
    assert done.json["metadata"]["validation_status"]["decided_in_this_run"] == len(expected)
    assert done.json["metadata"]["validation_status"]["worst_flags"]


def test_migrations_are_applied_once_and_listed(called, empty_database_url):
    before = called("db", "status", "--json", DATABASE_URL=empty_database_url)
    assert before.exit_code == 1
    assert {one["applied_at"] for one in json.loads(before.stdout)["migrations"]} == {None}
    applied = called("db", "migrate", "--json")
    assert applied.exit_code == 0
    assert json.loads(applied.stdout)["applied"] == [one["name"] for one in json.loads(before.stdout)["migrations"]]
    assert json.loads(called("db", "migrate", "--json").stdout) == {"applied": []}
    after = called("db", "status")
    assert after.exit_code == 0
    assert "not applied" not in after.stdout


def test_the_url_in_use_is_printed_and_nothing_else(called):
    url = "postgresql://user@127.0.0.1:1/db"
    done = called("db", "url", DATABASE_URL=url)
    assert (done.exit_code, done.stdout) == (0, f"{url}\n")


@pytest.mark.parametrize("command", [("db", "status"), ("validate", "--start", "2025-01-01", "--end", "2025-01-02")])
def test_a_database_that_does_not_answer_is_one_line_without_the_password(called, command):
    done = called(*command, DATABASE_URL="postgresql://user:geheim@127.0.0.1:1/db")
    assert done.exit_code == 1
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("failed: ")]
    assert line.startswith("failed: the database does not answer: ")
    assert "127.0.0.1" in line
    assert "Check DATABASE_URL" in line
    assert "geheim" not in done.output
    assert "Traceback" not in done.output


def test_an_address_that_is_none_is_wrong_usage_and_not_repeated(called):
    done = called("db", "status", DATABASE_URL="postgres//user:geheim@host/db")
    assert done.exit_code == 2
    assert "DATABASE_URL is not an address such as postgresql://" in done.stderr
    assert "geheim" not in done.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("ingest", "eFD", "x"), "no source is called 'eFD'; there are senate_efd, house_stock_watcher, house_ptr"),
        (("validate", "--start", "2025-02-02", "--end", "2025-02-01"), "--end 2025-02-01 is before --start 2025-02-02"),
        (("validate", "--start", "2025-02-30", "--end", "2025-03-01"), "'2025-02-30' does not match the format"),
        (("validate", "--start", "1999-01-01", "--end", "2025-03-01"), "1999-01-01 is outside the calendar"),
        (("validate", "--start", "2025-01-01", "--end", "2199-03-01"), "2199-03-01 is outside the calendar"),
        (("gate", "evaluate", "/nowhere.jsonl"), "'/nowhere.jsonl' does not exist"),
        (("predict",), "No such command 'predict'"),
    ],
)
def test_wrong_usage_is_exit_code_2_and_one_clear_line(called, database_url, arguments, said):
    done = called(*arguments, DATABASE_URL=database_url)
    assert done.exit_code == 2
    assert said in done.stderr.splitlines()[-1]
    assert done.stdout == ""


def test_a_setting_of_the_wrong_type_is_named(called):
    done = called("gate", "evaluate", __file__, LLM_CONCURRENCY="many")
    assert done.exit_code == 2
    assert "LLM_CONCURRENCY: Input should be a valid integer" in done.stderr


def test_a_source_that_names_no_file_is_one_line(called, database_url):
    done = called("ingest", "senate_efd", "/nowhere", DATABASE_URL=database_url)
    assert done.exit_code == 1
    assert done.stderr.startswith("failed: /nowhere names no file")
    assert len(done.stderr.splitlines()) == 1


def test_gate_evaluate_measures_a_labelled_set_without_a_database(called, tmp_path):
    done = called("gate", "evaluate", gate_file(tmp_path), "--json", DATABASE_URL="postgresql://127.0.0.1:1/none")
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert set(found) == {"records", "metrics"}
    assert len(found["records"]) == 60
    for record in found["records"]:
        assert set(record) >= {"record_id", "status", "flags"}
        assert record["status"] in ("pass", "flag", "reject")
        assert (record["flags"] == []) <= (record["status"] == "pass")
        for flag in record["flags"]:
            assert set(flag) >= {"step", "field", "severity", "kind", "source"}
            assert flag["kind"] in ("defect", "finding")
            assert flag["source"] in ("rules", "llm_validation")
            assert flag["severity"] in ("info", "warning", "critical")
    metrics = found["metrics"]
    assert metrics["model"] == "offline-rules"
    assert metrics["undecided"] == []
    assert metrics["calls"] == 3
    assert metrics["false_alarms"] == 0
    assert metrics["right"] == metrics["n"] == 60


def test_gate_evaluate_in_words_ends_with_its_measures(called, tmp_path):
    done = called("gate", "evaluate", gate_file(tmp_path))
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert "model offline-rules, 3 calls, 60 labelled records, 60 right" in lines
    assert [line for line in lines if line.startswith("missing_field")]


def test_records_without_labels_give_verdicts_alone(called, tmp_path):
    file = gate_file(tmp_path, 20)
    bare = [{k: v for k, v in json.loads(line).items() if k != "label"} for line in file.read_text().splitlines()]
    # A byte order mark, an empty line, and U+2028 inside a value, which is a line end to some.
    bare[0]["record"]["asset_description"] += "\u2028"
    text = "\n\n".join(json.dumps(line, ensure_ascii=False) for line in bare)
    file.write_text("\ufeff" + text, encoding="utf-8")
    found = json.loads(called("gate", "evaluate", file, "--json").stdout)
    assert len(found["records"]) == 20
    assert set(found["metrics"]) == {"model", "calls", "undecided"}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"{", "Expecting property name"),
        (b"[1, 2]", 'not an object {"batch_id"'),
        (b'{"batch_id": "b", "record": "text"}', 'not an object {"batch_id"'),
        (b'{"batch_id": "b", "record": {}, "label": {"kind": "x"}}', "the label says neither"),
        (b'{"batch_id": "b", "record": {"filer_name": "\xff"}}', "codec can't decode"),
        (b"[" * 100_000, "recursion"),
    ],
)
def test_a_broken_line_is_named_with_its_file(called, tmp_path, line, said):
    file = gate_file(tmp_path, 2)
    file.write_bytes(file.read_bytes() + line + b"\n")
    done = called("gate", "evaluate", file)
    assert done.exit_code == 2
    assert f"{file}, line 3: " in done.stderr.splitlines()[-1]
    assert said in done.stderr.splitlines()[-1]


def test_a_record_that_is_there_twice_is_named(called, tmp_path):
    file = gate_file(tmp_path, 2)
    file.write_bytes(file.read_bytes() * 2)
    done = called("gate", "evaluate", file)
    assert done.exit_code == 2
    assert f"{file}, line 3: record " in done.stderr
