"""What postmaster.pid says, and whether the process it names is really the server of this data folder.

A process id alone proves nothing: after a kill -9 the file stays, and the number may belong to anybody by
now.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class PidFile:
    """The two lines of postmaster.pid that matter here; `ready` once the server takes connections."""

    pid: int
    ready: bool


def read_pid_file(data: Path) -> PidFile | None:
    """postmaster.pid as it is now; None if absent or half written."""
    try:
        lines = (data / "postmaster.pid").read_text(errors="replace").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not lines or not lines[0].strip().isdigit():
        return None
    return PidFile(int(lines[0]), len(lines) > 7 and lines[7].strip() == "ready")


def serves(pid: int, data: Path) -> bool:
    """Whether process `pid` is a postmaster of `data` (a zombie has no command line, so it is not)."""
    if Path("/proc/self/cmdline").exists():
        with contextlib.suppress(OSError):
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            return os.fsencode(data) in arguments and arguments[0].endswith(b"postgres")
        return False
    shown = subprocess.run(["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, check=False).stdout
    return b"postgres" in shown and os.fsencode(data) in shown
