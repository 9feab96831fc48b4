"""Batches against a server that misbehaves at random: every item ends in exactly one place, at a bounded price."""

from __future__ import annotations

import asyncio
import json
import random
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from math import ceil, log2
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from llm_pipeline.llm.batch import BatchOutcome
from llm_pipeline.llm.runner import run_batch, run_batches
from llm_pipeline.settings import Settings
from llm_pipeline_tests.llm.conversation import (
    Ball,
    colour_of,
    gateway,
    good_text,
    ids_of,
    interrogation,
    settings,
    work,
)
from llm_pipeline_tests.llm.scripted_server import (
    CUT,
    ScriptedServer,
    Steps,
    aborted,
    answer,
    error,
    lines_of,
    overflow,
    scripted_server,
    stream,
)
from llm_pipeline_tests.waiting import until

IDS = [f"ball-{number}" for number in range(25)]
Judge = Callable[[list[str], int], Steps]
"""From the ids a call asks about and the call's number to what the server plays."""


def run(home: Path, judge: Judge, ids: Sequence[str] = IDS, **given: Any) -> tuple[BatchOutcome[Ball], ScriptedServer]:
    """One batch against a server that judges."""
    used = settings(home, **given)

    async def ask(url: str) -> BatchOutcome[Ball]:
        async with gateway(used, url) as open_gateway:
            asked = interrogation(used)
            return await run_batch(open_gateway, asked, ids, work(asked))

    with scripted_server(lambda request, number: judge(ids_of(request), number)) as server:
        outcome = asyncio.run(ask(server.url))
    check(outcome, ids)
    assert len(outcome.attempts) == len(server.calls)
    return outcome, server


def check(outcome: BatchOutcome[Ball], ids: Sequence[str]) -> None:
    """Every item in exactly one place, no wrong verdict, every answer and failure with its audit row."""
    rows = {attempt.id: attempt for attempt in outcome.attempts}
    assert outcome.answers.keys() | outcome.failures.keys() == set(ids)
    assert not outcome.answers.keys() & outcome.failures.keys()
    for one, found in outcome.answers.items():
        assert (found.value.record_id, found.value.colour) == (one, colour_of(one))
        assert rows[found.audit_id].status == "ok"
        assert one in rows[found.audit_id].request_context["ids"]
    for failure in outcome.failures.values():
        assert failure.error_class
        assert failure.message


def entries(ids: Sequence[str], *more: dict[str, str]) -> str:
    return json.dumps({"records": [*json.loads(good_text(ids))["records"], *more]})


def test_a_good_batch_costs_one_call(tmp_path: Path) -> None:
    outcome, _ = run(tmp_path, lambda ids, _: answer(good_text(ids)))
    assert outcome.calls == 1
    assert not outcome.failures


def test_only_the_missing_items_are_asked_again(tmp_path: Path) -> None:
    outcome, server = run(tmp_path, lambda ids, n: answer(good_text(ids[:13] if n == 0 else ids)))
    assert len(outcome.answers) == 25
    assert [len(call["format"]["$defs"]["Ball"]["properties"]["record_id"]["enum"]) for call in server.calls] == [
        25,
        12,
    ]


def test_an_item_judged_twice_and_differently_is_asked_again(tmp_path: Path) -> None:
    wrong = {"record_id": IDS[3], "colour": "red"}
    outcome, server = run(tmp_path, lambda ids, n: answer(entries(ids, wrong) if n == 0 else good_text(ids)))
    assert not outcome.failures
    assert len(server.calls) == 2


def test_the_same_judgement_twice_is_one_judgement(tmp_path: Path) -> None:
    twice = {"record_id": IDS[3], "colour": colour_of(IDS[3])}
    outcome, server = run(tmp_path, lambda ids, _: answer(entries(ids, twice)))
    assert not outcome.failures
    assert len(server.calls) == 1


def test_made_up_ids_are_dropped_and_reported(tmp_path: Path) -> None:
    foreign = {"record_id": "ball-99", "colour": "red"}
    outcome, _ = run(tmp_path, lambda ids, _: answer(entries(ids, foreign)))
    assert outcome.foreign == ("ball-99",)
    assert not outcome.failures


def test_an_item_that_is_never_answered_fails_alone(tmp_path: Path) -> None:
    outcome, server = run(tmp_path, lambda ids, _: answer(good_text([i for i in ids if i != IDS[7]])))
    assert list(outcome.failures) == [IDS[7]]
    assert outcome.failures[IDS[7]].error_class == "MissingAnswer"
    assert len(server.calls) <= 4


