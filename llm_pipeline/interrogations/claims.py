"""Keeping what a model asserted and code could not confirm: the one place that writes an answer's refused claims."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, LiteralString

import psycopg

from llm_pipeline.db.bulk import as_jsonb_rows
from llm_pipeline.interrogations.queued import UngroundedClaim

_INSERT: LiteralString = """
INSERT INTO ungrounded_claims (audit_trail_id, interrogation, claim, reason_code, detail)
SELECT audit_trail_id, interrogation, claim, reason_code, detail
FROM jsonb_populate_recordset(NULL::ungrounded_claims, %s)
"""


def write_claims(
    cur: psycopg.Cursor[Any], interrogation: str, audit_id: str | None, claims: Sequence[UngroundedClaim]
) -> None:
    """Store refused claims in the caller's transaction; nothing is sent where there are none.

    Raises:
        psycopg.Error: the database refused.
    """
    if claims:
        rows = [{"audit_trail_id": audit_id, "interrogation": interrogation, **vars(claim)} for claim in claims]
        cur.execute(_INSERT, [as_jsonb_rows(rows)])
