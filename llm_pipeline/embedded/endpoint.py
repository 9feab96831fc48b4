"""Where the server listens (a Unix socket, nothing else) and whether somebody answers there."""

from __future__ import annotations

import hashlib
import os
import re
import socket
import stat
from pathlib import Path

from llm_pipeline.embedded.errors import EmbeddedPostgresError

PORT = 5432  # not a TCP port: it only names the socket
SOCKET = f".s.PGSQL.{PORT}"
# A socket's path may have 107 bytes on Linux, 103 on macOS; the server appends ".lock" to it for its lock
# file.
LONGEST = 98
# What both libpq (a comma separates hosts) and the server (a comma separates folders) take as it is.
PLAIN = re.compile(r"/[A-Za-z0-9 ._/+@~-]*")
SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"


def socket_folder(data: Path) -> Path:
    """The socket's folder: the data folder, or a private one under /tmp if that path is too long or odd."""
    if PLAIN.fullmatch(str(data)) and len(os.fsencode(data / SOCKET)) <= LONGEST:
        return data
    name = hashlib.sha256(os.fsencode(data)).hexdigest()[:16]
    return Path("/tmp") / f"llm-pipeline-{os.geteuid()}-{name}"  # noqa: S108 - private: see make_socket_folder


def make_socket_folder(data: Path) -> Path:
    """`socket_folder`, existing and private.

    Raises:
        EmbeddedPostgresError: somebody else made a folder of that name.
    """
    folder = socket_folder(data)
    if folder != data:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
            raise EmbeddedPostgresError(
                f"{folder} is not a private folder of this user: remove it, or choose a shorter LLM_PIPELINE_HOME"
            )
    return folder


def remove_socket_folder(data: Path) -> None:
    """Remove the private folder, if `data` needed one, after the server has removed its socket from it."""
    folder = socket_folder(data)
    if folder != data and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def answers(folder: Path) -> bool:
    """Whether a server answers on the socket in `folder`.

    A mere connect() is not enough: a postmaster that is being torn down still accepts. So ask whether it
    speaks TLS, and want the one byte of the answer.
    """
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        try:
            client.connect(str(folder / SOCKET))
            client.sendall(SSL_REQUEST)
            return client.recv(1) in (b"N", b"S")
        except OSError:
            return False
