"""How well a confidence of 0-10, read as a probability in tenths, foretold hits; pure.

Brier (1950), Mon. Weather Rev. 78, 1-3: the mean of (p - y)^2. Expected calibration error (Naeini, Cooper & Hauskrecht
2015, AAAI): the bins' |hit rate - p| weighed with their size; a bin is one confidence, so p is the same in all of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from llm_pipeline.feedback.intervals import wilson
from llm_pipeline.feedback.scorecard import Calibration, CalibrationBin


def calibrate(confidences: Sequence[int], hits: Sequence[bool]) -> Calibration:
    """Brier score, bins and ECE of closed signals; without signals None and no bins."""
    n = len(hits)
    if n == 0:
        return Calibration(None, None, ())
    sizes, won = Counter(confidences), Counter(c for c, hit in zip(confidences, hits, strict=True) if hit)
    bins = tuple(CalibrationBin(c, wilson(won[c], sizes[c])) for c in sorted(sizes))
    brier = sum((c / 10 - hit) ** 2 for c, hit in zip(confidences, hits, strict=True)) / n
    ece = sum(sizes[c] * abs(won[c] / sizes[c] - c / 10) for c in sorted(sizes)) / n
    return Calibration(brier, ece, bins)
