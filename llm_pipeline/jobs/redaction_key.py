"""The key of the hashes that stand for redacted text: made by the migration, never shown."""

from __future__ import annotations

from typing import Any

import psycopg


def redaction_key(conn: psycopg.Connection[Any]) -> bytes:
    """The database's key.

    Raises:
        LookupError: there is none; the migrations were not applied whole.
    """
    row = conn.execute("SELECT secret FROM redaction_key").fetchone()
    if row is None:
        raise LookupError("the table redaction_key is empty: without a key nothing may be redacted")
    return bytes(row[0])