@pytest.mark.parametrize(
    "play", [answer("I'm sorry, I can't."), answer("{"), aborted("{"), answer("{", reason="length")]
)
def test_one_poisonous_item_costs_only_itself(play: Steps, tmp_path: Path) -> None:
    outcome, server = run(tmp_path, lambda ids, _: play if IDS[11] in ids else answer(good_text(ids)))
    assert list(outcome.failures) == [IDS[11]]
    questions = 1 + 2 * ceil(log2(25))
    assert len(server.calls) <= questions * 4


@pytest.mark.parametrize(
    ("play", "calls_each"),
    [(answer("I'm sorry, I can't."), 1), (answer("{"), 2), (aborted("{"), 3), (answer("{", reason="length"), 1)],
)
def test_a_model_that_never_answers_is_given_up_early(play: Steps, calls_each: int, tmp_path: Path) -> None:
    outcome, server = run(tmp_path, lambda *_: play)
    assert len(outcome.failures) == 25
    assert len(server.calls) == calls_each * (2 + 2 * ceil(log2(25)))
    assert "given up after 12 questions" in outcome.failures[IDS[24]].message


def test_a_fatal_fault_costs_one_call(tmp_path: Path) -> None:
    outcome, server = run(tmp_path, lambda *_: error(404, "model 'scripted' not found"))
    assert len(server.calls) == 1
    assert {failure.error_class for failure in outcome.failures.values()} == {"ModelMissing"}
    assert outcome.fatal is not None


def test_a_server_that_stays_busy_is_not_asked_in_halves(tmp_path: Path) -> None:
    outcome, server = run(tmp_path, lambda *_: error(503, "busy"))
    assert len(server.calls) == 3
    assert {failure.error_class for failure in outcome.failures.values()} == {"ServerBusy"}


def test_a_small_window_is_filled_in_parts_that_the_servers_count_suggests(tmp_path: Path) -> None:
    def judge(ids: list[str], _: int) -> Steps:
        return overflow(1000 * len(ids), 8192) if len(ids) > 6 else answer(good_text(ids))

    outcome, server = run(tmp_path, judge)
    assert not outcome.failures
    assert len(server.calls) == 1 + 5


def test_after_one_overflow_the_other_batches_are_split_before_they_are_sent(tmp_path: Path) -> None:
    batches = [[f"{batch:02}-{number:02}" for number in range(20)] for batch in range(8)]

    def play(request: dict[str, Any], _: int) -> Steps:
        tokens = sum(len(message["content"]) for message in request["messages"])  # one a character
        return overflow(tokens, 1500) if tokens > 1500 else answer(good_text(ids_of(request)))

    with scripted_server(play) as server:
        used = settings(tmp_path, llm_num_ctx=1500, llm_num_predict=100, llm_concurrency=1)
        outcomes = _many(used, server.url, batches)
    assert sum(len(outcome.answers) for outcome in outcomes) == 160
    refused = [one.status for outcome in outcomes for one in outcome.attempts].count("truncated")
    assert refused <= 3, "only the batches already under way"


def test_a_prompt_that_cannot_fit_is_split_before_it_is_sent(tmp_path: Path) -> None:
    outcome, server = run(tmp_path, lambda ids, _: answer(good_text(ids)), llm_num_ctx=1024, llm_num_predict=512)
    assert not outcome.failures
    assert len(server.calls) > 1
    assert all(attempt.status == "ok" for attempt in outcome.attempts)


def test_an_item_too_long_even_alone_fails_without_a_call(tmp_path: Path) -> None:
    long = "x" * 6000
    outcome, server = run(tmp_path, lambda ids, _: answer(good_text(ids)), ["a", long], llm_num_ctx=2048)
    assert outcome.failures[long].error_class == "ContextOverflow"
    assert "LLM_NUM_CTX" in outcome.failures[long].message
    assert list(outcome.answers) == ["a"]
    assert len(server.calls) == 1


def test_two_items_with_one_id_are_a_mistake_of_the_caller(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="same id"):
        run(tmp_path, lambda *_: [], ["a", "a"])


def test_an_empty_batch_asks_nothing(tmp_path: Path) -> None:
    outcome, server = run(tmp_path, lambda *_: [], [])
    assert (outcome.calls, server.calls) == (0, [])


