"""The figures of a disagreement matrix, against statsmodels."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from statsmodels.stats.inter_rater import cohens_kappa
from statsmodels.stats.proportion import proportion_confint

from llm_pipeline.replay.agreement import MOST_LABELS, Agreement, agreement_of

LABELS = ("pass", "flag", "reject")
PAIRS = st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)), min_size=1, max_size=200)


def agreement(pairs: list[tuple[str, str]]) -> Agreement:
    return agreement_of((then, now, count) for (then, now), count in Counter(pairs).items())


@given(PAIRS)
def test_the_interval_is_wilsons(pairs: list[tuple[str, str]]) -> None:
    found = agreement(pairs)
    low, high = proportion_confint(sum(a == b for a, b in pairs), len(pairs), method="wilson")
    assert found.interval == pytest.approx((low, high), abs=1e-9)
    assert found.rate == pytest.approx(np.mean([a == b for a, b in pairs]))


@given(PAIRS)
def test_kappa_is_cohens(pairs: list[tuple[str, str]]) -> None:
    table = np.array([[sum(pair == (a, b) for pair in pairs) for b in LABELS] for a in LABELS])
    by_chance = (table.sum(axis=1) * table.sum(axis=0)).sum() / table.sum() ** 2
    assume(by_chance < 1)
    assert agreement(pairs).kappa == pytest.approx(cohens_kappa(table).kappa, abs=1e-9)


def test_kappa_is_not_defined_where_both_always_say_the_same() -> None:
    found = agreement([("pass", "pass")] * 9)
    assert (found.rate, found.kappa) == (1.0, None)


def test_items_without_an_answer_count_beside_the_matrix_and_not_as_agreement() -> None:
    found = agreement_of([("pass", "pass", 6), ("flag", "pass", 2), ("pass", None, 5), ("reject", None, 1)])
    assert (found.n, found.agreed, found.rate) == (8, 6, 0.75)
    assert found.as_json()["unanswered"] == 6
    assert found.markdown().splitlines() == [
        "| baseline \\ candidate | flag | pass | reject | no answer |",
        "|---|---:|---:|---:|---:|",
        "| flag | 0 | 2 | 0 | 0 |",
        "| pass | 0 | 6 | 0 | 5 |",
        "| reject | 0 | 0 | 0 | 1 |",
    ]
    assert "6 of 8 items agree: 75.0 %".replace(" %", "%") in found.headline()
    assert found.headline().endswith("6 without an answer of the candidate")


def test_nothing_to_compare_has_no_rate_instead_of_a_perfect_or_an_empty_one() -> None:
    found = agreement_of([])
    assert (found.rate, found.interval, found.kappa) == (None, None, None)
    assert found.markdown() == "nothing to compare"


def test_hashes_of_whole_answers_make_no_matrix() -> None:
    found = agreement_of((f"h{n}", f"h{n}", 1) for n in range(MOST_LABELS + 1))
    assert found.markdown() == "13 different answers: no matrix"
    assert found.agreed == 13


def test_a_label_stays_in_its_cell() -> None:
    found = agreement_of([("a|b\n# c", "ok", 1)])
    assert found.markdown().splitlines()[2:] == ["| a\\|b # c | 0 | 1 | 0 |", "| ok | 0 | 0 | 0 |"]
