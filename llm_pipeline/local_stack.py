"""Running everything on one machine: the environment of child processes, and the Dagster UI as a child.

Belongs here: process supervision for `llm-pipeline demo` and `up`. All state lives under `LLM_PIPELINE_HOME`.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from llm_pipeline.settings import PROJECT_ROOT, Settings

LOOPBACK = "127.0.0.1"
UI_PORT = 3000
STOP_TIMEOUT_S = 30.0
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


def serve_ui(port: int) -> int:
    """Run `dagster dev` on loopback until it ends or we are told to stop; returns its exit code, 0 after a stop.

    SIGINT from the terminal reaches the child as well; SIGTERM is passed on as SIGINT, which Dagster handles.
    """
    command = [sys.executable, "-m", "dagster", "dev", "--host", LOOPBACK, "--port", str(port)]
    stopping = False

    def stop(_signal: int, _frame: object) -> None:
        nonlocal stopping
        stopping = True
        child.send_signal(signal.SIGINT)

    child = subprocess.Popen(command, preexec_fn=_default_sigint)
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
        for number, handler in previous.items():
            signal.signal(number, handler)


def _default_sigint() -> None:
    # A shell that puts us in the background makes children ignore SIGINT, and Dagster stops on nothing else.
    signal.signal(signal.SIGINT, signal.default_int_handler)
