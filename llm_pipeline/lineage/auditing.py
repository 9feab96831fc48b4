"""One disclosure audited from a command: database, gateway and cache opened for a single report."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from llm_pipeline.db.connection import async_pool, connect, resolve_url
from llm_pipeline.interrogations.asking import prepare
from llm_pipeline.interrogations.lineage_audit import KEY
from llm_pipeline.lineage.reports import ModelUnusableError, read_reports, write_reports
from llm_pipeline.llm.audit import CallContext
from llm_pipeline.llm.cache import pool_cache
from llm_pipeline.llm.open_gateway import open_gateway
from llm_pipeline.settings import Settings


@dataclass(frozen=True)
class AuditDone:
    """The stored report, or why there is none."""

    report: dict[str, Any] | None
    reason: str = ""


async def audit_now(settings: Settings, disclosure_id: str, *, now: datetime) -> AuditDone:
    """Verify a disclosure, ask about it, store and return the report.

    Raises:
        OfflineModelStartError: the bundled model does not start.
        psycopg.Error: the database refused or went away.
    """
    url = resolve_url(settings)
    with connect(url) as conn:
        prepare(conn, settings, KEY, now)
    async with async_pool(url, 2) as pool:
        async with open_gateway(settings, CallContext(service=KEY), cache=pool_cache(pool)) as gateway:
            try:
                run = await write_reports(lambda: connect(url), gateway, [disclosure_id], now=now)
            except ModelUnusableError as error:
                return AuditDone(None, str(error))
    if disclosure_id in run.failures:
        return AuditDone(None, f"no report on {disclosure_id}: {run.failures[disclosure_id]}")
    with connect(url) as conn:
        return AuditDone(read_reports(conn, [disclosure_id])[disclosure_id])
