"""The validation gate against a model server with a fixed latency: time, statements, memory, tokens.

The floor is the same number of bare HTTP calls to the same server, as many in flight, measured in the same run.
"""

from __future__ import annotations

import asyncio
import json
import resource
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import httpx
import psycopg
from psycopg_pool import AsyncConnectionPool

from benchmarks.database_delay import delayed
from llm_pipeline.db.bulk import as_jsonb_rows
from llm_pipeline.db.connection import async_pool, connect
from llm_pipeline.db.migrations import migrate
from llm_pipeline.embedded.postgres import EmbeddedPostgres
from llm_pipeline.llm.audit import CallContext
from llm_pipeline.llm.cache import AnswerCache, CachedAnswer, lookup_async
from llm_pipeline.llm.gateway import Gateway
from llm_pipeline.llm.lake import Lake
from llm_pipeline.offline_model import MODEL_NAME
from llm_pipeline.offline_model.process import running
from llm_pipeline.sample.pending import pending_set
from llm_pipeline.settings import Settings
from llm_pipeline.validation.service import prepare, validate_window

LATENCY_MS = 200.0
IN_FLIGHT = 8
BATCH = 25
END = date(2026, 6, 30)


@dataclass(frozen=True)
class Result:
    """One measured case; seconds, megabytes, statements per batch."""

    name: str
    records: int
    floor_s: float
    seconds: float
    statements: float
    peak_mb: float
    audit_rows: int

    @property
    def line(self) -> str:
        """A row of the table in README.md."""
        return (
            f"| {self.name} | {self.records:,} | {self.floor_s:.2f} | {self.seconds:.2f} | "
            f"{self.seconds / self.floor_s:.2f} | {self.statements:.2f} | {self.peak_mb:.0f} | {self.audit_rows} |"
        )


class CountingCursor(psycopg.AsyncCursor[Any]):
    """Counts what is executed; BEGIN and COMMIT are counted by transactions."""

    executed = 0

    async def execute(self, *args: Any, **kwargs: Any) -> Any:
        CountingCursor.executed += 1
        return await super().execute(*args, **kwargs)


def fill(url: str, records: int) -> None:
    """Replace what is stored by this many pending disclosures."""
    rows = pending_set(records, end=END)
    with connect(url) as conn:
        conn.execute("TRUNCATE trading_disclosures, politicians CASCADE")
        conn.execute("TRUNCATE llm_audit_trail, llm_artifacts, data_quality_issues, data_quality_quarantine")
        for table, some in (("politicians", rows.politicians), ("trading_disclosures", rows.disclosures)):
            columns = ", ".join(some[0])
            conn.execute(
                f"INSERT INTO {table} ({columns}) SELECT {columns} FROM jsonb_populate_recordset(NULL::{table}, %s)",
                [as_jsonb_rows(some)],
            )
        conn.commit()
        conn.autocommit = True
        conn.execute("ANALYZE")


