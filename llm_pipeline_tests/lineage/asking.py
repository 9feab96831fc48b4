"""Reports asked of a model server in this process, as the asset and the command do."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from llm_pipeline.db.connection import async_pool, connect
from llm_pipeline.interrogations.asking import prepare
from llm_pipeline.interrogations.lineage_audit import KEY
from llm_pipeline.lineage.reports import ReportRun, write_reports
from llm_pipeline.llm.audit import CallContext
from llm_pipeline.llm.cache import AnswerCache, lookup_async
from llm_pipeline.llm.open_gateway import open_gateway
from llm_pipeline.offline_model.faults import Fault, FaultPlan
from llm_pipeline.offline_model.process import running_in_thread
from llm_pipeline.settings import Settings
from llm_pipeline_tests.lineage.stored import NOW


def report_on(
    database_url: str,
    home: Path,
    ids: Sequence[str],
    *faults: Fault,
    url: str | None = None,
    model: str = "offline-rules",
    **given: Any,
) -> ReportRun:
    """One run over these disclosures, with its own server unless `url` names one."""
    with running_in_thread(faults=FaultPlan(faults)) if url is None else nullcontext() as server:
        settings = Settings(
            llm_pipeline_home=home,
            ollama_base_url=url or server.base_url,
            llm_audit_model=model,
            llm_backoff_s=0.0,
            **given,
        )

        async def run() -> ReportRun:
            with connect(database_url) as conn:
                prepare(conn, settings, KEY, NOW)

            async def find(keys: Any) -> Any:
                async with pool.connection() as conn:
                    return await lookup_async(conn, keys)

            call = CallContext(service=KEY, dagster_run_id="run-1")
            async with (
                async_pool(database_url, 2) as pool,
                open_gateway(settings, call, cache=AnswerCache(find)) as gateway,
            ):
                return await write_reports(lambda: connect(database_url), gateway, ids, now=NOW)

        return asyncio.run(run())
