from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_pipeline.disclosures.merkle import inclusion_proof, merkle_root
from llm_pipeline.hashing import sha256_hex

heads = st.dictionaries(st.uuids().map(str), st.integers().map(lambda n: sha256_hex(str(n))), min_size=1, max_size=40)


@given(heads)
def test_the_order_of_disclosures_does_not_matter(leaves: dict[str, str]) -> None:
    assert merkle_root(leaves) == merkle_root(dict(reversed(leaves.items())))


@given(heads, st.data())
def test_any_changed_head_changes_the_root(leaves: dict[str, str], data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(sorted(leaves)))
    assert merkle_root({**leaves, key: sha256_hex(leaves[key])}) != merkle_root(leaves)


@given(heads, st.data())
def test_a_missing_disclosure_changes_the_root(leaves: dict[str, str], data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(sorted(leaves)))
    assert merkle_root({k: v for k, v in leaves.items() if k != key}) != merkle_root(leaves)


@given(heads, st.data())
def test_a_proof_leads_to_the_root(leaves: dict[str, str], data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(sorted(leaves)))
    assert inclusion_proof(leaves, key).root() == merkle_root(leaves)


def test_a_stranger_has_no_proof() -> None:
    with pytest.raises(KeyError):
        inclusion_proof({"a": "0"}, "b")


def test_no_disclosures_have_a_root_of_their_own() -> None:
    assert merkle_root({}) == sha256_hex(b"")
