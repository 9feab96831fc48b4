"""Running the console script as a user does: as a process, with its own streams and exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from llm_pipeline.cli import main

SCRIPT = Path(sys.executable).with_name("llm-pipeline")


@dataclass(frozen=True)
class Outcome:
    """How a command ended and what it said."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """The one JSON value that stdout holds."""
        return json.loads(self.stdout)

    @property
    def last_line(self) -> str:
        """The last line on stderr."""
        return self.stderr.strip().splitlines()[-1]


def called(*arguments: object, **environment: str) -> Outcome:
    """The same in this process, without the seconds that a process needs to start; for what starts no run."""
    done = CliRunner().invoke(main, [str(one) for one in arguments], env=environment)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Outcome(done.exit_code, done.stdout, done.stderr)


def llm_pipeline(*arguments: object, **environment: str) -> Outcome:
    """Run `llm-pipeline` in this environment with some variables changed."""
    done = subprocess.run(
        [SCRIPT, *map(str, arguments)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=800,
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)
