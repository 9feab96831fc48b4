"""Starting the offline model: as a process that ends with its parent, or in a thread of a test.

Belongs here: life and death of a server. Callers get its address and nothing else to take care of.
"""

from __future__ import annotations

import asyncio
import json
import selectors
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from llm_pipeline.offline_model.api import HONEST, Behaviour, OfflineModel
from llm_pipeline.offline_model.faults import NO_FAULTS, FaultPlan
from llm_pipeline.offline_model.wire import listen

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 20.0


class OfflineModelStartError(RuntimeError):
    """The server did not come up; the message has what it said on stderr."""


def _command(behaviour: Behaviour, port: int) -> list[str]:
    command = [
        sys.executable,
        "-m",
        "llm_pipeline.offline_model",
        "--until-stdin-closes",
        "--port",
        str(port),
    ]
    command += ["--latency-ms", str(behaviour.latency_ms), "--faults", json.dumps(behaviour.faults.as_json())]
    if behaviour.slots is not None:
        command += ["--slots", str(behaviour.slots)]
    return [*command, "--control"] if behaviour.control else command


def _first_line(child: subprocess.Popen[bytes]) -> str:
    assert child.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        return child.stdout.readline().decode().strip() if selector.select(START_TIMEOUT_S) else ""


def start(behaviour: Behaviour = HONEST, *, port: int = 0) -> tuple[subprocess.Popen[bytes], str]:
    """Start the server as a child process that listens already when this returns.

    The child ends when its stdin closes: on `stop`, and when this process dies, even by SIGKILL.

    Returns:
        The child, for `stop`, and the base URL.

    Raises:
        OfflineModelStartError: it did not come up.
    """
    with tempfile.TemporaryFile() as stderr:
        child = subprocess.Popen(
            _command(behaviour, port),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,  # Ctrl-C must not stop it before its parent is done with it
        )
        url = _first_line(child)
        if not url:
            child.kill()
            stop(child)
            stderr.seek(0)
            said = stderr.read().decode(errors="replace").strip()
            raise OfflineModelStartError(f"offline-rules did not start: {said or 'no answer'}")
    return child, url


def stop(child: subprocess.Popen[bytes]) -> None:
    """End a started server and wait until it is gone."""
    child.terminate()
    try:
        child.wait(timeout=STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            pipe.close()


@contextmanager
def running(
    *,
    latency_ms: float = 0.0,
    slots: int | None = None,
    faults: FaultPlan = NO_FAULTS,
    control: bool = False,
    port: int = 0,
) -> Iterator[str]:
    """The base URL of a server that lives as long as the `with` block; see `Behaviour` for the arguments.

    Raises:
        OfflineModelStartError: it did not come up.
    """
    child, url = start(Behaviour(latency_ms, slots, faults, control), port=port)
    try:
        yield url
    finally:
        stop(child)


@dataclass(frozen=True)
class ThreadedServer:
    """A server in a thread of this process; `model` gives its counters (read them when it is idle)."""

    base_url: str
    model: OfflineModel


@contextmanager
def running_in_thread(
    *,
    latency_ms: float = 0.0,
    slots: int | None = None,
    faults: FaultPlan = NO_FAULTS,
    control: bool = True,
) -> Iterator[ThreadedServer]:
    """The same server in a thread, for tests: it starts in 2 ms and its counters can be read directly."""
    started: list[ThreadedServer] = []
    up = threading.Event()
    loop = asyncio.new_event_loop()
    over = asyncio.Event()

    async def serve() -> None:
        model = OfflineModel(Behaviour(latency_ms, slots, faults, control))
        server, port = await listen(model, 0)
        started.append(ThreadedServer(f"http://127.0.0.1:{port}", model))
        up.set()
        await over.wait()
        server.close()
        mine = asyncio.current_task()
        for task in asyncio.all_tasks():
            if task is not mine:
                task.cancel()

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(serve())

    thread = threading.Thread(target=run, name="offline-rules", daemon=True)
    thread.start()
    if not up.wait(START_TIMEOUT_S):
        raise OfflineModelStartError(f"offline-rules did not start in a thread within {START_TIMEOUT_S:.0f} s")
    try:
        yield started[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