def misbehave(ids: list[str], luck: random.Random, evil: frozenset[str]) -> Steps:
    """One of everything a model or server can do; evil items make a refusal likelier."""
    if evil & set(ids) and luck.random() < 0.7:
        return answer("I'm sorry, but I can't.")
    kind = luck.randrange(16)
    some = [one for one in ids if luck.random() < 0.6]
    other = {"record_id": luck.choice(ids), "colour": luck.choice(["red", "green"])}
    plays: dict[int, Steps] = {
        0: error(503, "busy"),
        1: error(500, "an error was encountered while running the model: unexpected EOF"),
        2: stream([*lines_of(good_text(ids))[:2], CUT]),
        3: aborted(good_text(ids)),
        4: answer(good_text(ids)[:30], reason="length"),
        5: answer(f"<think>hm</think>```json\n{good_text(ids)}\n```"),
        6: answer("I think they are all red."),
        7: answer('{"records": [{"record_id": "a", "colour": "blue"}]}'),
        8: answer(good_text(some)),
        9: answer(entries([one for one in ids if one != other["record_id"]] + some[:1])),
        10: answer(entries(ids, {"record_id": "ball-of-nobody", "colour": "red"})),
        11: overflow(90_000, 8192) if len(ids) > 3 else answer(good_text(ids)),
        12: answer('{"records": []}'),
        13: error(400, "who knows"),
    }
    return plays.get(kind, answer(good_text(ids)))


ONE_FOLDER = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@hypothesis_settings(max_examples=30, suppress_health_check=ONE_FOLDER)
@given(st.integers(1, 30), st.integers(0, 2**32), st.frozensets(st.integers(0, 29), max_size=3), st.integers(1, 3))
def test_whatever_happens_every_item_is_accounted_for_at_a_bounded_price(
    tmp_path: Path, count: int, seed: int, evil: frozenset[int], tries: int
) -> None:
    ids = [f"ball-{number}" for number in range(count)]
    luck, bad = random.Random(seed), frozenset(f"ball-{number}" for number in evil)
    outcome, server = run(tmp_path, lambda asked, _: misbehave(asked, luck, bad), ids, llm_max_attempts=tries)
    assert len(server.calls) <= (2 * count + 1) * (tries + 1)
    assert set(outcome.foreign) <= {"ball-of-nobody"}


def _many(used: Settings, url: str, batches: list[list[str]]) -> list[BatchOutcome[Ball]]:
    async def ask() -> list[BatchOutcome[Ball]]:
        async with gateway(used, url) as open_gateway:
            asked = interrogation(used)
            return [one async for one in run_batches(open_gateway, asked, batches, work(asked))]

    return asyncio.run(ask())


def test_batches_run_side_by_side_within_the_limit(tmp_path: Path) -> None:
    batches = [[f"{batch}-{number}" for number in range(5)] for batch in range(20)]
    full = threading.Event()
    with (
        scripted_server(lambda request, _: [full, *answer(good_text(ids_of(request)))]) as server,
        ThreadPoolExecutor(1) as beside,
    ):
        asking = beside.submit(_many, settings(tmp_path, llm_concurrency=6), server.url, batches)
        try:
            until(lambda: server.in_flight == 6)
        finally:
            full.set()
        outcomes = asking.result()
    assert sum(len(outcome.answers) for outcome in outcomes) == 100
    assert server.most_in_flight == 6


def test_after_a_fatal_fault_no_further_batch_is_sent(tmp_path: Path) -> None:
    batches = [[f"{batch}-{number}" for number in range(5)] for batch in range(40)]
    with scripted_server(lambda *_: error(401, "who are you")) as server:
        outcomes = _many(settings(tmp_path, llm_concurrency=4), server.url, batches)
    assert len(outcomes) == 40
    assert all(outcome.fatal for outcome in outcomes)
    assert len(server.calls) <= 6


def test_a_mistake_in_the_callers_code_surfaces_and_keeps_the_finished_calls(tmp_path: Path) -> None:
    used = settings(tmp_path)

    def broken(*_: Any) -> Any:
        raise KeyError("collect is wrong")

    async def ask(url: str) -> int:
        async with gateway(used, url) as open_gateway:
            asked = interrogation(used)
            plan = work(asked)
            with pytest.raises(KeyError, match="collect is wrong"):
                await run_batch(open_gateway, asked, IDS, type(plan)(plan.identify, plan.build, broken))
            return len(open_gateway.abandoned)

    with scripted_server(lambda request, _: answer(good_text(ids_of(request)))) as server:
        assert asyncio.run(ask(server.url)) == 1
