"""Adding an interrogation: one folder and its template, nothing else; and what is wrong with a broken one."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from llm_pipeline.db.connection import connect
from llm_pipeline.interrogations.registry import (
    InvalidInputError,
    Registry,
    RegistryError,
    UnknownInterrogationError,
    discover,
)
from llm_pipeline.jobs.job import NewJob
from llm_pipeline.llm.schema import json_schema
from llm_pipeline_tests.jobs.queue import fill, jobs, rows, settings, work
from llm_pipeline_tests.llm.scripted_server import Steps, answer, scripted_server

FOLDER = '''
"""rhymes: whether a word ends like a given one."""
from pydantic import BaseModel, ConfigDict, Field
from llm_pipeline.interrogations.queued import Evidence, EvidenceMissingError, Grounded, UngroundedClaim
from llm_pipeline.interrogations.queued import QueuedInterrogation

class Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")
    word: str

class Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    rhyme: str = Field(max_length=20)

def gather(conn, asked, now):
    if not asked.word:
        raise EvidenceMissingError("no word")
    (known,) = conn.execute("SELECT count(*) FROM llm_jobs").fetchone()
    return Evidence({"word_json": asked.word.split(), "known_json": [known]}, asked.word)

def ground(evidence, answer):
    if answer.rhyme[-2:] == evidence.facts[-2:] and answer.rhyme != evidence.facts:
        return Grounded(answer.rhyme)
    return Grounded(None, [UngroundedClaim(answer.model_dump(), "no_rhyme", "it does not end alike")])

def store(cur, job, evidence, grounded, audit_id, now):
    cur.execute("INSERT INTO rhymes VALUES (%s, %s, %s)", [job.input.word, grounded.result, audit_id])

INTERROGATION = QueuedInterrogation(
    key="rhymes", input_model=Asked, contract=Answer, model=lambda settings: "scripted",
    gather=gather, bind=lambda schema, evidence: schema, ground=ground, store=store)
'''
TEMPLATE = """# Version: 0.1.0
# Service: rhymes
SYSTEM:
You are a poet. Answer as {{ schema_json }}
USER:
BEGIN UNTRUSTED DATA
{"word":{{ word_json }},"known":{{ known_json }}}
END UNTRUSTED DATA
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of interrogations outside the project, holding one folder, and its prompts."""
    package = tmp_path / "somebodys_interrogations"
    (package / "rhymes").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "rhymes" / "__init__.py").write_text(FOLDER)
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "rhymes.txt").write_text(TEMPLATE)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in [one for one in sys.modules if one.startswith("somebodys_interrogations")]:
        del sys.modules[name]


def found(folder: Path) -> Registry:
    return discover("somebodys_interrogations", folder / "prompts")


def poet(request: dict[str, Any], number: int) -> Steps:
    word = json.loads(request["messages"][-1]["content"].splitlines()[1])["word"][0] if number else "?"
    return answer(json.dumps({"rhyme": f"s{word[1:]}" if number else "orange"}))


def test_a_folder_with_a_template_is_asked_grounded_and_stored(database_url: str, folder: Path) -> None:
    with connect(database_url) as conn:
        conn.execute("CREATE TABLE rhymes (word text, rhyme text, audit_trail_id uuid)")
    fill(database_url, [NewJob("rhymes", {"word": "light"}), NewJob("rhymes", {"word": ""})])
    with scripted_server(poet) as server:
        report = work(database_url, settings(folder, server.url), registry=found(folder))
    assert report.by_interrogation == {"rhymes": {"DEADLETTER": 1, "FAILED": 1, "SUCCEEDED": 1}}
    assert len(server.calls) == 2
    done = {row["input_json"]["word"]: row for row in jobs(database_url)}
    assert done[""]["last_error"] == "EvidenceMissingError: no word"
    (rhyme,) = rows(database_url, "SELECT word, rhyme, audit_trail_id FROM rhymes")
    assert rhyme == {"word": "light", "rhyme": "sight", "audit_trail_id": done["light"]["result_audit_id"]}
    (claim,) = rows(database_url, "SELECT interrogation, reason_code, claim FROM ungrounded_claims")
    assert claim == {"interrogation": "rhymes", "reason_code": "no_rhyme", "claim": {"rhyme": "orange"}}
    (prompt,) = rows(database_url, "SELECT interrogation, version FROM prompt_versions")
    assert prompt == {"interrogation": "rhymes", "version": "0.1.0"}


def test_a_builder_with_a_mistake_fails_its_own_jobs_only(database_url: str, folder: Path) -> None:
    file = folder / "somebodys_interrogations" / "rhymes" / "__init__.py"
    file.write_text(FOLDER.replace("asked.word.split()", "asked.wrod"))
    fill(database_url, [NewJob("rhymes", {"word": "light"}, max_attempts=2)])
    with scripted_server(poet) as server:
        report = work(database_url, settings(folder, server.url), registry=found(folder))
    assert report.total("DEADLETTER") == 1
    (row,) = jobs(database_url)
    assert row["last_error"] == "AttributeError: 'Asked' object has no attribute 'wrod'"
    assert server.calls == []


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("key=", "kind="), "unexpected keyword argument 'kind'"),
        (('key="rhymes"', 'key="verses"'), "needs an INTERROGATION with the key 'rhymes'"),
        (("INTERROGATION =", "SOMETHING ="), "needs an INTERROGATION with the key 'rhymes'"),
        (("= Field(max_length=20)", ""), "is not enforceable"),
    ],
)
def test_a_broken_folder_is_named(folder: Path, change: tuple[str, str], why: str) -> None:
    file = folder / "somebodys_interrogations" / "rhymes" / "__init__.py"
    file.write_text(FOLDER.replace(*change))
    with pytest.raises((RegistryError, TypeError), match=why):
        found(folder)


def test_a_folder_without_its_template_is_named(folder: Path) -> None:
    (folder / "prompts" / "rhymes.txt").unlink()
    with pytest.raises(RegistryError, match=r"needs its template .*rhymes\.txt"):
        found(folder)


def test_inputs_are_checked_before_they_are_queued(folder: Path) -> None:
    registry = found(folder)
    assert registry.checked("rhymes", {"word": "light"}).model_dump() == {"word": "light"}
    with pytest.raises(InvalidInputError, match="rhymes does not take this input: word: Field required; x: Extra"):
        registry.checked("rhymes", {"x": 1})
    with pytest.raises(UnknownInterrogationError, match="'verses'; there are: rhymes"):
        registry.checked("verses", {})


def test_every_interrogation_of_the_project_is_usable() -> None:
    registry = discover()
    assert "entity_facts" in registry.interrogations
    for key, one in registry.interrogations.items():
        assert json_schema(one.contract)["properties"]
        assert registry.templates[key].key == key
