"""Names of the group's asset, job and sensor."""

from __future__ import annotations

GROUP = "lineage"
REPORTS = "lineage_reports"
