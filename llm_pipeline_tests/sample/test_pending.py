from __future__ import annotations

import json
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_pipeline.sample.pending import pending_set
from llm_pipeline.sample.trading_days import is_open
from llm_pipeline_tests.steps import steps

END = date(2026, 11, 21)


def test_rows_are_distinct_trades_that_wait_and_became_public_before_the_end():
    made = pending_set(5_000, end=END)
    rows = made.disclosures
    assert len(rows) == len({row["id"] for row in rows}) == 5_000
    assert len({(r["politician_id"], r["asset_ticker"], r["transaction_date"]) for r in rows}) == 5_000
    assert {row["llm_validation_status"] for row in rows} == {"pending"}
    assert all(row["disclosure_date"] < END.isoformat() for row in rows)
    assert all(is_open(date.fromisoformat(row["transaction_date"])) for row in rows)
    assert {row["politician_id"] for row in rows} <= {person["id"] for person in made.politicians}
    assert made.defects == 0


def test_a_share_of_defects_keeps_what_was_filed_beside_the_empty_column():
    made = pending_set(1_000, end=END, defect_share=0.1)
    bad = [row for row in made.disclosures if row["transaction_date"] is None]
    assert len(bad) == made.defects == 100
    assert {row["raw_data"]["as_filed"]["transaction_date"] for row in bad} == {"02/30/2020"}


def test_ten_times_as_many_rows_take_ten_times_as_many_steps():
    few, many = (steps(lambda n=n: pending_set(n, end=END)) for n in (500, 5_000))
    assert many < 12 * few


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 300), st.integers(0, 9), st.floats(0, 1))
def test_rows_are_json_and_the_same_for_the_same_seed(n, seed, share):
    one, two = (pending_set(n, end=END, seed=seed, defect_share=share) for _ in range(2))
    assert json.dumps(one.disclosures) == json.dumps(two.disclosures)
    assert len(one.disclosures) == n
    assert abs(one.defects - n * share) <= 1


@pytest.mark.parametrize(("n", "share"), [(-1, 0.0), (1, 1.5)])
def test_senseless_numbers_are_refused(n, share):
    with pytest.raises(ValueError, match="defect_share"):
        pending_set(n, end=END, defect_share=share)
