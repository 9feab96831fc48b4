"""Running everything on one machine: the environment of child processes, and the Dagster UI as a child.

Belongs here: process supervision for `llm-pipeline demo` and `up`. All state lives under `LLM_PIPELINE_HOME`.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from llm_pipeline.settings import PROJECT_ROOT, Settings

LOOPBACK = "127.0.0.1"
UI_PORT = 3000
STOP_TIMEOUT_S = 30.0
GROUP_TIMEOUT_S = 10.0
# `dagster dev` reads this file from the working folder, over what the environment says.
ENV_FILE = PROJECT_ROOT / ".env"
# Events of a run over many days are written in batches: 3,378 days took 110 s one by one.
EVENT_BATCH_SIZE = "500"


class PortTakenError(RuntimeError):
    """No free port for the UI; the message says which were tried."""


def dagster_home(settings: Settings) -> Path:
    """The folder for DAGSTER_HOME under `LLM_PIPELINE_HOME`, with the project's one `dagster.yaml` linked into it."""
    home = settings.llm_pipeline_home / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    link, target = home / "dagster.yaml", PROJECT_ROOT / "dagster.yaml"
    if not (link.is_symlink() and link.resolve() == target):
        link.unlink(missing_ok=True)
        link.symlink_to(target)
    return home


def enter(settings: Settings, extra: Mapping[str, str] | None = None) -> None:
    """Set the environment of this process and its children, and go to the project's root.

    Dagster reads DAGSTER_HOME and its batch size from the environment, and `workspace.yaml` from the working folder.
    """
    os.environ["LLM_PIPELINE_HOME"] = str(settings.llm_pipeline_home)
    os.environ.setdefault("DAGSTER_HOME", str(dagster_home(settings)))
    os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", EVENT_BATCH_SIZE)
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "1")
    os.environ.update(extra or {})
    os.chdir(PROJECT_ROOT)


def free_port(wanted: int, tries: int = 20) -> int:
    """The wanted loopback port, or the next free one.

    Raises:
        PortTakenError: none of `tries` ports is free.
    """
    for port in range(wanted, wanted + tries):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return port
    raise PortTakenError(f"ports {wanted} to {wanted + tries - 1} are taken: say another with --port")


@contextmanager
def orderly_end() -> Iterator[None]:
    """SIGTERM unwinds the block, as Ctrl-C does, instead of ending the process on the spot.

    A signal that comes while an object is destroyed is lost: Python prints what its handler raises there, ours or that
    of Dagster, and goes on. So it is sent again.
    """

    def end(_signal: int, _frame: object) -> None:
        sys.exit(128 + signal.SIGTERM)

    def lost(what: sys.UnraisableHookArgs) -> None:
        if issubclass(what.exc_type, (Exception, GeneratorExit, asyncio.CancelledError)):
            hook(what)
            return
        again = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGTERM))
        again.daemon = True
        again.start()

    previous, hook = signal.signal(signal.SIGTERM, end), sys.unraisablehook
    sys.unraisablehook = lost
    try:
        yield
    finally:
        sys.unraisablehook = hook
        signal.signal(signal.SIGTERM, previous)


def serve_ui(port: int) -> int:
    """Run `dagster dev` on loopback until it ends or we are told to stop; returns its exit code, 0 after a stop.

    It gets a session of its own, so that a Ctrl-C reaches it once (through us) and nothing of it outlives us: its code
    servers would otherwise stay for another minute, and start the embedded PostgreSQL again.
    """
    # -W ignore: `dagster dev` warns that `dg dev` supersedes it, which takes twice as long to start.
    command = [sys.executable, "-W", "ignore", "-m", "dagster", "dev", "--host", LOOPBACK, "--port", str(port)]
    stopping = False

    def stop(_signal: int, _frame: object) -> None:
        nonlocal stopping
        if not stopping:
            stopping = True
            child.send_signal(signal.SIGINT)

    child = subprocess.Popen(command, start_new_session=True, preexec_fn=_default_sigint)
    previous = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        while True:
            try:
                code = child.wait(timeout=STOP_TIMEOUT_S if stopping else 1.0)
            except subprocess.TimeoutExpired:
                if stopping:
                    child.kill()
                continue
            return 0 if stopping else code
    finally:
        _end_group(child.pid)
        for number, handler in previous.items():
            signal.signal(number, handler)


def _end_group(leader: int) -> None:
    """End what is left of a child's process group: politely, then for certain."""
    for number, patience in ((signal.SIGTERM, GROUP_TIMEOUT_S), (signal.SIGKILL, GROUP_TIMEOUT_S)):
        try:
            os.killpg(leader, number)
            end = time.monotonic() + patience
            while time.monotonic() < end:
                os.killpg(leader, 0)
                time.sleep(0.05)
        except ProcessLookupError:
            return


def _default_sigint() -> None:
    # A shell that puts us in the background makes children ignore SIGINT, and Dagster stops on nothing else.
    signal.signal(signal.SIGINT, signal.default_int_handler)
