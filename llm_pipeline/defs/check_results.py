"""How every check of the project reports: a result with its numbers, or a count of problems with examples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dagster as dg

SHOWN = 20


def check_result(
    asset: str,
    name: str,
    passed: bool,
    *,
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR,
    **metadata: Any,
) -> dg.AssetCheckResult:
    """The result of one check, with what it looked at as metadata."""
    return dg.AssetCheckResult(check_name=name, asset_key=asset, passed=passed, severity=severity, metadata=metadata)


def problems_result(
    asset: str,
    name: str,
    problems: Sequence[str],
    *,
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR,
) -> dg.AssetCheckResult:
    """Passed when there is no problem; otherwise how many there are, and the first `SHOWN` of them."""
    return check_result(
        asset, name, not problems, severity=severity, count=len(problems), examples=list(problems[:SHOWN])
    )
