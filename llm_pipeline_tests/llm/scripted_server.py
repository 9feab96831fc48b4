"""A model server over real sockets that plays whatever a test scripts, down to a cut inside a line.

Belongs here: the server and the pieces of scripts (`answer`, `error`, `stream`, ...). The misbehaviour and
its texts are those of observed servers.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

CUT = object()
"""A step that closes the connection at once."""

Steps = list[Any]
"""What is played: bytes are sent, numbers are seconds of silence, a threading.Event is waited for, CUT closes."""

VERSION = {"version": "0.32.15"}
DIGEST = "d1" * 32


def response(status: int, body: bytes, content_type: str = "application/json; charset=utf-8", extra: str = "") -> Steps:
    """One whole response."""
    head = f"HTTP/1.1 {status} X\r\n"
    head += f"content-type: {content_type}\r\n" if content_type else ""
    return [f"{head}{extra}content-length: {len(body)}\r\n\r\n".encode() + body]


def error(status: int, text: str, extra: str = "") -> Steps:
    """Ollama's error body."""
    return response(status, json.dumps({"error": text}).encode(), extra=extra)


def overflow(prompt_tokens: int, window: int) -> Steps:
    """The 400 of a prompt that is too long: JSON inside the error's string."""
    inner = {
        "code": 400,
        "message": f"request ({prompt_tokens} tokens) exceeds the available context size ({window} tokens), "
        "try increasing it",
        "type": "exceed_context_size_error",
        "n_prompt_tokens": prompt_tokens,
        "n_ctx": window,
    }
    return error(400, json.dumps({"error": inner}))


def lines_of(text: str, *, pieces: int = 3, reason: str = "stop", thinking: str = "", **last: Any) -> list[bytes]:
    """The lines of a streamed answer, the last one with `done` and metrics (`last` overrides)."""
    size = max(1, -(-len(text) // pieces))
    stamp = {"model": "scripted", "created_at": "2026-11-20T23:38:56.801947069Z"}
    lines = []
    if thinking:
        lines.append(stamp | {"message": {"role": "assistant", "content": "", "thinking": thinking}, "done": False})
    for start in range(0, len(text), size):
        content = {"role": "assistant", "content": text[start : start + size]}
        lines.append(stamp | {"message": content, "done": False})
    final = {
        "done": True,
        "done_reason": reason,
        "prompt_eval_count": 500,
        "eval_count": 20,
        "total_duration": 5000,
    }
    lines.append(stamp | {"message": {"role": "assistant", "content": ""}} | final | last)
    return [json.dumps(line).encode() + b"\n" for line in lines]


def stream(lines: list[Any], *, finish: bool = True) -> Steps:
    """A chunked NDJSON response; numbers among the lines are pauses, CUT closes without the last chunk."""
    steps: Steps = [b"HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n"]
    steps += [b"%x\r\n%b\r\n" % (len(line), line) if isinstance(line, bytes) else line for line in lines]
    return steps + ([b"0\r\n\r\n"] if finish else [])


def answer(text: str, **options: Any) -> Steps:
    """A good answer, streamed."""
    return stream(lines_of(text, **options))


def aborted(text: str) -> Steps:
    """HTTP 200, but the stream just ends: the repeat guard."""
    return stream(lines_of(text)[:-1])


def error_line(text: str) -> Steps:
    """HTTP 200, some words, then an error as the last line."""
    return stream([*lines_of('{"a": ')[:1], json.dumps({"error": text}).encode() + b"\n"])


@dataclass
class ScriptedServer:
    """What the server saw: bodies of /api/chat in `calls`, (method, path, headers) of all in `requests`."""

    url: str = ""
    calls: list[dict[str, Any]] = field(default_factory=list)
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0
    disconnected: int = 0


Script = Callable[[dict[str, Any], int], Steps]
"""From the request's body and its number (from 0) to what is played."""

_tags = {"models": [{"name": "scripted:latest", "model": "scripted:latest", "digest": DIGEST}]}
FACTS: dict[str, Any] = {
    "/api/version": VERSION,
    "/api/tags": _tags,
    "/api/show": {"capabilities": ["completion"]},
}


@contextmanager
def scripted_server(script: Script, facts: dict[str, Any] | None = None) -> Iterator[ScriptedServer]:
    """Serve a script on a free loopback port, in a thread, until the block ends."""
    seen, loop, ready = ScriptedServer(), asyncio.new_event_loop(), threading.Event()
    told = FACTS if facts is None else facts

    async def play(steps: Steps, writer: asyncio.StreamWriter) -> bool:
        for step in steps:
            if step is CUT:
                writer.close()
                return False
            if isinstance(step, bytes):
                writer.write(step)
                await writer.drain()
            elif isinstance(step, threading.Event):
                while not step.is_set():  # noqa: ASYNC110 - set from another thread
                    await asyncio.sleep(0.01)
            else:
                await asyncio.sleep(step)
        return True

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                first, *rest = head.decode("latin-1").strip().split("\r\n")
                method, path, _ = first.split(" ")
                headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in rest)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                seen.requests.append((method, path, headers))
                if path != "/api/chat":
                    if not await play(
                        response(200, json.dumps(told[path]).encode()) if path in told else error(404, "no"),
                        writer,
                    ):
                        return
                    continue
                request = json.loads(body)
                seen.calls.append(request)
                seen.in_flight += 1
                seen.most_in_flight = max(seen.most_in_flight, seen.in_flight)
                try:
                    if not await play(script(request, len(seen.calls) - 1), writer):
                        return
                finally:
                    seen.in_flight -= 1
        except (asyncio.IncompleteReadError, ConnectionError):
            seen.disconnected += 1
        except asyncio.CancelledError:  # the test is over
            return
        finally:
            writer.close()

    async def start() -> asyncio.Server:
        server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=2**20)
        seen.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        return server

    def run() -> None:
        asyncio.set_event_loop(loop)
        server = loop.run_until_complete(start())
        loop.call_soon(ready.set)
        loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(60)
    try:
        yield seen
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(60)
