"""The data objects of the anomaly_detection prompt: a case as a model sees it, compact. Pure.

Belongs here: what of candidates, trades, events and baselines a model is shown. The instructions are in
`prompts/anomaly_detection.txt`, the fence around the data is the prompt registry's.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from llm_pipeline.anomalies.case import Case, restated
from llm_pipeline.anomalies.detection.candidates import Candidate
from llm_pipeline.anomalies.detection.trade import Trade
from llm_pipeline.disclosures.amounts import label_for

LONGEST_TEXT = 80
"""Characters of an asset's description or an event's title that a model sees; hostile ones are longer."""
_LEFT_OUT = frozenset({"window_days", "overdispersion", "exact_rate_ratio_p", "poisson_p", "pooled_ticker_share"})


def _number(value: Decimal | None) -> int | float | None:
    """As JSON: whole numbers without a point, others with at most four significant digits."""
    if value is None:
        return None
    if value == value.to_integral_value():
        return int(value)
    return float(f"{value:.4g}")


def _candidate(case: Case, candidate: Candidate) -> dict[str, Any]:
    return {
        "candidate_id": candidate.candidate_id,
        "classification": candidate.classification,
        "subject": candidate.subject[:LONGEST_TEXT],
        "filers": list(candidate.filers),
        "first_trade": candidate.window_start.isoformat(),
        "last_trade": candidate.window_end.isoformat(),
        "trades_total": len(candidate.trade_ids),
        "trades_shown": len(case.shown[candidate.candidate_id]),
        "restate": vars(restated(candidate)),
        "numbers": [
            {"name": one.name, "value": _number(one.value), "n": one.n, "method": one.method}
            for one in candidate.measures
            if one.name not in _LEFT_OUT
        ],
        "p_after_false_discovery_control": _number(candidate.adjusted_p),
        "tests_that_day": candidate.family_size,
        "cautions": list(candidate.cautions),
        "events": [
            {
                "event_id": near.event.event_id,
                "days_before": near.days_before,
                "trades_before": near.trades_before,
                "trades_after": near.trades_after,
            }
            for near in case.events_of(candidate)
        ],
        "events_total": len(candidate.events),
    }


def _record(case: Case, trade: Trade, several_filers: bool) -> dict[str, Any]:
    record: dict[str, Any] = {
        "record_id": trade.record_id,
        "candidate_ids": [one for one, ids in case.shown.items() if trade.record_id in ids],
        "date": trade.transaction_date.isoformat(),
        "ticker": trade.ticker,
        "side": trade.side,
        "amount": label_for(trade.amount_low, trade.amount_high) or None,
    }
    if trade.ticker is None:
        record["asset"] = trade.asset_description[:LONGEST_TEXT]
    if several_filers:
        record["filer"] = trade.filer[:LONGEST_TEXT]
    return record


def case_variables(case: Case) -> dict[str, Any]:
    """The template's variables that depend on the case."""
    several = len(case.filers) > 1
    trades = sorted(case.trades.values(), key=lambda one: (one.transaction_date, one.record_id))
    days = [trade.transaction_date for trade in trades]
    return {
        "start_date": min(days).isoformat(),
        "end_date": case.as_of.isoformat(),
        "filer_names_or_ALL": list(case.filers),
        "calendar_events_json": [
            {
                "event_id": near.event.event_id,
                "kind": near.event.kind,
                "date": near.event.day.isoformat(),
                "title": near.event.title[: 2 * LONGEST_TEXT],
                "committee": near.event.committee_code,
                "sectors": list(near.event.sectors),
            }
            for near in case.events
        ],
        "trading_records_json": [_record(case, trade, several) for trade in trades],
        "baseline_stats_json": [
            {
                "filer": one.filer,
                "trades": one.trades,
                "months_observed": _number(one.months_observed),
                "monthly_mean": _number(one.monthly_mean),
                "monthly_sd": _number(one.monthly_sd),
                "mean_amount_index": _number(one.mean_amount_index),
            }
            for one in case.baselines
        ],
        "candidates_json": [_candidate(case, one) for one in case.candidates],
    }
