"""Windows with enough filers, all at once, against one window after another."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_pipeline.anomalies.detection.gatherings import gatherings

DAYS, LEAST = 3, 2
places = st.tuples(st.integers(0, 12), st.integers(0, 2), st.integers(0, 4))
"""Day, code and filer of a trade."""


@settings(max_examples=300, deadline=None)
@given(st.lists(places, max_size=30), st.lists(places, min_size=1, max_size=6))
def test_a_filer_looks_at_every_window_that_holds_its_own_day_and_enough_filers(
    known: list[tuple[int, int, int]], own: list[tuple[int, int, int]]
) -> None:
    columns = [np.array(column, np.int64) for column in zip(*sorted(known), strict=True)] or [np.zeros(0, int)] * 3
    found = gatherings(*columns, *np.array(own).T, days=DAYS, least=lambda codes: np.full(codes.shape, LEAST))
    looks = set()
    for start, code in {(day, code) for day, code, _ in known}:
        members = {filer for day, same, filer in known if same == code and start <= day < start + DAYS}
        near = {filer for day, same, filer in own if same == code and start <= day < start + DAYS}
        if len(members) >= LEAST:
            looks |= {(start, code, len(members) - 1, filer) for filer in near & members}
    windows = list(zip(found.start.tolist(), found.code.tolist(), found.others.tolist(), strict=True))
    assert windows == sorted(windows)
    told = [(*windows[i], filer) for i, filer in zip(found.window.tolist(), found.filer.tolist(), strict=True)]
    assert set(told) == looks
    assert len(told) == len(looks)
    assert set(found.window.tolist()) == set(range(len(windows)))
