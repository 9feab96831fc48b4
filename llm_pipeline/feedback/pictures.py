"""Pictures of a scorecard: calibration, and mean alpha among random signals. Pure; PNG by matplotlib for the UI."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure

from llm_pipeline.feedback.random_signals import Chance
from llm_pipeline.feedback.scorecard import Calibration

_STYLE: Any = {"font.size": 9, "figure.constrained_layout.use": True}
_OWN, _OTHER = "#d9822b", "#b9bec9"
_CHANCE_BINS = 40


def draw_calibration(calibration: Calibration) -> bytes:
    """Hit rate of each confidence with its Wilson interval against the line of a perfect forecast; size by signals."""
    with rc_context(_STYLE):
        figure = Figure(figsize=(4.6, 3.8))
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color="#333333", linewidth=0.8, linestyle="--", label="perfect")
        for one in calibration.bins:
            if one.hits.value is None or one.hits.interval is None:
                continue
            at = one.confidence / 10
            axes.vlines(at, one.hits.interval.low, one.hits.interval.high, color=_OTHER, linewidth=2)
            axes.scatter([at], [one.hits.value], s=20 + 4 * one.hits.n, color=_OWN, zorder=3)
            axes.annotate(
                f"n={one.hits.n}", (at, one.hits.value), xytext=(6, 4), textcoords="offset points", fontsize=7
            )
        axes.set(xlabel="confidence / 10", ylabel="share of hits, 95 % interval", xlim=(0, 1.03), ylim=(-0.03, 1.03))
        axes.legend(loc="upper left", frameon=False, fontsize=8)
        return _png(figure, axes)


def draw_chance(chance: Chance) -> bytes:
    """Mean alpha of every set of random signals as bars, ours as a line."""
    with rc_context(_STYLE):
        figure = Figure(figsize=(4.6, 3.8))
        axes = figure.subplots()
        axes.hist(chance.mean_alphas, bins=_CHANCE_BINS, color=_OTHER, label="random signals")
        axes.axvline(chance.own_mean_alpha, color=_OWN, linewidth=2, label=f"ours, above {chance.percentile:.0f} %")
        axes.set(xlabel="mean alpha in percentage points", ylabel="sets of random signals")
        axes.legend(loc="upper right", frameon=False, fontsize=8)
        return _png(figure, axes)


def _png(figure: Figure, axes: Any) -> bytes:
    axes.spines[["top", "right"]].set_visible(False)
    file = BytesIO()
    figure.savefig(file, format="png", dpi=110)
    return file.getvalue()
