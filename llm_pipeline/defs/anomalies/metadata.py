"""A detection run's numbers as Dagster shows them, with one picture of the strongest new candidate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dagster as dg

from llm_pipeline.anomalies.account import CandidateAccount
from llm_pipeline.anomalies.detection.candidates import Candidate
from llm_pipeline.anomalies.detection.trade import Trade
from llm_pipeline.anomalies.report import BaselineReport, CandidateReport, SignalReport
from llm_pipeline.anomalies.signal_store import TradingSignalCounts
from llm_pipeline.defs.prompt_metadata import prompt_metadata
from llm_pipeline.defs.tables import table

BASELINE_COLUMNS = dg.TableSchema(
    columns=[
        dg.TableColumn("filer", "text", description="name as shown"),
        dg.TableColumn("as_of_date", "date", description="only what was public then counts"),
        dg.TableColumn("window_days", "int", description="the 12 months lie before the window of so many days"),
        dg.TableColumn("n_trades", "int", description="trades in those 12 months"),
        dg.TableColumn("monthly_mean", "double precision", description="trades a month"),
        dg.TableColumn("monthly_sd", "double precision", description="its standard deviation over the months"),
        dg.TableColumn("amount_index_mean", "double precision", description="mean amount range, 1-11"),
    ]
)
CANDIDATE_COLUMNS = dg.TableSchema(
    columns=[
        dg.TableColumn("candidate_id", "text", description="the same episode found again has the same id"),
        dg.TableColumn("filers", "text[]", description="one, or those of a coordinated pattern"),
        dg.TableColumn("classification", "text", description="one of five"),
        dg.TableColumn("evidence", "jsonb", description="every number with its n and its method"),
        dg.TableColumn("first_seen", "date", description="as-of date of the evidence"),
        dg.TableColumn("last_seen", "date", description="last as-of date on which it was seen"),
    ]
)
SIGNAL_COLUMNS = dg.TableSchema(
    columns=[
        dg.TableColumn("signal_id", "text", description="deterministic from the candidate"),
        dg.TableColumn("filer", "text"),
        dg.TableColumn("classification", "text"),
        dg.TableColumn("severity", "text", description="low, medium, high or critical"),
        dg.TableColumn("confidence", "int", description="0-10, the model's"),
        dg.TableColumn("review_status", "text", description="pending until a human decides"),
    ]
)
TRADING_COLUMNS = dg.TableSchema(
    columns=[
        dg.TableColumn("ticker", "text"),
        dg.TableColumn("signal_type", "text", description="buy, sell or hold"),
        dg.TableColumn("confidence_score", "numeric", description="0-1"),
        dg.TableColumn("anomaly_signal_id", "text", description="the signal it was made from"),
        dg.TableColumn("review_status", "text", description="anonymous readers see only approved ones"),
    ]
)
SHOWN_CANDIDATES = 15


def baseline_metadata(report: BaselineReport) -> dict[str, Any]:
    """Numbers of a baseline run."""
    return {
        "status": "stored" if report.rows else "no validated trade is known yet",
        "dagster/row_count": report.rows,
        "rows_written": report.written,
        "filers": report.filers,
        "filers_of_short_history": report.short_history,
    }


def candidate_metadata(report: CandidateReport, picture: str | None) -> dict[str, Any]:
    """Numbers of a candidate run, the new candidates, and a picture of the strongest."""
    metadata: dict[str, Any] = {
        "status": "no validated trade became known" if not report.trades else f"{len(report.new)} new candidates",
        "dagster/row_count": len(report.new),
        "as_of_dates_with_disclosures": report.days,
        "trades_evaluated": report.trades,
        "trades_excluded": sum(report.excluded.values()),
        "sightings": report.sightings,
        "new_candidates": len(report.new),
    }
    if report.load is not None:
        metadata["new_per_filer_month"] = round(report.load, 3)
    if report.excluded:
        metadata["excluded_by_reason"] = dict(report.excluded)
    if report.new:
        metadata["candidates"] = table(
            {"classification": "string", "filer": "string", "as of": "string", "trades": "int", "adjusted p": "string"},
            [_candidate_row(one) for one in strongest(report.new)],
        )
    if picture:
        metadata["strongest_candidate"] = dg.MetadataValue.md(picture)
    return metadata


def strongest(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The candidates with the smallest adjusted p first, at most 15."""
    return sorted(candidates, key=lambda one: (one.adjusted_p, one.p_value, one.candidate_id))[:SHOWN_CANDIDATES]


