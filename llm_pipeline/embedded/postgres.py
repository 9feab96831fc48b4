"""The embedded PostgreSQL server: one per LLM_PIPELINE_HOME, shared by all processes that use that folder.

Start and stop happen under a file lock, so that any number of starters give one server. The server runs in
its own session: Ctrl-C in the starter's terminal does not reach it; it is stopped by whoever started it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from llm_pipeline.embedded.account import server_account
from llm_pipeline.embedded.binaries import major_version, program
from llm_pipeline.embedded.endpoint import (
    PORT,
    answers,
    make_socket_folder,
    remove_socket_folder,
    socket_folder,
)
from llm_pipeline.embedded.errors import EmbeddedPostgresError
from llm_pipeline.embedded.postmaster import read_pid_file, serves

DATABASE = "llm_pipeline"
POLL_S = 0.02
# Recovery of 0.9 GB of WAL (the most that default settings let pile up) took 11 s.
START_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 60.0
# Children of a killed postmaster let go of its shared memory within a second or two.
ORPHANS_TIMEOUT_S = 20.0
LOG_LIMIT_BYTES = 10_000_000
SETTINGS = (
    f"port={PORT}",
    "listen_addresses=",
    "unix_socket_permissions=0700",
    "timezone=UTC",
    "log_timezone=UTC",
)

_children: dict[Path, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True)
class Attached:
    """A server that takes connections. `started`: this call started it, so the caller should stop it."""

    url: str
    started: bool


@dataclass(frozen=True)
class EmbeddedPostgres:
    """The server whose data live in `home`/postgres."""

    home: Path

    @property
    def data(self) -> Path:
        return self.home.resolve() / "postgres"

    @property
    def log(self) -> Path:
        return self.home.resolve() / "postgres.log"

    def url(self, database: str = DATABASE) -> str:
        """Connection string (libpq URI over the Unix socket), whether or not the server runs."""
        folder = quote(str(socket_folder(self.data)))
        return f"postgresql://postgres@/{quote(database, safe='')}?host={folder}&port={PORT}"

    def is_running(self) -> bool:
        """Whether a server of this folder takes connections or is about to."""
        return answers(socket_folder(self.data))

    def ensure(self, timeout_s: float = START_TIMEOUT_S) -> Attached:
        """Attach to the server; start it, make its data folder and the product's database where needed.

        Raises:
            EmbeddedPostgresError: it cannot be started; the message holds the end of the server's own log.
        """
        with self._lock():
            started = self._start(time.monotonic() + timeout_s)
            self._create_database()
        return Attached(self.url(), started)

    def stop(self) -> bool:
        """Stop the server, ending its clients' sessions; False if none was running.

        Raises:
            EmbeddedPostgresError: it is still there after `STOP_TIMEOUT_S` seconds.
        """
        if not self.data.exists():
            return False
        with self._lock():
            found = read_pid_file(self.data)
            if found is None or not serves(found.pid, self.data):
                return False
            os.kill(found.pid, signal.SIGINT)  # "fast": roll back, checkpoint, leave
            end = time.monotonic() + STOP_TIMEOUT_S
            while self._reap() or serves(found.pid, self.data):
                if time.monotonic() > end:
                    raise EmbeddedPostgresError(
                        f"PostgreSQL (process {found.pid}) does not stop, see {self.log}: "
                        f"end it with kill -QUIT {found.pid}"
                    )
                time.sleep(POLL_S)
            remove_socket_folder(self.data)
        return True

    @contextlib.contextmanager
    def running(self) -> Iterator[str]:
        """The server's URL for the time of a block; stops it afterwards if this started it."""
        attached = self.ensure()
        try:
            yield attached.url
        finally:
            if attached.started:
                self.stop()

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            handle = (self.home / ".postgres.lock").open("w")
        except OSError as error:
            raise EmbeddedPostgresError(
                f"cannot write to {self.home} ({error.strerror}): set LLM_PIPELINE_HOME to a folder of your own"
            ) from error
        with handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def _reap(self) -> bool:
        """Collect a child of ours that has ended; whether one is still running."""
        child = _children.get(self.data)
        if child is None or child.poll() is None:
            return child is not None
        del _children[self.data]
        return False

    def _start(self, end: float) -> bool:
        if not (self.data / "PG_VERSION").exists():
            self._create_data()
        self._check_version()
        folder = make_socket_folder(self.data)
        first_try = time.monotonic()
        while True:
            self._reap()
            found = read_pid_file(self.data)
            if found is not None and serves(found.pid, self.data):
                if self._wait_until_ready(folder, found.pid, end):
                    return False
                continue
            at = self._launch(folder, None if found is None else found.pid)
            child = _children[self.data]
            if self._wait_until_ready(folder, child.pid, end):
                return True
            said = self._log_since(at)
            # Another starter, killed since, may have launched a server that won; orphans may need a moment.
            lost_race = "already exists" in said and "postmaster.pid" in said
            if not (lost_race or "still in use" in said) or time.monotonic() > first_try + ORPHANS_TIMEOUT_S:
                raise EmbeddedPostgresError(
                    f"PostgreSQL did not start in {self.data}, see {self.log}. "
                    f"It said: {' | '.join(said.splitlines()[-6:])}"
                )
            time.sleep(0.25)

    def _wait_until_ready(self, folder: Path, pid: int, end: float) -> bool:
        """Wait for process `pid` to take connections; False if it ended instead."""
        while True:
            self._reap()
            found = read_pid_file(self.data)
            if found is not None and found.pid == pid and found.ready and answers(folder):
                return True
            child = _children.get(self.data)
            # A child of ours may not have become postgres yet; anybody else's has.
            if not (child is not None and child.pid == pid) and not serves(pid, self.data):
                return False
            if time.monotonic() > end:
                raise EmbeddedPostgresError(
                    f"PostgreSQL (process {pid}) in {self.data} does not take connections yet: it may be "
                    f"recovering from a crash, or have lost its socket in {folder}. See {self.log}; "
                    f"try again later, or end it with kill -INT {pid}"
                )
            time.sleep(POLL_S)

    def _launch(self, folder: Path, stale_pid: int | None) -> int:
        """Start the server process; returns how long the log was before."""
        account = server_account()
        account.own(self.data)
        environment = _environment()
        if stale_pid is not None:
            # The number may belong to a living stranger by now. The server would refuse to start then, except
            # if told that the number is its own family's; it still refuses while the dead server's shared
            # memory is in use.
            environment["PG_GRANDPARENT_PID"] = str(stale_pid)
        if self.log.exists() and self.log.stat().st_size > LOG_LIMIT_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        options = [part for setting in (*SETTINGS, f"unix_socket_directories={folder}") for part in ("-c", setting)]
        with self.log.open("ab") as log:
            at = log.tell()
            _children[self.data] = subprocess.Popen(
                [*account.prefix, program("postgres"), "-D", self.data, *options],
                env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        return at

    def _log_since(self, at: int) -> str:
        return self.log.read_bytes()[at:].decode(errors="replace").strip()

    def _create_data(self) -> None:
        """initdb into a temporary name, then rename: a killed initdb never leaves half a data folder."""
        for leftover in self.home.glob("postgres.init-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        fresh = self.data.with_name(f"postgres.init-{secrets.token_hex(4)}")
        account = server_account()
        fresh.mkdir(mode=0o700)
        account.own(fresh)
        done = subprocess.run(
            [*account.prefix, program("initdb"), "-D", fresh, "-U", "postgres", "--auth=trust",
             "--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"],
            env=_environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
            check=False,
        )  # fmt: skip
        if done.returncode != 0:
            shutil.rmtree(fresh, ignore_errors=True)
            reason = " | ".join(line for line in done.stderr.splitlines() if line.strip())
            raise EmbeddedPostgresError(f"initdb could not make {self.data}: {reason}")
        try:
            if self.data.exists():
                self.data.rmdir()
            fresh.rename(self.data)
        except OSError as error:
            raise EmbeddedPostgresError(
                f"{self.data} holds something that is not a PostgreSQL data folder: move it away, "
                "or choose another LLM_PIPELINE_HOME"
            ) from error

    def _check_version(self) -> None:
        made_by = (self.data / "PG_VERSION").read_text().strip()
        if made_by != major_version():
            raise EmbeddedPostgresError(
                f"{self.data} was made by PostgreSQL {made_by}, the installed one is {major_version()}: "
                "move the folder away, or install the version of this project that made it"
            )

    def _create_database(self) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            found = connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
            if found is None:
                # A starter that was killed a moment ago may have left its own CREATE DATABASE running.
                with contextlib.suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                    connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))


def _environment() -> dict[str, str]:
    """Ours without PG* (a foreign PGDATA or PGPORT) and in English, because `_start` reads two messages."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C"}
