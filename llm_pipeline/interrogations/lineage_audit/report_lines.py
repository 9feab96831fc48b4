"""A stored report as lines for a terminal. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_FINDINGS = {
    "hash_chain_valid": "hash chain",
    "temporal_ordering_valid": "order in time",
    "all_transforms_approved": "approved step versions",
    "row_matches_chain": "stored row",
    "ledger_matches": "ledger entry",
    "merkle_root_holds": "Merkle root",
}


def report_lines(report: Mapping[str, Any]) -> Iterator[str]:
    """What code found, then what the model made of it."""
    findings = report["findings"]
    yield f"disclosure {report['disclosure_id']}: {report['status']}"
    yield "verified by code:"
    for name, what in _FINDINGS.items():
        yield f"  {what:24}{'holds' if findings[name] else 'does not hold'}"
    yield f"  {'steps':24}{findings['steps']}{', with a gap' if findings['gaps_detected'] else ', no gap'}"
    if findings["first_break"]:
        yield f"  first broken link: {findings['first_break']}"
    yield f"trust {report['trust_score']} of 100, at most {findings['trust_cap']}: {report['cap_reason']}"
    yield f"recommended: {report['recommended_action']}"
    for one in report["questions"]:
        yield f"  {one['status']:13}{one['question']} {one['answer']}"
    for one in report["risk_factors"]:
        yield f"  risk ({one['severity']}) {one['factor']}: {one['description']}"
    yield f"narrative ({'the model' if report['narrative_by'] == 'model' else 'code'}): {report['narrative']}"
    yield f"report {report['report_id']}, call {report['audit_trail_id']}"
