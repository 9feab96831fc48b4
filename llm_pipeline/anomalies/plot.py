"""Pictures of evidence: a filer's trades over time with the events beside them, and counts against the baseline. Pure.

Drawn by matplotlib as SVG (for the evidence page) or PNG (for the Dagster UI, which shows PNG data addresses).
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import date, timedelta
from io import BytesIO
from typing import Any

from matplotlib import dates, rc_context
from matplotlib.figure import Figure

from llm_pipeline.anomalies.detection.trade import Trade
from llm_pipeline.anomalies.detection.trial import NearEvent

_COLOURS = {"buy": "#1b7f4d", "sell": "#b3402a", "exchange": "#6b6b6b"}
_MONTH = timedelta(days=30)
MOST_MONTHS = 15
# Fixed salt and no date in the file, so that the same evidence gives the same bytes; text stays text.
_STYLE: Any = {
    "svg.hashsalt": "evidence",
    "svg.fonttype": "none",
    "font.size": 9,
    "figure.constrained_layout.use": True,
}


def draw_evidence(
    trades: Sequence[Trade], own: frozenset[str], events: Sequence[NearEvent], as_of: date, kind: str = "svg"
) -> bytes:
    """Above: each trade by day and range index, those of the pattern filled; events as lines. Below: trades in 30-day
    periods back from the as-of date, the pattern's in colour.

    Args:
        trades: of the filers, known on the as-of date.
        own: ids of the pattern's trades.
        kind: `svg` or `png`.
    """
    with rc_context(_STYLE):
        figure = Figure(figsize=(8.4, 4.6))
        above, below = figure.subplots(2, 1, height_ratios=(3, 2), sharex=True)
        first = as_of - MOST_MONTHS * _MONTH
        shown = [one for one in trades if one.transaction_date > first]
        _timeline(above, shown, own, events)
        _periods(below, shown, own, as_of)
        below.set_xlim(dates.date2num(first), dates.date2num(as_of + timedelta(days=5)))
        locator = dates.AutoDateLocator()
        below.xaxis.set_major_locator(locator)
        below.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))
        file = BytesIO()
        figure.savefig(file, format=kind, dpi=110, metadata={"Date": None} if kind == "svg" else None)
    return file.getvalue()


def data_uri(picture: bytes, kind: str = "png") -> str:
    """A picture as an address that holds it."""
    media = "image/svg+xml" if kind == "svg" else f"image/{kind}"
    return f"data:{media};base64,{base64.b64encode(picture).decode()}"


def _timeline(axes: Any, trades: Sequence[Trade], own: frozenset[str], events: Sequence[NearEvent]) -> None:
    for near in events:
        style = "-" if near.event.kind == "hearing" else ":"
        axes.axvline(dates.date2num(near.event.day), color="#4a5fa5", linestyle=style, linewidth=1)
    for side, colour in _COLOURS.items():
        for inside in (False, True):
            some = [one for one in trades if one.side == side and (one.record_id in own) is inside]
            if some:
                axes.scatter(
                    [dates.date2num(one.transaction_date) for one in some],
                    [one.amount_index or 0 for one in some],
                    s=34 if inside else 14,
                    facecolors=colour if inside else "none",
                    edgecolors=colour,
                    alpha=0.85 if inside else 0.45,
                    label=f"{side}, pattern" if inside else f"{side}, other",
                )
    axes.set_ylabel("amount range (1-11)")
    axes.set_ylim(-0.5, 11.5)
    if trades:
        axes.legend(loc="upper left", fontsize=7, ncols=3, frameon=False)
    axes.spines[["top", "right"]].set_visible(False)


def _periods(axes: Any, trades: Sequence[Trade], own: frozenset[str], as_of: date) -> None:
    starts = [as_of - (number + 1) * _MONTH for number in range(MOST_MONTHS)]
    counts = {True: [0] * MOST_MONTHS, False: [0] * MOST_MONTHS}
    for one in trades:
        number = (as_of - one.transaction_date).days // _MONTH.days
        if 0 <= number < MOST_MONTHS:
            counts[one.record_id in own][number] += 1
    left = [dates.date2num(start) + 1 for start in starts]
    axes.bar(left, counts[False], width=27, align="edge", color="#b9bec9", label="other trades")
    axes.bar(left, counts[True], width=27, align="edge", bottom=counts[False], color="#d9822b", label="the pattern")
    before = [counts[False][n] + counts[True][n] for n in range(1, MOST_MONTHS)]
    if before:
        mean = sum(before) / len(before)
        axes.axhline(mean, color="#333333", linewidth=0.8, linestyle="--", label="mean before")
    axes.set_ylabel("trades in 30 days")
    axes.legend(loc="upper left", fontsize=7, ncols=3, frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
