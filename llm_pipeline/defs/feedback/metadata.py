"""A feedback run's numbers as Dagster shows them, with pictures of calibration and of alpha against chance."""

from __future__ import annotations

from typing import Any

import dagster as dg

from llm_pipeline.defs.tables import table
from llm_pipeline.feedback.rules import FeedbackRules
from llm_pipeline.feedback.scorecard import ALL, Interval, PeriodScorecards, Rate, Scorecard
from llm_pipeline.feedback.service import OutcomeReport, ScorecardReport

OUTCOME_COLUMNS = dg.TableSchema(
    columns=[
        dg.TableColumn("signal_id", "text"),
        dg.TableColumn("ticker", "text", description="as suggested; -- where none is"),
        dg.TableColumn("horizon_days", "int", description="trading days from entry to exit"),
        dg.TableColumn("status", "text", description="closed, open or no_price"),
        dg.TableColumn("entry_date", "date", description="first close after the disclosure became public"),
        dg.TableColumn("return_pct", "double precision", description="of a position in the signal's direction"),
        dg.TableColumn("alpha_pct", "double precision", description="return minus that of the benchmark"),
        dg.TableColumn("hit", "boolean", description="return above 0; empty for open, no_price and neutral"),
    ]
)
SCORECARD_COLUMNS = dg.TableSchema(
    columns=[
        dg.TableColumn("period_start", "date", description="first day on which a counted signal became public"),
        dg.TableColumn("period_end", "date", description="the day after the last, a Sunday"),
        dg.TableColumn("classification", "text", description="one of five, or ALL"),
        dg.TableColumn("prompt_version", "text", description="or ALL"),
        dg.TableColumn("model", "text", description="or ALL"),
        dg.TableColumn("n", "int", description="closed signals with a direction"),
        dg.TableColumn("hit_rate", "double precision", description="empty without a closed signal"),
        dg.TableColumn("brier", "double precision", description="of confidence / 10; a coin has 0.25"),
        dg.TableColumn("random_signals", "jsonb", description="what signals drawn by chance came to"),
    ]
)
_COLUMNS = {
    "signals of": "string",
    "signals": "int",
    "closed": "int",
    "hit rate": "string",
    "better than benchmark": "string",
    "mean alpha": "string",
    "random alpha": "string",
    "adjusted p": "string",
}


def outcome_metadata(report: OutcomeReport, rules: FeedbackRules) -> dict[str, Any]:
    """Numbers of a run over outcomes."""
    found = report.by_status
    metadata: dict[str, Any] = {
        "status": "stored" if report.outcomes else "no signal is known yet",
        "dagster/row_count": len(report.outcomes),
        "signals": report.signals,
        "closed": found["closed"],
        "open": found["open"],
        "no_price": found["no_price"],
        "rows_written": report.written.changed,
        "rows_removed": report.written.removed,
        "horizons": ", ".join(map(str, rules.horizons)),
    }
    if report.benchmark:
        metadata["benchmark"] = report.benchmark
    if report.reasons:
        metadata["without_price_by_reason"] = dict(report.reasons)
    return metadata


def scorecard_metadata(report: ScorecardReport) -> dict[str, Any]:
    """Numbers of the last week's scorecards, a table of its groups and two pictures."""
    if report.last is None:
        return {"status": "no week in this window"}
    card = report.last.overall
    metadata: dict[str, Any] = {
        "status": _headline(report.last),
        "dagster/row_count": sum(len(period.cards) for period in report.periods),
        "rows_written": report.changed,
        "period": f"{report.last.start} to before {report.last.end}",
        "horizon_trading_days": report.last.horizon_days,
        "benchmark": report.last.benchmark,
        "signals": card.counts.signals,
        "closed": card.counts.closed,
        "open": card.counts.open,
        "no_price": card.counts.no_price,
        "neutral": card.counts.neutral,
        "scorecards": table(_COLUMNS, [_row(one) for one in report.last.cards]),
    }
    numbers = {
        "hit_rate": card.hit_rate.value,
        "alpha_rate": card.alpha_rate.value,
        "false_positive_rate": card.false_positive_rate.value,
        "mean_alpha_pct": card.alpha.mean_pct,
        "brier": card.calibration.brier,
        "ece": card.calibration.ece,
        "percentile_among_random": card.random.percentile if card.random else None,
        "p_against_random": card.random.p_value if card.random else None,
    }
    metadata |= {name: round(value, 4) for name, value in numbers.items() if value is not None}
    return metadata | _pictures(report, card)


def _headline(period: PeriodScorecards) -> str:
    closed = period.overall.counts.closed
    return (
        f"{closed} closed signals at {period.horizon_days} trading days" if closed else "no closed signal yet: no rates"
    )


def _pictures(report: ScorecardReport, card: Scorecard) -> dict[str, Any]:
    if not card.counts.closed:
        return {}
    # matplotlib takes 0.4 s to import
    from llm_pipeline.anomalies.plot import data_uri
    from llm_pipeline.feedback.pictures import draw_calibration, draw_chance

    pictures = {"calibration": ("hit rate by confidence", draw_calibration(card.calibration))}
    if report.chance is not None:
        pictures["alpha_against_chance"] = ("mean alpha of random signals and ours", draw_chance(report.chance))
    return {name: dg.MetadataValue.md(f"![{title}]({data_uri(png)})") for name, (title, png) in pictures.items()}


def _row(card: Scorecard) -> dict[str, Any]:
    group = card.group
    return {
        "signals of": next(
            (one for one in (group.classification, group.prompt_version, group.model) if one != ALL), ALL
        ),
        "signals": card.counts.signals,
        "closed": card.counts.closed,
        "hit rate": _share(card.hit_rate),
        "better than benchmark": _share(card.alpha_rate),
        "mean alpha": _points(card.alpha.mean_pct, card.alpha.interval),
        "random alpha": _points(card.random.mean_alpha_pct, card.random.alpha_interval) if card.random else "no data",
        "adjusted p": f"{card.random.adjusted_p:.3f}" if card.random else "no data",
    }


def _share(rate: Rate) -> str:
    if rate.value is None or rate.interval is None:
        return "no data"
    return f"{rate.value:.0%} ({rate.interval.low:.0%} to {rate.interval.high:.0%})"


def _points(value: float | None, interval: Interval | None) -> str:
    if value is None:
        return "no data"
    return f"{value:+.2f}" + (f" ({interval.low:+.2f} to {interval.high:+.2f})" if interval else " (too few weeks)")
