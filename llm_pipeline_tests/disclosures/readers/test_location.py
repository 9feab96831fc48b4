from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from llm_pipeline.disclosures.readers import SourceError
from llm_pipeline.disclosures.readers.location import find_documents, open_document

PATTERNS = ("*.json", "*.json.gz")


class _Served(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/gone.json":
            self.send_error(404)
            return
        body = gzip.compress(b"[1]") if self.path.endswith(".gz") else b"[1]"
        self.send_response(200)
        # A body shorter than announced is what a dropped connection looks like.
        self.send_header("Content-Length", str(len(body) + (100 if "cut" in self.path else 0)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Served)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def content(location: str | Path, limit: int = 1000) -> list[bytes]:
    read = []
    for document in find_documents(location, PATTERNS):
        with open_document(document, limit=limit) as stream:
            read.append(stream.read())
    return read


def test_a_folder_gives_its_files_in_order(tmp_path: Path) -> None:
    (tmp_path / "b.json").write_bytes(b"2")
    (tmp_path / "a.json.gz").write_bytes(gzip.compress(b"1"))
    (tmp_path / "readme.txt").write_bytes(b"no")
    assert content(tmp_path) == [b"1", b"2"]
    assert content(f"{tmp_path}/*.json") == [b"2"]
    assert content(f"{tmp_path}/b.json, {tmp_path}/a.json.gz") == [b"2", b"1"]


def test_files_of_one_name_get_distinct_names(tmp_path: Path) -> None:
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "day.json").write_bytes(b"1")
    assert [d.name for d in find_documents(tmp_path, PATTERNS)] == ["day.json", "day.json~2"]


def test_a_url_is_read_and_decompressed(site: str) -> None:
    assert content(f"{site}/day.json") == [b"[1]"]
    assert content(f"{site}/day.json.gz") == [b"[1]"]


@pytest.mark.parametrize("path", ["gone.json", "cut.json"])
def test_a_url_that_fails_is_an_error_naming_it(site: str, path: str) -> None:
    with pytest.raises(SourceError, match=path):
        content(f"{site}/{path}")


def test_a_server_that_does_not_answer_is_an_error() -> None:
    with pytest.raises(SourceError, match=r"127\.0\.0\.1:1/"):
        content("http://127.0.0.1:1/day.json")


@pytest.mark.parametrize("keep", [10, -4])
def test_a_cut_off_gzip_is_an_error(tmp_path: Path, keep: int) -> None:
    file = tmp_path / "day.json.gz"
    file.write_bytes(gzip.compress(b"x" * 500)[:keep])
    with pytest.raises(SourceError, match=r"day\.json\.gz"):
        content(file)


def test_a_decompression_bomb_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "day.json.gz"
    file.write_bytes(gzip.compress(b"0" * 5000))
    with pytest.raises(SourceError, match="more than the allowed"):
        content(file)


def test_a_location_that_names_nothing_is_an_error(tmp_path: Path) -> None:
    for location in (tmp_path, tmp_path / "nothing.json", ""):
        with pytest.raises(SourceError):
            find_documents(str(location), PATTERNS)