def fill_apart(url: str, records: int) -> None:
    """`fill` in a process of its own, so that its memory is not taken for the gate's."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as apart:
        apart.submit(fill, url, records).result()


async def floor_seconds(base_url: str, calls: int) -> float:
    """Seconds that this many bare calls take, `IN_FLIGHT` at a time, with one reused client."""
    places = asyncio.Semaphore(IN_FLIGHT)
    system = "Interrogation: validation_gate"
    data = json.dumps({"batch_id": "b", "records": []})
    body = {
        "model": MODEL_NAME,
        "stream": False,
        "messages": [
            {"role": "system", "content": system},
            {"role": "user", "content": f"BEGIN UNTRUSTED DATA\n{data}\nEND UNTRUSTED DATA"},
        ],
    }
    async with httpx.AsyncClient(base_url=base_url, timeout=30, trust_env=False) as client:

        async def call() -> None:
            async with places:
                (await client.post("/api/chat", json=body)).raise_for_status()

        began = time.perf_counter()
        await asyncio.gather(*(call() for _ in range(calls)))
        return time.perf_counter() - began


async def gate_seconds(url: str, base_url: str, home: Path) -> tuple[float, float]:
    """Seconds inside the service, opening its pool and gateway included, and SQL statements per batch."""
    settings = Settings(llm_pipeline_home=home, llm_validation_model=MODEL_NAME, llm_concurrency=IN_FLIGHT)
    CountingCursor.executed = 0
    context = CallContext(service="validation_gate", dagster_run_id="benchmark")
    began = time.perf_counter()
    pool: AsyncConnectionPool[Any] = async_pool(url, IN_FLIGHT)
    pool.kwargs["cursor_factory"] = CountingCursor
    async with pool:

        async def find(keys: Any) -> dict[str, CachedAnswer]:
            async with pool.connection() as conn:
                return await lookup_async(conn, keys)

        async with Gateway(
            settings,
            Lake(home / "lake"),
            base_url=base_url,
            context=context,
            clock=lambda: datetime.now(UTC),
            cache=AnswerCache(find),
        ) as gateway:
            report = await validate_window(
                pool,
                gateway,
                start=END - timedelta(days=4000),
                end=END + timedelta(days=1),
                now=datetime.now(UTC),
                batch_size=BATCH,
            )
    seconds = time.perf_counter() - began
    assert report.decided == report.selected, f"{len(report.undecided)} undecided"
    return seconds, (CountingCursor.executed + 2 * report.batches) / report.batches


def case(name: str, url: str, work_url: str, records: int) -> Result:
    """Measure one case on a fresh set of pending disclosures."""
    fill_apart(url, records)
    with running(latency_ms=LATENCY_MS) as base_url, tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        with connect(url) as conn:
            prepare(conn, Settings(llm_pipeline_home=home), datetime.now(UTC))
        floor = asyncio.run(floor_seconds(base_url, -(-records // BATCH)))
        seconds, statements = asyncio.run(gate_seconds(work_url, base_url, home))
    with connect(url) as conn:
        row = conn.execute("SELECT count(*) FROM llm_audit_trail").fetchone()
        left = conn.execute(
            "SELECT count(*) FROM trading_disclosures WHERE llm_validation_status = 'pending'"
        ).fetchone()
    assert row is not None
    assert left == (0,), f"{left} still pending"
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Result(name, records, floor, seconds, statements, peak, row[0])


def token_shares(url: str) -> str:
    """Tokens per record for the prompts as sent, and the share of the prefix that every call repeats."""
    fill_apart(url, 1_000)
    with running() as base_url, tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        with connect(url) as conn:
            prepare(conn, Settings(llm_pipeline_home=home), datetime.now(UTC))
        asyncio.run(gate_seconds(url, base_url, home))
        lake = Lake(home / "lake")
        with connect(url) as conn:
            found = conn.execute(
                "SELECT lake_uri, content_sha256 FROM llm_artifacts WHERE artifact_type = 'request_json'"
            ).fetchall()
        requests = [json.loads(lake.read(uri, sha)) for uri, sha in found]
    texts = ["".join(message["content"] for message in request["messages"]) for request in requests]
    shared = len(_common_prefix(texts))
    characters = sum(map(len, texts))
    return (
        f"{len(texts)} calls, {characters / 1000:.0f} characters a record, about {characters / 4 / 1000:.0f} tokens "
        f"(4 characters a token); the prefix that all calls share is {shared:,} of {characters / len(texts):,.0f} "
        f"characters ({shared * len(texts) / characters:.0%})"
    )


def _common_prefix(texts: list[str]) -> str:
    first, last = min(texts), max(texts)
    for index, (a, b) in enumerate(zip(first, last, strict=False)):
        if a != b:
            return first[:index]
    return first


def main() -> None:
    """Print the tables of benchmarks/README.md."""
    with tempfile.TemporaryDirectory(prefix="llm-pipeline-bench-") as folder:
        with EmbeddedPostgres(Path(folder)).running() as url:
            migrate(url)
            print("| case | records | floor s | seconds | ratio | SQL statements a batch | peak MB | audit rows |")
            print("|---|---|---|---|---|---|---|---|")
            print(case("first run of a process", url, url, 1_000).line)
            print(case("database beside it", url, url, 1_000).line)
            far = Path(tempfile.mkdtemp(dir=folder))
            with delayed(url, 20.0, far) as far_url:
                print(case("database 20 ms away", url, far_url, 1_000).line)
            print(case("many", url, url, 20_000).line)
            print()
            print(token_shares(url))


if __name__ == "__main__":
    main()
