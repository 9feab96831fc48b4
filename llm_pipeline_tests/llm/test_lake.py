"""Artifacts: complete or absent, and verified when read."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path

import pytest

from llm_pipeline.hashing import sha256_hex
from llm_pipeline.llm.lake import DamagedArtifactError, Lake, LakeError

AT = datetime(2026, 3, 4, 23, 59, tzinfo=UTC)


@pytest.fixture(params=["folder", "memory://lake-{}"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Lake:
    """A local lake and one behind fsspec."""
    return Lake(tmp_path if request.param == "folder" else request.param.format(tmp_path.name))


def test_what_was_written_is_read_back_and_dated_by_the_call(lake: Lake) -> None:
    artifact = lake.write("audit-1", "request_json", b'{"a":"\xf0\x9f"}', AT)
    assert artifact.lake_uri.endswith("/llm_runs/2026/03/04/audit-1/request_json.json.gz")
    assert artifact.content_sha256 == sha256_hex(b'{"a":"\xf0\x9f"}')
    assert artifact.byte_count == len(b'{"a":"\xf0\x9f"}')
    assert lake.read(artifact.lake_uri, artifact.content_sha256) == b'{"a":"\xf0\x9f"}'


def test_no_temporary_file_stays(tmp_path: Path) -> None:
    Lake(tmp_path).write("audit-1", "request_json", b"{}", AT)
    assert [file.name for file in tmp_path.rglob("*") if file.is_file()] == ["request_json.json.gz"]


def test_another_content_under_the_name_is_noticed(lake: Lake) -> None:
    artifact = lake.write("audit-1", "response_json", b"{}", AT)
    lake.write("audit-1", "response_json", b'{"changed":1}', AT)
    with pytest.raises(DamagedArtifactError, match="another SHA-256"):
        lake.read(artifact.lake_uri, artifact.content_sha256)


@pytest.mark.parametrize("damage", [lambda data: data[: len(data) // 2], lambda data: b"x" + data[1:], lambda _: b""])
def test_a_damaged_file_is_named(damage, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    artifact = Lake(tmp_path).write("audit-1", "response_json", b'{"a":1}' * 50, AT)
    file = Path(artifact.lake_uri)
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(DamagedArtifactError):
        Lake(tmp_path).read(artifact.lake_uri, artifact.content_sha256)


def test_an_absent_file_is_an_error_with_its_name(lake: Lake) -> None:
    artifact = lake.write("audit-1", "response_json", b"{}", AT)
    with pytest.raises(LakeError, match="audit-2"):
        lake.read(artifact.lake_uri.replace("audit-1", "audit-2"), artifact.content_sha256)


def test_a_lake_that_moved_is_still_read(tmp_path: Path) -> None:
    artifact = Lake(tmp_path / "old").write("audit-1", "response_json", b"{}", AT)
    (tmp_path / "old").rename(tmp_path / "new")
    assert Lake(tmp_path / "new").read(artifact.lake_uri, artifact.content_sha256) == b"{}"


def test_the_same_bytes_give_the_same_file(tmp_path: Path) -> None:
    uris = [Lake(tmp_path).write(name, "request_json", b"{}" * 9, AT).lake_uri for name in "ab"]
    first, second = (Path(uri).read_bytes() for uri in uris)
    assert first == second
    assert gzip.decompress(first) == b"{}" * 9


def test_a_folder_that_cannot_be_made_is_an_error_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "lake").write_text("in the way")
    with pytest.raises(LakeError, match="cannot write"):
        Lake(tmp_path / "lake").write("audit-1", "request_json", b"{}", AT)
