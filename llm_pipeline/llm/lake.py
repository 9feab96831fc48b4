"""The artifact lake: the exact request and response of each call as compressed files, verified on every read.

Layout: `{lake}/llm_runs/{yyyy}/{mm}/{dd}/{audit_id}/{type}.json.gz`, dated by the call, not by the clock; what several
calls share, as an evidence bundle, under its own hash: `{lake}/llm_runs/{type}/{first two digits}/{sha256}.json.gz`.
The hash is taken over the uncompressed bytes. A file appears under its name only when complete (temporary
name, then rename). Local files are not fsynced: that would cost 80 flushes for 40 calls, and a file lost in
a power cut is noticed, because reading verifies the hash.
"""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import get_ident
from typing import Any, Literal
from uuid import uuid4

from llm_pipeline.hashing import sha256_hex

ArtifactType = Literal["request_json", "response_json", "evidence_bundle", "prompt_text", "parsed_output"]
_ROOT_FOLDER = "llm_runs"
UNFINISHED = ".part"
"""How the name of a file ends that is being written, or that a killed process left."""


class LakeError(OSError):
    """The lake could not be written or read; the message says which file and why."""


class DamagedArtifactError(LakeError):
    """The stored bytes are not those that were written."""


@dataclass(frozen=True)
class Artifact:
    """A stored file, a row of llm_artifacts; size and hash are of the uncompressed bytes."""

    id: str
    audit_trail_id: str
    artifact_type: ArtifactType
    content_sha256: str
    byte_count: int
    lake_uri: str
    created_at: datetime


class Lake:
    """A folder, or any URL that fsspec opens (`s3://…`, `memory://…`; its driver must be installed)."""

    def __init__(self, location: str | Path) -> None:
        text = str(location).removeprefix("file://")
        self.location = text
        self.local = "://" not in text
        self._root: Any = Path(text).expanduser().absolute() if self.local else _remote(text)

    def write(self, audit_id: str, artifact_type: ArtifactType, content: bytes, at: datetime) -> Artifact:
        """Store one artifact of a call made at `at`.

        Raises:
            LakeError: it could not be stored.
        """
        folder = self._root / _ROOT_FOLDER / f"{at:%Y}" / f"{at:%m}" / f"{at:%d}" / audit_id
        file = folder / f"{artifact_type}.json.gz"
        packed = gzip.compress(content, compresslevel=1, mtime=0)
        try:
            _write_local(folder, file, packed) if self.local else _write_remote(folder, file, packed)
        except Exception as error:  # drivers of object stores raise errors of their own
            raise LakeError(f"cannot write {file}: {type(error).__name__}: {error}") from error
        return Artifact(str(uuid4()), audit_id, artifact_type, sha256_hex(content), len(content), str(file), at)

    def write_content(self, artifact_type: ArtifactType, content: bytes) -> str:
        """Store content under its own hash, the same content once, whoever needs it; returns its lake URI.

        Raises:
            LakeError: it could not be stored.
        """
        sha256 = sha256_hex(content)
        folder = self._root / _ROOT_FOLDER / artifact_type / sha256[:2]
        file = folder / f"{sha256}.json.gz"
        try:
            self.read(str(file), sha256)
        except LakeError:  # not there yet, or damaged since
            packed = gzip.compress(content, compresslevel=1, mtime=0)
            try:
                _write_local(folder, file, packed) if self.local else _write_remote(folder, file, packed)
            except Exception as error:  # drivers of object stores raise errors of their own
                raise LakeError(f"cannot write {file}: {type(error).__name__}: {error}") from error
        return str(file)

    def read(self, lake_uri: str, content_sha256: str) -> bytes:
        """The uncompressed bytes of an artifact. A lake that was moved as a whole is still readable.

        Raises:
            DamagedArtifactError: the bytes do not have the hash that was recorded.
            LakeError: it is not there or cannot be read.
        """
        try:
            content = gzip.decompress(self._find(lake_uri).read_bytes())
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise DamagedArtifactError(f"{lake_uri} is damaged: {error}") from error
        except Exception as error:  # drivers of object stores raise errors of their own
            raise LakeError(f"cannot read {lake_uri}: {type(error).__name__}: {error}") from error
        if sha256_hex(content) != content_sha256:
            raise DamagedArtifactError(f"{lake_uri} has another SHA-256 than recorded ({content_sha256})")
        return content

    def files(self) -> Iterator[str]:
        """Every file of the lake as `inside` names it, in the order of its characters; folder by folder, so that
        memory holds one folder at a time.

        Raises:
            LakeError: a folder cannot be read.
        """
        try:
            yield from _walk(self._root / _ROOT_FOLDER, _ROOT_FOLDER)
        except Exception as error:  # drivers of object stores raise errors of their own
            raise LakeError(f"cannot list {self._root}: {type(error).__name__}: {error}") from error

    def _find(self, lake_uri: str) -> Any:
        return self._root.joinpath(*inside(lake_uri).split("/"))


def inside(lake_uri: str) -> str:
    """An artifact's place inside its lake, wherever the lake stands: `llm_runs/…`."""
    start = lake_uri.rfind(f"{_ROOT_FOLDER}/")
    return lake_uri if start < 0 else lake_uri[start:]


def _walk(folder: Any, name: str) -> Iterator[str]:
    if not folder.is_dir():
        return
    entries = [(f"{one.name}/" if one.is_dir() else one.name, one) for one in folder.iterdir()]
    for entry, place in sorted(entries, key=lambda one: one[0]):
        if entry.endswith("/"):
            yield from _walk(place, f"{name}/{entry[:-1]}")
        else:
            yield f"{name}/{entry}"


def _remote(url: str) -> Any:
    from upath import UPath  # 0.1 s of imports that a local lake does not need

    return UPath(url)


def _write_local(folder: Path, file: Path, packed: bytes) -> None:
    part = folder / f".{file.name}.{os.getpid()}-{get_ident()}.part"
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    except FileNotFoundError:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        with os.fdopen(handle, "wb") as sink:
            sink.write(packed)
        os.replace(part, file)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def _write_remote(folder: Any, file: Any, packed: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{file.name}.{uuid4().hex}.part"
    part.write_bytes(packed)
    part.rename(file)
