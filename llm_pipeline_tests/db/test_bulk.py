"""Hostile text and many rows go in, and come back as they should."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llm_pipeline.db.bulk import as_jsonb_rows, clean_json, clean_text, copy_into, json_text

ANY_TEXT = st.text(st.characters(exclude_categories=()))
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=12,
)
shared_database = settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@given(ANY_TEXT)
def test_cleaned_text_has_the_same_length_and_is_storable(text):
    cleaned = clean_text(text)
    assert len(cleaned) == len(text)
    assert "\x00" not in cleaned
    assert cleaned.encode().decode() == cleaned
    assert clean_text(cleaned) == cleaned


@given(st.text())
def test_text_without_nul_is_left_as_it_is(text):
    assert clean_text(text.replace("\x00", "")) == text.replace("\x00", "")


@shared_database
@given(ANY_JSON)
def test_any_json_survives_jsonb(db, value):
    (back,) = db.execute("SELECT %s::jsonb", [json_text(value)]).fetchone()
    assert back == clean_json(value)


@shared_database
@given(st.lists(st.tuples(ANY_TEXT, st.none() | ANY_TEXT), max_size=20))
def test_any_text_survives_copy(db, rows):
    with db.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS copied")
        cursor.execute("CREATE TEMPORARY TABLE copied (n integer, a text, b text)")
        count = copy_into(cursor, "copied", ["n", "a", "b"], [(n, *row) for n, row in enumerate(rows)])
        back = cursor.execute("SELECT a, b FROM copied ORDER BY n").fetchall()
    assert count == len(rows)
    assert back == [(clean_text(a), None if b is None else clean_text(b)) for a, b in rows]


def test_a_row_set_takes_the_types_of_the_table(db):
    db.execute("CREATE TABLE found (id uuid, amount integer, day timestamptz, note varchar(20), raw jsonb)")
    identity = UUID("11111111-2222-5333-8444-555555555555")
    rows = [{"id": identity, "amount": Decimal("1001"), "day": date(2020, 3, 1), "note": "a\x00\ud800{{b}}",
             "raw": {"k\x00": ["\udfff", datetime(2020, 3, 1, tzinfo=UTC)]}}]  # fmt: skip
    db.execute("INSERT INTO found SELECT * FROM jsonb_populate_recordset(NULL::found, %s)", [as_jsonb_rows(rows)])
    assert db.execute("SELECT * FROM found").fetchone() == (
        identity, 1001, datetime(2020, 3, 1, tzinfo=UTC), "a␀\ufffd{{b}}",
        {"k␀": ["\ufffd", "2020-03-01T00:00:00+00:00"]},
    )  # fmt: skip


def test_mappings_are_copied_as_json_and_lists_as_arrays(db):
    with db.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE copied (raw jsonb, names text[])")
        copy_into(cursor, "copied", ["raw", "names"], [({"a": ["\x00", 1]}, ["x\x00", "y"])])
        assert cursor.execute("SELECT * FROM copied").fetchone() == ({"a": ["␀", 1]}, ["x␀", "y"])


def test_a_huge_field_passes(db):
    text = "x" * 5_000_000 + "\x00"
    (length,) = db.execute("SELECT length(%s::jsonb ->> 0)", [json_text([text])]).fetchone()
    assert length == len(text)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {"deep": [float("-inf")]}])
def test_a_number_that_json_lacks_is_refused(value):
    with pytest.raises(ValueError):
        json_text(value)


def test_a_type_that_json_lacks_is_named():
    with pytest.raises(TypeError, match="bytes"):
        json_text({"a": b"raw"})


def test_rows_are_one_line_of_json():
    assert json.loads(as_jsonb_rows([{"a": "x\ny"}])) == [{"a": "x\ny"}]
