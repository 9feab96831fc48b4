"""`python -m llm_pipeline.offline_model`: run the server until it is told to stop."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence

from llm_pipeline.offline_model.api import Behaviour, OfflineModel
from llm_pipeline.offline_model.faults import plan_from_json
from llm_pipeline.offline_model.wire import listen

ORPHAN_POLL_S = 1.0


def _arguments(argv: Sequence[str] | None) -> tuple[Behaviour, int, bool]:
    parser = argparse.ArgumentParser(
        prog="python -m llm_pipeline.offline_model",
        description="A stand-in for a model server: speaks Ollama's HTTP API on 127.0.0.1, answers by rules.",
    )
    parser.add_argument("--port", type=int, default=11434, help="0: any free port (default: Ollama's 11434)")
    parser.add_argument("--latency-ms", type=float, default=0.0, help="time every answer takes")
    parser.add_argument("--slots", type=int, help="answers in the making at once; default: no limit")
    parser.add_argument("--faults", default="{}", help='planned misbehaviour, JSON: [{"kind": "http_503", ...}]')
    parser.add_argument("--control", action="store_true", help="allow POST /offline/faults, count per record")
    parser.add_argument("--until-stdin-closes", action="store_true", help="end with the process that started it")
    given = parser.parse_args(argv)
    try:
        plan = plan_from_json(json.loads(given.faults))
        behaviour = Behaviour(given.latency_ms, given.slots, plan, given.control)
    except ValueError as error:
        parser.error(str(error))
    return behaviour, given.port, given.until_stdin_closes


async def _end_with_parent(stop: asyncio.Event) -> None:
    """Set `stop` once nobody holds the other end of stdin, or the parent is another process than at the
    start.

    The pipe alone would not do: a process that the parent forks holds the pipe open as well.
    """
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    parent = os.getppid()
    while os.getppid() == parent:
        try:
            async with asyncio.timeout(ORPHAN_POLL_S):
                if not await reader.read(1):
                    break
        except TimeoutError:
            continue
    stop.set()


async def _serve(behaviour: Behaviour, port: int, until_stdin_closes: bool) -> None:
    server, bound = await listen(OfflineModel(behaviour), port)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    sys.stdout.write(f"http://127.0.0.1:{bound}\n")
    sys.stdout.flush()
    watching = asyncio.create_task(_end_with_parent(stop)) if until_stdin_closes else None
    await stop.wait()
    server.close()
    if watching is not None:
        watching.cancel()


def main(argv: Sequence[str] | None = None) -> int:
    """Serve; 0 when told to stop, 1 when the port is taken, 2 for a wrong argument."""
    behaviour, port, until_stdin_closes = _arguments(argv)
    try:
        asyncio.run(_serve(behaviour, port, until_stdin_closes))
    except OSError as error:
        sys.stderr.write(f"offline-rules cannot listen on 127.0.0.1:{port}: {error.strerror}; choose another --port\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
