"""What is known of one record: code verifies first, then the metadata for the model are put together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid5

import psycopg
from psycopg.rows import dict_row
from pydantic import BaseModel, ConfigDict, Field

from llm_pipeline.disclosures.identity import NAMESPACE
from llm_pipeline.disclosures.provenance import ProvenanceStep
from llm_pipeline.hashing import hash_of
from llm_pipeline.interrogations.queued import Evidence, EvidenceMissingError
from llm_pipeline.lineage.examine import Examination, UnknownDisclosureError, examine
from llm_pipeline.lineage.row import fingerprint
from llm_pipeline.lineage.trust import TrustLimit, trust_limit
from llm_pipeline.llm.prompts import data_json

LONGEST_TEXT = 80
"""Characters of a filer's text that the model sees; hostile ones are longer."""
SHOWN_STEPS = 24
"""The last steps of a chain: three loads."""
SHOWN_HASH = 12
"""Characters of a hash that the model sees: enough to compare by eye, a fifth of the tokens."""


class AuditInput(BaseModel):
    """What a job of this kind asks about."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    disclosure_id: str = Field(min_length=1, max_length=100)


@dataclass(frozen=True)
class Audited:
    """What code knows of a record before a model is asked.

    Attributes:
        report_id: the same for the same record and the same evidence.
        findings: what code found, as it is stored and shown.
        evidence_sha256: hash over everything that was verified and found.
        chain_head: the last chain hash; empty without a chain.
    """

    disclosure_id: str
    report_id: str
    findings: dict[str, Any]
    limit: TrustLimit
    evidence_sha256: str
    chain_head: str
    variables: dict[str, Any]


def gather(conn: psycopg.Connection[Any], given: BaseModel, now: datetime) -> Evidence:
    """Verify the record and put the evidence together.

    Raises:
        EvidenceMissingError: there is no such record.
    """
    assert isinstance(given, AuditInput)
    try:
        examined = examine(conn, [given.disclosure_id], now=now)[given.disclosure_id]
    except UnknownDisclosureError as error:
        raise EvidenceMissingError(str(error)) from error
    with conn.cursor(row_factory=dict_row) as cur:
        known = cur.execute(
            """SELECT llm_validation_status, deleted_at IS NOT NULL AS deleted FROM trading_disclosures
               WHERE id::text = %s""",
            [given.disclosure_id],
        ).fetchone()
    audited = audit_of(examined, known["llm_validation_status"] if known else None)
    return Evidence(audited.variables, audited)


def audit_of(examined: Examination, validation_status: str | None) -> Audited:
    """The findings of code as evidence; pure."""
    found, row, steps = examined.verification, examined.row, examined.steps
    superseded = row is not None and row.superseded_by is not None
    limit = trust_limit(found, rejected=validation_status == "reject", superseded=superseded)
    current = fingerprint(row) if row else None
    findings = {
        "status": found.status,
        **found.integrity,
        "first_break": str(found.first_break) if found.first_break else None,
        "breaks": [one.code for one in (*found.own, *found.shared)][:20],
        "steps": found.steps,
        "trust_cap": limit.cap,
        "cap_reason": limit.reason,
        "least_action": limit.least_action,
        "ledger_state": examined.entry.state if examined.entry else None,
        "validation_status": validation_status,
    }
    head = steps[-1].chain_hash if steps else ""
    evidence = hash_of({"findings": findings, "chain_head": head, "row": current, "disclosure_id": found.disclosure_id})
    report_id = str(uuid5(NAMESPACE, f"lineage_report|{found.disclosure_id}|{evidence}"))
    variables = _variables(examined, report_id, findings, current)
    return Audited(found.disclosure_id, report_id, findings, limit, evidence, head, variables)


def _variables(examined: Examination, report_id: str, findings: dict[str, Any], current: str | None) -> dict[str, Any]:
    row, steps = examined.row, examined.steps
    columns = row.columns if row else {}
    read = next((step for step in reversed(steps) if step.step == "extract"), None)
    texts = ("source", "source_document_id", "asset_name", "asset_ticker", "asset_type", "transaction_type", "owner")
    numbers = ("row_ordinal", "transaction_date", "disclosure_date", "amount_range_min", "amount_range_max")
    record = {
        "record_id": examined.verification.disclosure_id,
        **{name: _cut(columns.get(name)) for name in (*texts, *numbers)},
        "superseded": bool(row and row.superseded_by),
    }
    extracted = row.extraction_ts.isoformat() if row and row.extraction_ts else None
    return {
        "integrity_json": {
            "audit_id": report_id,
            "record_id": examined.verification.disclosure_id,
            **findings,
            "merkle_root_covers": examined.root.disclosure_count if examined.root else None,
        },
        "record_json": record,
        # Text goes into a prompt as it is, so that of strangers goes in as JSON.
        "source_url": data_json(_cut(columns.get("source_url"), 3 * LONGEST_TEXT)),
        "source_hash": data_json(read.input_hash[:SHOWN_HASH] if read else None),
        "method": data_json(_cut(columns.get("extraction_method"))),
        "extraction_ts": data_json(extracted),
        "current_hash": data_json(current[:SHOWN_HASH] if current else None),
        "transform_chain_json": [_step(step) for step in steps[-SHOWN_STEPS:]],
    }


def _cut(value: Any, most: int = LONGEST_TEXT) -> Any:
    return value[:most] if isinstance(value, str) else value


def _step(step: ProvenanceStep) -> dict[str, Any]:
    return {
        "step_no": step.step_no,
        "step": _cut(step.step),
        "version": _cut(step.step_version),
        "ts": step.ts.isoformat(),
        "input": step.input_hash[:SHOWN_HASH],
        "output": step.output_hash[:SHOWN_HASH],
        "chain": step.chain_hash[:SHOWN_HASH],
    }
