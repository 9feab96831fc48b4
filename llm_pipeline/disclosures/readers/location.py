"""Where a source's files are and how their bytes arrive: a path, a folder, a glob, an http(s) URL, each
maybe .gz.

Belongs here: opening and limits. What the bytes mean is each reader's affair.
"""

from __future__ import annotations

import glob
import gzip
import io
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import BinaryIO, cast
from urllib.parse import urlsplit

import httpx

MAX_BYTES = 1 << 30
"""Most bytes one document may have, as served and after decompression: 100 times the largest source of
today."""

_TIMEOUT = httpx.Timeout(60.0, connect=10.0)
_READ_ERRORS = (OSError, EOFError, zlib.error, httpx.HTTPError)


class SourceError(RuntimeError):
    """A source as a whole cannot be read: where, why, and what to do about it."""


@dataclass(frozen=True)
class SourceDocument:
    """One file of a source: a short name for positions and messages, where it is, and how to open it."""

    name: str
    where: str
    opener: Callable[[], BinaryIO]


class _Limited(io.RawIOBase):
    """A stream that refuses to give more than MAX_BYTES, so that a decompression bomb ends as an error."""

    def __init__(self, inner: BinaryIO, where: str, limit: int) -> None:
        self._inner, self._where, self._left = inner, where, limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._inner.read(len(buffer))
        self._left -= len(data)
        if self._left < 0:
            raise SourceError(f"{self._where} holds more than the allowed number of bytes; split it")
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._inner.close()
        super().close()


def _download(url: str, limit: int) -> BinaryIO:
    """The body of a URL in a temporary file, rewound.

    Raises:
        SourceError: the server answered with an error, or with more than `limit` bytes.
    """
    spool = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115  the caller closes it
    received = 0
    with httpx.stream("GET", url, timeout=_TIMEOUT, follow_redirects=True) as response:
        if response.status_code != httpx.codes.OK:
            spool.close()
            raise SourceError(f"{url} answered {response.status_code} {response.reason_phrase}; check the address")
        for chunk in response.iter_bytes():
            received += len(chunk)
            if received > limit:
                spool.close()
                raise SourceError(f"{url} sends more than {limit} bytes; split it")
            spool.write(chunk)
    spool.seek(0)
    return spool


@contextmanager
def open_document(document: SourceDocument, *, limit: int = MAX_BYTES) -> Iterator[BinaryIO]:
    """The decompressed bytes of a document.

    Raises:
        SourceError: it cannot be opened, is cut off, is no gzip although it says so, or is too large.
        Errors while
            the stream is being read inside the `with` block are turned into SourceError as well.
    """
    try:
        raw = document.opener()
        with raw:
            magic = raw.read(2)
            raw.seek(0)
            inner = cast(BinaryIO, gzip.GzipFile(fileobj=raw)) if magic == b"\x1f\x8b" else raw
            yield io.BufferedReader(_Limited(inner, document.where, limit), 1 << 16)
    except _READ_ERRORS as error:
        what = str(error) or type(error).__name__
        raise SourceError(f"cannot read {document.where}: {what}") from error


def _file(path: Path) -> SourceDocument:
    return SourceDocument(path.name, str(path), lambda: path.open("rb"))


def _url(url: str) -> SourceDocument:
    name = urlsplit(url).path.rsplit("/", 1)[-1] or url
    return SourceDocument(name, url, lambda: _download(url, MAX_BYTES))


def _found(location: str, patterns: tuple[str, ...]) -> list[SourceDocument]:
    if location.startswith(("http://", "https://")):
        return [_url(location)]
    path = Path(location).expanduser()
    if path.is_dir():
        files = (f for f in path.rglob("*") if f.is_file())
        return [_file(f) for f in sorted(files) if any(fnmatch(f.name, p) for p in patterns)]
    if path.is_file():
        return [_file(path)]
    return [_file(Path(f)) for f in sorted(glob.glob(str(path), recursive=True)) if Path(f).is_file()]


def find_documents(location: str | Path, patterns: tuple[str, ...]) -> list[SourceDocument]:
    """The documents a location names, in a stable order. Several locations may be given, separated by commas.

    Raises:
        SourceError: a location names nothing.
    """
    whole = str(location).strip()
    parts = [whole] if whole and Path(whole).exists() else [p.strip() for p in whole.split(",") if p.strip()]
    documents: list[SourceDocument] = []
    for part in parts:
        found = _found(part, patterns)
        if not found:
            raise SourceError(f"{part} names no file ({', '.join(patterns)}); give a file, folder, glob or URL")
        documents += found
    if not documents:
        raise SourceError("no location given; give a file, folder, glob or URL")
    return _with_distinct_names(documents)


def _with_distinct_names(documents: list[SourceDocument]) -> list[SourceDocument]:
    """The documents with "~2", "~3" ... after a name that came before, so that every position is one
    place."""
    times: dict[str, int] = {}
    distinct = []
    for document in documents:
        n = times[document.name] = times.get(document.name, 0) + 1
        distinct.append(document if n == 1 else replace(document, name=f"{document.name}~{n}"))
    return distinct
