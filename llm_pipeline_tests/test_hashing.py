"""Canonical JSON: one encoding per value, and refusal of what has none."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_pipeline.hashing import canonical_json, hash_of, sha256_hex

scalars = st.none() | st.booleans() | st.integers() | st.text()
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


@given(values)
def test_canonical_json_reads_back_as_the_same_value(value: object) -> None:
    assert json.loads(canonical_json(value)) == value


@given(st.dictionaries(st.text(), scalars, min_size=2))
def test_the_order_of_keys_does_not_matter(value: dict[str, object]) -> None:
    assert hash_of(value) == hash_of(dict(reversed(value.items())))


def test_a_lone_surrogate_still_has_a_hash() -> None:
    assert hash_of({"name": "a\ud800"}) != hash_of({"name": "a"})


@pytest.mark.parametrize(
    "value",
    [1.5, {"a": [{"b": float("nan")}]}, {1: "a"}, {"a": (2, 0.1)}, object()],
)
def test_what_has_no_canonical_form_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        canonical_json(value)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(TypeError, match="zone"):
        canonical_json({"at": datetime(2024, 1, 1, tzinfo=UTC).replace(tzinfo=None)})


def test_dates_times_and_decimals_are_written_as_text() -> None:
    value = {"day": date(2024, 2, 29), "at": datetime(2024, 2, 29, 1, 2, tzinfo=UTC), "amount": Decimal("15000.00")}
    assert canonical_json(value) == b'{"amount":"15000","at":"2024-02-29T01:02:00+00:00","day":"2024-02-29"}'


def test_the_hash_is_plain_sha256() -> None:
    assert sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
