"""What evidence must say about small samples; pure."""

from __future__ import annotations

from llm_pipeline.anomalies.detection.thresholds import Thresholds


def sample_cautions(baseline_trades: int, observed_days: int, thresholds: Thresholds) -> tuple[str, ...]:
    """`small_sample` and `short_history` where they apply, with the numbers."""
    cautions = []
    if baseline_trades < thresholds.short_history_trades:
        cautions.append(f"small_sample: {baseline_trades} trades in the baseline")
    if observed_days < thresholds.short_history_days:
        cautions.append(f"short_history: {observed_days} days observed")
    return tuple(cautions)
