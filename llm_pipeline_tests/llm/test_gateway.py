"""The gateway against a real socket that misbehaves in every way observed on real servers."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from llm_pipeline.llm.client import Exchange, OllamaClient, Timeouts
from llm_pipeline.llm.errors import LlmError
from llm_pipeline.llm.lake import Lake
from llm_pipeline.llm.reply import Reply
from llm_pipeline_tests.llm.conversation import Balls, build, gateway, good_text, interrogation, settings
from llm_pipeline_tests.llm.scripted_server import (
    CUT,
    FACTS,
    ScriptedServer,
    Steps,
    aborted,
    answer,
    error,
    error_line,
    lines_of,
    overflow,
    response,
    scripted_server,
    stream,
)
from llm_pipeline_tests.waiting import until

GOOD = good_text(["a", "b"])


def ask(
    home: Path, *plays: Steps, facts: dict[str, Any] | None = None, **given: Any
) -> tuple[Reply[Balls], ScriptedServer]:
    """Ask one question of a server that plays these responses in turn, the last one for ever."""
    used = settings(home, **given)

    async def run(url: str) -> Reply[Balls]:
        async with gateway(used, url) as open_gateway:
            asked = interrogation(used)
            question = build(asked)(["a", "b"])
            return await open_gateway.ask(asked, question.messages, question.schema, Balls, {"ids": ["a", "b"]})

    with scripted_server(lambda _, number: plays[min(number, len(plays) - 1)], facts) as server:
        return asyncio.run(run(server.url)), server


def test_a_good_answer_is_parsed_and_fully_audited(tmp_path: Path) -> None:
    reply, server = ask(tmp_path, answer(GOOD), llm_usd_per_million_output_tokens=2.0)
    assert reply.error is None
    assert reply.answer is not None
    assert [ball.colour for ball in reply.answer.records] == ["green", "red"]
    (attempt,) = reply.attempts
    assert attempt.status == "ok"
    assert attempt.parse_success
    assert attempt.raw_response == GOOD
    assert attempt.parsed_output == json.loads(GOOD)
    assert (attempt.input_tokens, attempt.output_tokens, attempt.cost_usd) == (500, 20, 0.00004)
    assert (attempt.provider, attempt.model_used, attempt.model_digest) == ("ollama", "scripted", "d1" * 32)
    assert (attempt.server_version, attempt.prompt_version) == ("0.32.15", "1.2.3")
    assert (attempt.dagster_run_id, attempt.asset_key, attempt.partition_key) == (
        "run-1",
        "balls",
        "2026-03-04",
    )
    assert attempt.options == {"num_ctx": 8192, "num_predict": 2048, "temperature": 0.0, "seed": 7}
    (call,) = server.calls
    assert (call["think"], call["truncate"], call["shift"], call["stream"]) == (False, False, False, True)
    assert call["format"]["properties"]["records"]["maxItems"] == 2
    assert call["messages"][0]["content"].startswith("Interrogation: ball_colours\n")


def test_the_artifacts_hold_the_exact_request_and_response(tmp_path: Path) -> None:
    reply, server = ask(tmp_path, answer(GOOD))
    request, received = reply.attempts[0].artifacts
    lake = Lake(settings(tmp_path).lake)
    assert json.loads(lake.read(request.lake_uri, request.content_sha256)) == server.calls[0]
    stored = json.loads(lake.read(received.lake_uri, received.content_sha256))
    assert stored["body"].encode() == b"".join(lines_of(GOOD))
    assert stored["http_status"] == 200
    assert "/llm_runs/2026/03/04/" in request.lake_uri


CASES: dict[str, tuple[Steps, str, str, int]] = {
    "the stream ends without done": (aborted(GOOD), "Aborted", "error", 3),
    "done is false": (stream([b'{"message": {"content": "x"}, "done": false}']), "Aborted", "error", 3),
    "the repeat limit as 500": (
        error(500, "prediction aborted, token repeat limit reached"),
        "Aborted",
        "error",
        3,
    ),
    "cut at num_predict": (answer(GOOD[:20], reason="length"), "Truncated", "truncated", 1),
    "context overflow, JSON in JSON": (overflow(3017, 512), "ContextOverflow", "truncated", 1),
    "prompt cut silently": (answer(GOOD, prompt_eval_count=30), "ContextOverflow", "truncated", 1),
    "window shifted": (
        answer(GOOD, prompt_eval_count=8000, eval_count=900),
        "ContextOverflow",
        "truncated",
        1,
    ),
    "request too large for a proxy": (
        response(413, b"<html>413</html>", "text/html"),
        "ContextOverflow",
        "truncated",
        1,
    ),
    "runner died, 500": (
        error(500, "an error was encountered while running the model: unexpected EOF"),
        "RunnerDied",
        "error",
        3,
    ),
    "runner died, line under 200": (
        error_line("an error was encountered while running the model: unexpected EOF"),
        "RunnerDied",
        "error",
        3,
    ),
    "server busy": (error(503, "server busy, please try again."), "ServerBusy", "error", 3),
    "HTML 502": (
        response(502, b"<html><h1>502 Bad Gateway</h1></html>", "text/html"),
        "ServerBusy",
        "error",
        3,
    ),
    "cut in the middle": (stream([*lines_of(GOOD)[:2], CUT]), "ConnectionCut", "error", 3),
    "cut inside a line": (
        stream([*lines_of(GOOD)[:1], b'{"message":{"con', CUT]),
        "ConnectionCut",
        "error",
        3,
    ),
    "empty 403": (response(403, b"", ""), "RequestRefused", "error", 1),
    "bad option": (error(500, 'option "num_ctx" must be of type integer'), "RequestRefused", "error", 1),
    "bad format under 200": (
        error_line('invalid format: "xml"; expected "json"'),
        "RequestRefused",
        "error",
        1,
    ),
    "HTML 200": (response(200, b"<html>Log in first</html>", "text/html"), "RequestRefused", "error", 1),
    "unknown model": (error(404, "model 'scripted' not found"), "ModelMissing", "error", 1),
    "not here": (response(404, b"404 page not found", "text/plain"), "RequestRefused", "error", 1),
    "a cloud model": (answer(GOOD, remote_host="https://ollama.com:443"), "RemoteModel", "error", 1),
    "prose": (answer("The first ball is green."), "NotJson", "invalid", 2),
    "nothing said": (answer(""), "NotJson", "invalid", 2),
    "thinking only": (answer("<think>hm, {} or not"), "NotJson", "invalid", 2),
    "wrong schema": (
        answer('{"records": [{"record_id": "a", "colour": "blue"}]}'),
        "SchemaInvalid",
        "invalid",
        2,
    ),
    "two objects": (answer('{"a": 1} {"b": 2}'), "NotJson", "invalid", 2),
    "a refusal": (answer("I'm sorry, but I can't help with that."), "Refusal", "refused", 1),
}


@pytest.mark.parametrize("name", CASES)
def test_misbehaviour_is_named_and_retried_only_when_that_helps(name: str, tmp_path: Path) -> None:
    play, error_class, status, calls = CASES[name]
    reply, server = ask(tmp_path, play)
    assert reply.answer is None
    assert type(reply.error).__name__ == error_class
    assert len(reply.attempts) == len(server.calls) == calls
    assert {attempt.status for attempt in reply.attempts} == {status}
    assert [attempt.attempt for attempt in reply.attempts] == list(range(1, calls + 1))
    assert all(attempt.error_message for attempt in reply.attempts)


@pytest.mark.parametrize("name", CASES)
def test_whatever_can_be_retried_ends_well_when_the_server_recovers(name: str, tmp_path: Path) -> None:
    play, error_class, _, calls = CASES[name]
    reply, _ = ask(tmp_path, play, answer(GOOD))
    if calls == 1:
        assert reply.error is not None, f"{error_class} must not be tried again"
    else:
        assert reply.error is None
        assert len(reply.attempts) == 2


@pytest.mark.parametrize(
    "text",
    [
        f"```json\n{GOOD}\n```",
        f"<think>The balls {{are}} round.</think>\n\n{GOOD}",
        f"thought without a start</think>{GOOD}",
        f"Here is the JSON you asked for:\n{GOOD}\nAnything else?",
        f"\ufeff  {GOOD}\n",
    ],
)
def test_fences_thinking_and_prose_around_an_answer_do_not_matter(text: str, tmp_path: Path) -> None:
    reply, _ = ask(tmp_path, answer(text))
    assert reply.answer is not None
    assert reply.attempts[0].raw_response == text, "the audit row keeps the model's exact words"


def test_thinking_in_its_own_field_is_counted_but_not_the_answer(tmp_path: Path) -> None:
    reply, _ = ask(tmp_path, answer(GOOD, thinking="twelve chars"))
    assert reply.answer is not None
    assert reply.attempts[0].metrics["thinking_chars"] == 12


def test_a_refused_connection_is_fatal_after_the_retries_and_remembered(tmp_path: Path) -> None:
    used = settings(tmp_path)
    with scripted_server(lambda *_: []) as server:
        url = server.url

    async def run() -> list[Reply[Balls]]:
        async with gateway(used, url) as open_gateway:
            asked = interrogation(used)
            question = build(asked)(["a"])
            return [await open_gateway.ask(asked, question.messages, question.schema) for _ in range(2)]

    first, second = asyncio.run(run())
    assert type(first.error).__name__ == "Unreachable"
    assert first.error is not None
    assert first.error.fatal
    assert len(first.attempts) == 3
    assert second.error is first.error
    assert second.attempts == ()


def test_a_missing_model_stops_the_run_after_one_call(tmp_path: Path) -> None:
    reply, server = ask(tmp_path, error(404, 'model "scripted" not found, try pulling it first'))
    assert reply.error is not None
    assert reply.error.fatal
    assert "pull" in str(reply.error)
    assert len(server.calls) == 1


def test_an_idle_server_is_given_up_twice_and_not_more(tmp_path: Path) -> None:
    reply, server = ask(tmp_path, stream([lines_of(GOOD)[0], 3_600]), llm_idle_timeout_s=0.5)
    assert type(reply.error).__name__ == "Timeout"
    assert "no byte for 0.5 s" in str(reply.error)
    assert len(server.calls) == 2
    # (of either: a machine that stands still for half a second loses the line of one)
    first = json.loads(lines_of(GOOD)[0])["message"]["content"]
    assert first in {attempt.raw_response for attempt in reply.attempts}


def test_a_slow_but_steady_stream_is_not_idle(tmp_path: Path) -> None:
    slowly = [part for line in lines_of(GOOD, pieces=8) for part in (line, 0.15)]  # longer than the limit on the whole
    reply, _ = ask(tmp_path, stream(slowly), llm_idle_timeout_s=1.0)
    assert reply.error is None


def test_an_endless_stream_meets_the_total_limit(tmp_path: Path) -> None:
    endless = [part for _ in range(2_000) for part in (lines_of(GOOD)[0], 0.05)]
    reply, _ = ask(tmp_path, stream(endless), llm_total_timeout_s=0.4)
    assert type(reply.error).__name__ == "Timeout"


def test_a_huge_body_is_not_read_to_its_end() -> None:
    endless = stream([lines_of("x" * 100_000, pieces=1)[0]] * 400)

    async def run(url: str) -> Exchange:
        async with OllamaClient(url, timeouts=Timeouts(), response_limit=500_000) as client:
            return await client.chat(b"{}")

    with scripted_server(lambda *_: endless) as server:
        exchange = asyncio.run(run(server.url))
    assert type(exchange.fault).__name__ == "ResponseTooLarge"
    assert len(exchange.body) < 1_000_000


def test_an_aborted_generation_is_asked_again_with_another_seed(tmp_path: Path) -> None:
    reply, server = ask(tmp_path, aborted(GOOD), aborted(GOOD), answer(GOOD))
    assert reply.error is None
    assert [call["options"]["seed"] for call in server.calls] == [7, 8, 9]
    assert [attempt.options["seed"] for attempt in reply.attempts] == [7, 8, 9]


def test_a_busy_server_is_asked_again_with_the_same_seed_after_growing_pauses(tmp_path: Path) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    used = settings(tmp_path, llm_backoff_s=2.0)

    async def run(url: str) -> Reply[Balls]:
        async with gateway(used, url, sleep=sleep) as open_gateway:
            asked = interrogation(used)
            question = build(asked)(["a", "b"])
            return await open_gateway.ask(asked, question.messages, question.schema)

    plays = [error(503, "busy"), error(429, "slow down", "retry-after: 9\r\n"), answer(GOOD)]
    with scripted_server(lambda _, number: plays[number]) as server:
        reply = asyncio.run(run(server.url))
    assert reply.error is None
    assert {call["options"]["seed"] for call in server.calls} == {7}
    assert 1.5 <= pauses[0] <= 2.5
    assert pauses[1] == 9.0


def test_a_repair_shows_the_model_its_answer_and_the_errors_once(tmp_path: Path) -> None:
    wrong = '{"records": [{"record_id": "a", "colour": "blue"}]}'
    _, server = ask(tmp_path, answer(wrong))
    first, second = server.calls
    assert second["messages"][: len(first["messages"])] == first["messages"]
    said, complaint = second["messages"][-2:]
    assert said == {"role": "assistant", "content": wrong}
    assert "records.0.colour" in complaint["content"]


@pytest.mark.parametrize(("user", "sent"), [("", "Bearer sesame-7731"), ("me:hunter2@", "Basic bWU6aHVudGVyMg==")])
def test_secrets_reach_the_server_but_neither_rows_nor_files(user: str, sent: str, tmp_path: Path) -> None:
    used = settings(tmp_path, ollama_api_key="sesame-7731")

    async def run(url: str) -> Reply[Balls]:
        async with gateway(used, url.replace("http://", f"http://{user}")) as open_gateway:
            asked = interrogation(used)
            question = build(asked)(["a", "b"])
            return await open_gateway.ask(asked, question.messages, question.schema)

    with scripted_server(lambda *_: error(503, "busy")) as server:
        reply = asyncio.run(run(server.url))
    assert {headers["authorization"] for _, _, headers in server.requests} == {sent}
    kept = json.dumps([attempt.row() for attempt in reply.attempts])
    lake = Lake(used.lake)
    files = [artifact for attempt in reply.attempts for artifact in attempt.artifacts]
    kept += "".join(lake.read(one.lake_uri, one.content_sha256).decode() for one in files)
    assert len(files) == 6
    assert "sesame" not in kept
    assert "hunter" not in kept
    assert "bWU6" not in kept


def test_at_most_the_configured_number_of_calls_is_in_flight(tmp_path: Path) -> None:
    used, full = settings(tmp_path, llm_concurrency=4), threading.Event()

    async def run(server: ScriptedServer) -> list[Reply[Balls]]:
        async with gateway(used, server.url) as open_gateway:
            asked = interrogation(used)
            question = build(asked)(["a", "b"])
            calls = [open_gateway.ask(asked, question.messages, question.schema) for _ in range(12)]
            waiting = asyncio.gather(*calls)
            await asyncio.to_thread(until, lambda: server.in_flight == 4)
            full.set()
            return await waiting

    with scripted_server(lambda *_: [full, *answer(GOOD)]) as server:
        replies = asyncio.run(run(server))
    assert all(reply.error is None for reply in replies)
    assert server.most_in_flight == 4


def test_a_cancelled_question_leaves_its_finished_attempts_behind(tmp_path: Path) -> None:
    used = settings(tmp_path)

    async def run(url: str) -> int:
        pausing = asyncio.Event()

        async def sleep(seconds: float) -> None:
            pausing.set()
            await asyncio.sleep(3_600)

        async with gateway(used, url, sleep=sleep) as open_gateway:
            asked = interrogation(used)
            question = build(asked)(["a", "b"])
            task = asyncio.create_task(open_gateway.ask(asked, question.messages, question.schema))
            await pausing.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return len(open_gateway.abandoned)

    with scripted_server(lambda *_: error(503, "busy")) as server:
        assert asyncio.run(run(server.url)) == 1


def test_the_lake_being_away_loses_no_call(tmp_path: Path) -> None:
    (tmp_path / "lake").write_text("a file where the folder should be")
    reply, server = ask(tmp_path, answer(GOOD))
    assert reply.error is None
    (attempt,) = reply.attempts
    assert attempt.artifacts == ()
    assert "cannot write" in attempt.request_context["lake_error"]
    assert json.loads(attempt.request_context["request"]) == server.calls[0]


def test_a_server_that_says_nothing_about_itself_is_still_asked(tmp_path: Path) -> None:
    reply, _ = ask(tmp_path, answer(GOOD), facts={})
    assert reply.error is None
    assert (reply.attempts[0].model_digest, reply.attempts[0].server_version) == (None, None)


def test_a_server_that_was_away_at_first_is_asked_about_itself_again(tmp_path: Path) -> None:
    facts: dict[str, Any] = {}

    def play(_: dict[str, Any], number: int) -> Steps:
        facts.update(FACTS)
        return error(503, "starting") if number == 0 else answer(GOOD)

    used = settings(tmp_path)

    async def run(url: str) -> Reply[Balls]:
        async with gateway(used, url) as open_gateway:
            asked = interrogation(used)
            question = build(asked)(["a", "b"])
            return await open_gateway.ask(asked, question.messages, question.schema)

    with scripted_server(play, facts) as server:
        reply = asyncio.run(run(server.url))
    assert reply.attempts[-1].model_digest == "d1" * 32


def test_the_window_is_never_larger_than_the_model_was_trained_for(tmp_path: Path) -> None:
    facts = FACTS | {"/api/show": {"model_info": {"llama.context_length": 2048}, "capabilities": ["completion"]}}
    reply, _ = ask(tmp_path, answer(GOOD), facts=facts)
    assert reply.attempts[0].options["num_ctx"] == 2048
    assert reply.attempts[0].options["num_predict"] == 1024


def test_the_offline_model_is_named_as_what_it_is(tmp_path: Path) -> None:
    named = [
        json.dumps(json.loads(line) | {"model": "offline-rules:latest"}).encode() + b"\n" for line in lines_of(GOOD)
    ]
    reply, _ = ask(tmp_path, stream(named))
    assert reply.attempts[0].provider == "offline-rules"


def test_every_error_says_what_helps() -> None:
    kinds = [LlmError]
    for kind in kinds:
        kinds.extend(kind.__subclasses__())
        assert kind.__doc__
        assert not (kind.new_seed and not kind.retry)
        assert kind("x").status in ("error", "invalid", "truncated", "refused")
    assert len(kinds) > 15
