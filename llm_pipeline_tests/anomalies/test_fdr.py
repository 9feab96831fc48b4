from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from llm_pipeline.anomalies.detection.fdr import adjusted_p_values


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_adjusted_p_values_agree_with_statsmodels(p_values: list[float]) -> None:
    expected = multipletests(p_values, method="fdr_bh")[1]
    assert adjusted_p_values(p_values) == pytest.approx(list(expected))


@given(st.lists(st.floats(0, 1), min_size=2, max_size=20), st.randoms())
def test_the_order_of_trials_does_not_matter(p_values: list[float], random: object) -> None:
    order = list(range(len(p_values)))
    random.shuffle(order)  # type: ignore[attr-defined]
    straight = adjusted_p_values(p_values)
    shuffled = adjusted_p_values([p_values[i] for i in order])
    assert [straight[i] for i in order] == pytest.approx(shuffled)


def test_weights_share_the_level_unequally_and_keep_it() -> None:
    p_values = [0.02, 0.02, 0.9, 0.9]
    assert adjusted_p_values(p_values, [3, 1, 2, 2]) == pytest.approx(
        list(multipletests([0.02 * 2 / 3, 0.04, 0.9, 0.9], method="fdr_bh")[1])
    )
    assert adjusted_p_values(p_values, [7, 7, 7, 7]) == pytest.approx(adjusted_p_values(p_values))
    rng = np.random.default_rng(3)
    days = [adjusted_p_values(rng.uniform(size=14).tolist(), [3, 1, 1, 1, 0.5, 0.25, 0.25] * 2) for _ in range(4000)]
    assert np.mean([min(day) <= 0.05 for day in days]) <= 0.058
    for wrong in ([1.0], [1.0, 1.0, 0.0, 1.0]):
        with pytest.raises(ValueError, match="as many weights above 0"):
            adjusted_p_values(p_values, wrong)


def test_without_any_anomaly_a_day_has_an_alert_at_most_as_often_as_the_level_says() -> None:
    rng = np.random.default_rng(2)
    days = [adjusted_p_values(rng.uniform(size=18).tolist()) for _ in range(4000)]
    assert np.mean([min(day) <= 0.05 for day in days]) <= 0.058


def test_no_trials_give_no_p_values_and_nonsense_is_refused() -> None:
    assert adjusted_p_values([]) == []
    with pytest.raises(ValueError, match="within 0 and 1"):
        adjusted_p_values([0.2, 1.5])
