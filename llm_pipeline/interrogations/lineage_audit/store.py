"""The table lineage_reports: one row for a record and the evidence it was judged by; asked again, the newest answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import psycopg

from llm_pipeline.db.bulk import as_jsonb_rows
from llm_pipeline.interrogations.lineage_audit.grounding import Report, chain_valid
from llm_pipeline.interrogations.queued import Evidence, Grounded, JobRef

_COLUMNS = (
    "report_id", "created_at", "disclosure_id", "status", "provenance_chain_valid", "findings", "questions",
    "risk_factors", "model_trust_score", "trust_score", "cap_reason", "model_action", "recommended_action", "narrative",
    "narrative_by", "evidence_sha256", "chain_head", "audit_trail_id",
)  # fmt: skip
_WRITE = f"""
INSERT INTO lineage_reports ({", ".join(_COLUMNS)})
SELECT {", ".join(_COLUMNS)} FROM jsonb_populate_recordset(NULL::lineage_reports, %s)
ON CONFLICT (report_id) DO UPDATE SET {", ".join(f"{name} = EXCLUDED.{name}" for name in _COLUMNS[1:])}
"""  # noqa: S608  column names of our own


def store(
    cur: psycopg.Cursor[Any], job: JobRef, evidence: Evidence, grounded: Grounded, audit_id: str, now: datetime
) -> None:
    """Write the report of one audit."""
    report: Report = grounded.result
    audited = report.audited
    row = {
        "report_id": audited.report_id,
        "created_at": now,
        "disclosure_id": audited.disclosure_id,
        "status": audited.findings["status"],
        "provenance_chain_valid": chain_valid(audited.findings),
        "findings": audited.findings,
        "questions": [one.model_dump(mode="json") for one in report.questions],
        "risk_factors": [one.model_dump(mode="json") for one in report.risk_factors],
        "model_trust_score": report.model_score,
        "trust_score": report.score,
        "cap_reason": audited.limit.reason,
        "model_action": report.model_action,
        "recommended_action": report.action,
        "narrative": report.narrative,
        "narrative_by": report.narrative_by,
        "evidence_sha256": audited.evidence_sha256,
        "chain_head": audited.chain_head,
        "audit_trail_id": audit_id,
    }
    cur.execute(_WRITE, [as_jsonb_rows([row])])