def candidate_picture(candidate: Candidate, trades: Sequence[Trade]) -> str:
    """Markdown with a picture: the trades over time with events, and counts against the months before."""
    from llm_pipeline.anomalies.plot import data_uri, draw_evidence  # matplotlib takes 0.4 s to import

    png = draw_evidence(trades, frozenset(candidate.trade_ids), candidate.events, candidate.as_of_date, "png")
    names = ", ".join(candidate.filers).replace("[", "(").replace("]", ")")
    return (
        f"**{candidate.classification}**, {names}, as of {candidate.as_of_date}\n\n![trades over time]({data_uri(png)})"
    )


def _candidate_row(candidate: Candidate) -> dict[str, Any]:
    return {
        "classification": candidate.classification,
        "filer": ", ".join(candidate.filers)[:120],
        "as of": str(candidate.first_seen),
        "trades": len(candidate.trade_ids),
        "adjusted p": f"{candidate.adjusted_p:.2g}",
    }


_SIGNALS_SHOWN = {
    **dict.fromkeys(("as_of", "filer", "classification", "severity"), "string"),
    "confidence": "int",
    **dict.fromkeys(("review_status", "signal_id"), "string"),
}


def signal_metadata(
    report: SignalReport,
    account: CandidateAccount,
    strongest: Sequence[dict[str, Any]],
    newer_prompt: str | None = None,
) -> dict[str, Any]:
    """Counts, tokens, latency and cost of a run with a model, and the strongest signals of the window."""
    metadata: dict[str, Any] = {
        "status": _headline(report),
        "dagster/row_count": account.signals,
        "candidates": account.candidates,
        "signals": account.signals,
        "rejected": account.rejected,
        "ungrounded": account.ungrounded,
        "failed": account.failed,
        "decided_before": report.decided_before,
        "episodes_grown": report.grown,
        "model_calls": report.calls,
        "cache_hits": report.cache_hits,
        **prompt_metadata(report.prompt_version, newer_prompt),
    }
    if report.cases:
        metadata |= {
            "model": ", ".join(sorted(report.models)) or "none",
            "most_tokens_in_a_call": report.most_tokens,
            "input_tokens": report.input_tokens,
            "output_tokens": report.output_tokens,
            "cost_usd": report.cost_usd,
            "claims_refused": sum(report.claims.values()),
        }
    if report.claims:
        metadata["claims_by_reason"] = dict(report.claims.most_common(20))
    if strongest:
        metadata["strongest_signals"] = table(_SIGNALS_SHOWN, strongest)
    return metadata


def _headline(report: SignalReport) -> str:
    if not report.candidates:
        return "no candidate in this window"
    if report.stopped:
        return f"stopped: {report.stopped}"
    if report.decided_before == report.candidates:
        return f"all {report.candidates} were decided before"
    return f"{report.decided} decided, {report.outcomes['failed']} without an answer"


def trading_metadata(counts: TradingSignalCounts) -> dict[str, Any]:
    """Numbers of the trading signals of a window."""
    return {
        "status": "stored" if counts.total else "no signal of confidence 7 or more in this window",
        "dagster/row_count": counts.total,
        "signals": counts.signals,
        "buy": counts.buy,
        "sell": counts.sell,
        "hold": counts.hold,
    }
