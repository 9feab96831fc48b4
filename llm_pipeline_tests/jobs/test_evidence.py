"""Bundles: bounded, redacted, and the same content is one file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_pipeline.hashing import sha256_hex
from llm_pipeline.interrogations.queued import Evidence
from llm_pipeline.jobs.evidence import Bounds, EvidenceText, EvidenceTooLargeError, bounded_texts, bundle_bytes
from llm_pipeline.llm.lake import Lake

KEY = b"k" * 32


@given(st.lists(st.text(max_size=60), max_size=12), st.integers(1, 6), st.integers(1, 40), st.integers(1, 120))
def test_no_bound_is_passed_and_every_text_is_accounted_for(
    texts: list[str], items: int, item_bytes: int, total_bytes: int
) -> None:
    given_texts = [EvidenceText(f"t{number}", text) for number, text in enumerate(texts)]
    found = bounded_texts(given_texts, KEY, Bounds(items, item_bytes, total_bytes))
    sizes = [len(one.text.encode()) for one in found.texts]
    assert len(sizes) <= items
    assert all(size <= item_bytes for size in sizes)
    assert sum(sizes) <= total_bytes
    shown = [one.evidence_id for one in found.texts]
    assert [*shown, *found.notes["left_out"]] == [one.evidence_id for one in given_texts]
    for one in found.texts:
        original = texts[int(one.evidence_id[1:])]
        if one.evidence_id not in found.notes["cut_from_bytes"] and not found.notes["redactions"]:
            assert len(one.text) == len(original)


def test_a_number_at_the_edge_of_the_cut_is_not_shown_in_part() -> None:
    text = "x" * 20 + " 123-45-6789"
    found = bounded_texts([EvidenceText("a", text)], KEY, Bounds(item_bytes=26))
    assert "123" not in found.texts[0].text
    assert found.notes["cut_from_bytes"] == {"a": len("x" * 20 + " [redacted: ssn]")}


def test_what_was_redacted_is_nowhere_in_the_bundle() -> None:
    secrets = ["jane@mail.example", "123-45-6789", "00012345678"]
    text = f"Mail {secrets[0]}, number {secrets[1]}, account {secrets[2]}."
    found = bounded_texts([EvidenceText("a", text)], KEY)
    content = bundle_bytes("k", Evidence({"evidence_json": [vars(one) for one in found.texts]}, None, found.notes))
    assert all(secret.encode() not in content for secret in secrets)
    assert [one["kind"] for one in json.loads(content)["notes"]["redactions"]] == ["email", "ssn", "account"]


def test_the_same_content_is_one_file_whatever_its_order_of_keys(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    contents = [bundle_bytes("k", Evidence({"a": 1, "b": {"c": 2, "d": 3}})),
                bundle_bytes("k", Evidence({"b": {"d": 3, "c": 2}, "a": 1}))]  # fmt: skip
    uris = {lake.write_content("evidence_bundle", one) for one in contents}
    (file,) = [one for one in tmp_path.rglob("*") if one.is_file()]
    assert uris == {str(file)}
    assert lake.read(str(file), sha256_hex(contents[0])) == contents[0]
    assert lake.write_content("evidence_bundle", b"{}") != str(file)


def test_a_damaged_file_is_written_anew(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    uri = lake.write_content("evidence_bundle", b"{}")
    Path(uri).write_bytes(b"broken")
    assert lake.write_content("evidence_bundle", b"{}") == uri
    assert lake.read(uri, sha256_hex(b"{}")) == b"{}"


def test_a_bundle_beyond_all_bounds_is_refused() -> None:
    with pytest.raises(EvidenceTooLargeError, match="1,000,000"):
        bundle_bytes("k", Evidence({"a": "x" * 1_000_001}))
