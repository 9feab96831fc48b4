"""An identical question is not paid twice: the cache over the real audit trail, through the real gateway."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from llm_pipeline.llm.audit import Attempt, write_attempts
from llm_pipeline.llm.batch import BatchOutcome
from llm_pipeline.llm.cache import AnswerCache, cache_key, lookup
from llm_pipeline.llm.lake import Lake
from llm_pipeline.llm.runner import run_batches
from llm_pipeline_tests.llm.conversation import (
    Ball,
    build,
    gateway,
    good_text,
    ids_of,
    interrogation,
    settings,
    work,
)
from llm_pipeline_tests.llm.scripted_server import FACTS, ScriptedServer, aborted, answer, scripted_server

BATCHES = [[f"{batch}-{number}" for number in range(4)] for batch in range(6)]


class Counted:
    """`lookup` on a connection, counting statements."""

    def __init__(self, db: psycopg.Connection[Any]) -> None:
        self.db, self.statements = db, 0

    def __call__(self, keys: Sequence[str]) -> Any:
        self.statements += 1
        return lookup(self.db, keys)


def run(
    home: Path, server: ScriptedServer, find: Any, batches: Sequence[Sequence[str]] = BATCHES
) -> list[BatchOutcome[Ball]]:
    used = settings(home)

    async def ask() -> list[BatchOutcome[Ball]]:
        async with gateway(used, server.url, cache=AnswerCache(find)) as open_gateway:
            asked = interrogation(used)
            return [one async for one in run_batches(open_gateway, asked, batches, work(asked))]

    return asyncio.run(ask())


def attempts_of(outcomes: list[BatchOutcome[Ball]]) -> list[Attempt]:
    return [attempt for outcome in outcomes for attempt in outcome.attempts]


def test_a_second_run_makes_no_call_and_one_lookup(db: psycopg.Connection[Any], tmp_path: Path) -> None:
    with scripted_server(lambda request, _: answer(good_text(ids_of(request)))) as server:
        first = attempts_of(run(tmp_path, server, Counted(db)))
        write_attempts(db.cursor(), first)
        find = Counted(db)
        again = run(tmp_path, server, find)
        assert len(server.calls) == len(BATCHES)
    assert find.statements == 1
    assert sum(outcome.calls for outcome in again) == 0
    assert sum(len(outcome.answers) for outcome in again) == 24
    hits = attempts_of(again)
    assert all(hit.cache_hit and hit.cost_usd == 0 and hit.status == "ok" for hit in hits)
    by_id = {attempt.id: attempt for attempt in first}
    origin = by_id[hits[0].request_context["cached_from"]]
    assert hits[0].response_artifact_id == origin.response_artifact_id
    write_attempts(db.cursor(), hits)
    assert db.execute("SELECT count(*) FROM llm_audit_trail WHERE cache_hit").fetchone() == (6,)


def test_an_answer_that_took_a_retry_is_found_under_the_question(db: psycopg.Connection[Any], tmp_path: Path) -> None:
    plays = [aborted("{"), answer(good_text(BATCHES[0]))]
    with scripted_server(lambda _, number: plays[number]) as server:
        write_attempts(db.cursor(), attempts_of(run(tmp_path, server, Counted(db), BATCHES[:1])))
        (again,) = run(tmp_path, server, Counted(db), BATCHES[:1])
    assert again.calls == 0
    assert len(again.answers) == 4


@pytest.mark.parametrize("spoil", [{"status": "invalid"}, {"cache_hit": True}, {"raw_response": "not json"}])
def test_only_good_answers_are_used_again(spoil: dict[str, Any], db: psycopg.Connection[Any], tmp_path: Path) -> None:
    with scripted_server(lambda request, _: answer(good_text(ids_of(request)))) as server:
        first = attempts_of(run(tmp_path, server, Counted(db), BATCHES[:1]))
        write_attempts(db.cursor(), [replace(attempt, **spoil) for attempt in first])
        (again,) = run(tmp_path, server, Counted(db), BATCHES[:1])
    assert again.calls == 1
    assert len(again.answers) == 4


def test_an_answer_of_which_a_part_was_refused_is_not_paid_for_again(
    db: psycopg.Connection[Any], tmp_path: Path
) -> None:
    with scripted_server(lambda request, _: answer(good_text(ids_of(request)))) as server:
        first = attempts_of(run(tmp_path, server, Counted(db), BATCHES[:1]))
        write_attempts(db.cursor(), [replace(attempt, status="ungrounded") for attempt in first])
        (again,) = run(tmp_path, server, Counted(db), BATCHES[:1])
    assert again.calls == 0
    assert len(again.answers) == 4


def test_an_unknown_digest_means_no_caching(db: psycopg.Connection[Any], tmp_path: Path) -> None:
    facts = FACTS | {"/api/tags": {"models": []}}
    with scripted_server(lambda request, _: answer(good_text(ids_of(request))), facts) as server:
        first = attempts_of(run(tmp_path, server, Counted(db), BATCHES[:1]))
        assert first[0].cache_key is None
        write_attempts(db.cursor(), first)
        (again,) = run(tmp_path, server, Counted(db), BATCHES[:1])
    assert again.calls == 1


def test_a_database_that_is_away_only_costs_the_calls(tmp_path: Path) -> None:
    def away(_: Sequence[str]) -> Any:
        raise psycopg.OperationalError("gone")

    with scripted_server(lambda request, _: answer(good_text(ids_of(request)))) as server:
        outcomes = run(tmp_path, server, away)
    assert sum(len(outcome.answers) for outcome in outcomes) == 24


def test_every_part_of_a_question_is_in_its_key(tmp_path: Path) -> None:
    used = settings(tmp_path)
    asked = interrogation(used)
    messages = build(asked)(["a"]).messages
    options = asked.options.sent()
    key = cache_key("digest", asked, messages, "schema", options)
    other_version = replace(asked, template=replace(asked.template, version="9.9.9"))
    reworded = ({"role": "system", "content": "x"}, *messages[1:])
    others = [
        cache_key("other", asked, messages, "schema", options),
        cache_key("digest", other_version, messages, "schema", options),
        cache_key("digest", asked, reworded, "schema", options),
        cache_key("digest", asked, messages, "other", options),
        cache_key("digest", asked, messages, "schema", options | {"temperature": 0.1}),
        cache_key("digest", asked, messages, "schema", options | {"seed": 8}),
    ]
    assert len({key, *others}) == 7
    assert cache_key(None, asked, messages, "schema", options) is None


def test_a_cached_answer_can_be_replayed_from_its_artifacts(db: psycopg.Connection[Any], tmp_path: Path) -> None:
    with scripted_server(lambda request, _: answer(good_text(ids_of(request)))) as server:
        write_attempts(db.cursor(), attempts_of(run(tmp_path, server, Counted(db), BATCHES[:1])))
        (again,) = run(tmp_path, server, Counted(db), BATCHES[:1])
    row = db.execute(
        "SELECT lake_uri, content_sha256 FROM llm_artifacts WHERE id = %s", (again.attempts[0].request_artifact_id,)
    ).fetchone()
    assert row
    request = json.loads(Lake(settings(tmp_path).lake).read(*row))
    assert request == server.calls[0]
