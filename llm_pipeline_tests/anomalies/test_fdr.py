from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from llm_pipeline.anomalies.fdr import adjusted_p_values


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


def test_without_any_anomaly_a_day_has_an_alert_at_most_as_often_as_the_level_says() -> None:
    rng = np.random.default_rng(2)
    days = [adjusted_p_values(rng.uniform(size=18).tolist()) for _ in range(4000)]
    assert np.mean([min(day) <= 0.05 for day in days]) <= 0.058


def test_no_trials_give_no_p_values_and_nonsense_is_refused() -> None:
    assert adjusted_p_values([]) == []
    with pytest.raises(ValueError, match="within 0 and 1"):
        adjusted_p_values([0.2, 1.5])
