"""Names of the group's assets and checks, used by assets, checks, metadata and automation."""

from __future__ import annotations

GROUP = "anomalies"

BASELINES = "baseline_stats"
CANDIDATES = "anomaly_candidates"
SIGNALS = "anomaly_signals"
TRADING = "trading_signals"

REFERENCE = ("legislators", "committee_assignments", "legislative_calendar", "ticker_sectors")
"""Assets of the group `reference` that detection reads."""
