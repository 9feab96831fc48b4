"""Brier score and expected calibration error against the formulas written out with numpy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_pipeline.feedback.calibration import calibrate


@given(st.lists(st.tuples(st.integers(0, 10), st.booleans()), min_size=1, max_size=60))
def test_brier_and_ece_are_the_formulas(pairs):
    confidences, hits = [c for c, _ in pairs], [hit for _, hit in pairs]
    p, y = np.array(confidences) / 10, np.array(hits, dtype=float)
    found = calibrate(confidences, hits)
    assert found.brier == pytest.approx(np.mean((p - y) ** 2))
    weight = {c: np.mean(p == c / 10) for c in set(confidences)}
    assert found.ece == pytest.approx(sum(weight[c] * abs(y[p == c / 10].mean() - c / 10) for c in weight))
    assert sum(one.hits.n for one in found.bins) == len(pairs)
    assert [one.confidence for one in found.bins] == sorted(set(confidences))


def test_a_perfect_forecast_and_a_wrong_one():
    assert calibrate([10, 0, 10], [True, False, True]).brier == 0
    assert calibrate([10, 0], [False, True]).brier == 1
    assert calibrate([5] * 4, [True, False] * 2).ece == 0


def test_without_signals_there_is_no_score():
    nothing = calibrate([], [])
    assert (nothing.brier, nothing.ece, nothing.bins) == (None, None, ())
