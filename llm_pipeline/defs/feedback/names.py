"""Names of the group's assets, used by assets, checks, metadata and automation."""

from __future__ import annotations

GROUP = "feedback"

OUTCOMES = "signal_outcomes"
SCORECARDS = "scorecards"
RECOMMENDATIONS = "prompt_recommendations"
