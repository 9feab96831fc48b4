"""The checks of the reference assets: their names, and what a refresh found turned into results."""

from __future__ import annotations

import dagster as dg

from llm_pipeline.defs.check_results import problems_result
from llm_pipeline.reference.refresh import EVERY_ROW_READ, NOT_EMPTY, Refresh

WARNINGS = frozenset({"members_are_legislators", "prices_on_trading_days"})
"""Worth a look, but the data are used all the same."""

_DESCRIPTIONS = {
    NOT_EMPTY: "There is something in the table; a warning only while no source is configured.",
    EVERY_ROW_READ: "Every row of the source could be read. The others are stored all the same.",
    "every_legislator_has_a_term": "Every legislator served at least one term.",
    "no_overlapping_spells": "Nobody holds one seat twice on a day.",
    "members_are_legislators": "Everybody on a committee is a known legislator.",
    "events_have_ids_and_dates": "Every event has an id, a title, a possible day and sectors of GICS.",
    "sectors_are_gics": "Every sector of a ticker, today's or earlier, or of a committee is one of the eleven of GICS.",
    "prices_positive_one_a_day": "Every price is positive and the only one of its ticker and day.",
    "prices_on_trading_days": "No price is of a day on which the exchange was closed.",
}


def check_specs(asset: str, *names: str) -> list[dg.AssetCheckSpec]:
    """The checks of one reference asset: the two of all, and its own."""
    return [
        dg.AssetCheckSpec(name, asset=asset, description=_DESCRIPTIONS[name])
        for name in (NOT_EMPTY, EVERY_ROW_READ, *names)
    ]


def refresh_checks(asset: str, refresh: Refresh) -> list[dg.AssetCheckResult]:
    """One result per spec."""
    return [
        problems_result(asset, name, problems, severity=_severity(name, refresh))
        for name, problems in refresh.findings.items()
    ]


def _severity(name: str, refresh: Refresh) -> dg.AssetCheckSeverity:
    unconfigured = name == NOT_EMPTY and not refresh.sources
    return dg.AssetCheckSeverity.WARN if name in WARNINGS or unconfigured else dg.AssetCheckSeverity.ERROR
