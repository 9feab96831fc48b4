"""What the tests of the validation use case share: loading pending rows, a run as the asset makes it, what it left."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from dagster import AssetCheckResult
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from llm_pipeline.db.bulk import as_jsonb_rows
from llm_pipeline.db.connection import async_pool, connect
from llm_pipeline.defs.validation.checks import validation_checks
from llm_pipeline.llm.audit import CallContext
from llm_pipeline.llm.cache import AnswerCache, CachedAnswer, lookup_async
from llm_pipeline.llm.lake import Lake
from llm_pipeline.llm.open_gateway import open_gateway
from llm_pipeline.llm.prompt_versions import register_prompts
from llm_pipeline.offline_model import MODEL_NAME
from llm_pipeline.sample.pending import PendingSet, Row, pending_set
from llm_pipeline.settings import Settings
from llm_pipeline.validation import store
from llm_pipeline.validation.facts import compute_facts
from llm_pipeline.validation.interrogation import gate_template
from llm_pipeline.validation.knowledge import Knowledge
from llm_pipeline.validation.report import ValidationReport, WindowAccount
from llm_pipeline.validation.service import check_window, prepare, validate_window
from llm_pipeline.validation.verdict import decide

END = date(2025, 1, 1)
NOW = datetime(2025, 3, 4, 5, 6, 7, tzinfo=UTC)
START = date(2012, 1, 1)
LAST = date(2025, 3, 5)
ALL_STATUSES = ("pass", "flag", "reject")


def settings(home: Path, base_url: str | None, **given: Any) -> Settings:
    """Settings of a quick run: short pauses, the model that answers at `base_url`. Timeouts bear a machine that stands
    still for a while."""
    quick: dict[str, Any] = {
        "llm_pipeline_home": home,
        "ollama_base_url": base_url,
        "llm_validation_model": MODEL_NAME,
        "llm_backoff_s": 0.01,
        "llm_connect_timeout_s": 60.0,
        "llm_idle_timeout_s": 60.0,
        "llm_total_timeout_s": 120.0,
        "llm_num_ctx": 32768,
        "llm_num_predict": 8192,
    }
    return Settings(**(quick | given))


def load(url: str, pending: PendingSet) -> None:
    """Store the rows as the ingest would; the prompt is registered, as by a run before."""
    with connect(url) as conn:
        register_prompts(conn, [gate_template()], NOW)
    insert(url, "politicians", pending.politicians)
    insert(url, "trading_disclosures", pending.disclosures)


def insert(url: str, table: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Rows of JSON values into a table, in their own columns' types."""
    given = list(rows)
    if not given:
        return
    names = ", ".join(given[0])
    with connect(url) as conn:
        conn.execute(
            f"INSERT INTO {table} ({names}) SELECT {names} FROM jsonb_populate_recordset(NULL::{table}, %s)",
            [as_jsonb_rows(given)],
        )


def mixed_set(n: int) -> tuple[PendingSet, dict[str, str]]:
    """Pending rows of which every tenth is each of: impossible date, filed late, without address; and the verdict
    that each should get."""
    plain = pending_set(n, end=END)
    rows: list[Row] = []
    expected: dict[str, str] = {}
    for k, row in enumerate(plain.disclosures):
        changed, status = _varied(row, k % 10)
        rows.append(changed)
        expected[row["id"]] = status
    return PendingSet(plain.politicians, tuple(rows), 0), expected


def _varied(row: Row, which: int) -> tuple[Row, str]:
    if which == 3:
        filed = {**row["raw_data"]["as_filed"], "transaction_date": "02/30/2020"}
        return {**row, "transaction_date": None, "raw_data": {**row["raw_data"], "as_filed": filed}}, "reject"
    if which == 5:
        late = date.fromisoformat(row["transaction_date"]) + timedelta(days=50)
        return {**row, "disclosure_date": str(late), "extraction_ts": f"{late}T23:00:00+00:00"}, "flag"
    if which == 7:
        return {**row, "source_url": None}, "flag"
    return row, "pass"


@dataclass(frozen=True)
class Run:
    """What the asset would have: the report, the account of the window, the check results by name."""

    report: ValidationReport
    account: WindowAccount
    checks: dict[str, AssetCheckResult]

    @property
    def failed_checks(self) -> set[str]:
        return {name for name, result in self.checks.items() if not result.passed}


def validate(
    url: str,
    used: Settings,
    *,
    start: date = START,
    end: date = LAST,
    now: datetime = NOW,
    batch_size: int = 25,
    cap: int | None = None,
    cache: bool = True,
    run_id: str = "run-1",
) -> Run:
    """One run, put together as the asset does it."""
    with connect(url) as conn:
        prepare(conn, used, now)
    report = asyncio.run(
        validating(url, used, start=start, end=end, now=now, batch_size=batch_size, cap=cap, cache=cache, run_id=run_id)
    )
    with connect(url) as conn:
        account, answers, overdue = check_window(
            conn, start, end, run_id=run_id, now=now, pending_hours=24, report=report
        )
    results = validation_checks(report, account, answers, overdue, pending_hours=24, most_rejected=0.5)
    return Run(report, account, {str(one.check_name): one for one in results})


async def validating(
    url: str,
    used: Settings,
    *,
    start: date = START,
    end: date = LAST,
    now: datetime = NOW,
    batch_size: int = 25,
    cap: int | None = None,
    cache: bool = True,
    run_id: str = "run-1",
    pool: AsyncConnectionPool[Any] | None = None,
) -> ValidationReport:
    """The asset's asynchronous part."""
    context = CallContext(service="validation_gate", dagster_run_id=run_id, asset_key="validation_status")
    async with pool or async_pool(url, used.llm_concurrency) as pool:

        async def find(keys: Any) -> dict[str, CachedAnswer]:
            async with pool.connection() as conn:
                return await lookup_async(conn, keys)

        async with open_gateway(used, context, cache=AnswerCache(find) if cache else None) as gateway:
            return await validate_window(pool, gateway, start=start, end=end, now=now, batch_size=batch_size, cap=cap)


def rules_alone(url: str, now: datetime = NOW) -> dict[str, str]:
    """The verdicts of the rules on all that is pending, without any model."""

    async def read() -> dict[str, str]:
        async with async_pool(url, 1) as pool, pool.connection() as conn, conn.cursor(row_factory=dict_row) as cur:
            page = [one.record for one in await store.read_page(cur, START, LAST, (-1, 0), 100_000, now)]
            knowledge = await Knowledge.read(cur, now)
            neighbours = await store.read_neighbours(cur, page)
            facts = compute_facts(page, knowledge.context(neighbours))
        return {record.record_id: decide(record, facts[record.record_id]).status for record in page}

    return asyncio.run(read())


def query(url: str, statement: str, *values: Any) -> list[dict[str, Any]]:
    """Rows as dictionaries."""
    with connect(url, row_factory=dict_row) as conn:
        return conn.execute(statement, values).fetchall()


def statuses(url: str) -> dict[str, str]:
    """Validation status by disclosure id."""
    found = query(url, "SELECT id::text, llm_validation_status AS status FROM trading_disclosures")
    return {row["id"]: row["status"] for row in found}


def failures(url: str) -> dict[str, dict[str, Any]]:
    """Rows of validation_failures by disclosure id."""
    return {row["disclosure_id"]: row for row in query(url, "SELECT * FROM validation_failures")}


def check_artifacts(url: str, used: Settings) -> int:
    """Every call that reached for the server has its request in the lake, every artifact row its file with the
    recorded hash; how many artifacts there are."""
    lake = Lake(used.lake)
    artifacts = query(
        url, "SELECT audit_trail_id::text AS call, artifact_type, lake_uri, content_sha256 FROM llm_artifacts"
    )
    for one in artifacts:
        lake.read(one["lake_uri"], one["content_sha256"])
    kinds = Counter((one["call"], one["artifact_type"]) for one in artifacts)
    assert set(kinds.values()) <= {1}
    for call in query(url, "SELECT id::text, metrics, parse_success FROM llm_audit_trail WHERE NOT cache_hit"):
        assert (call["id"], "request_json") in kinds
        assert not call["parse_success"] or (call["id"], "response_json") in kinds
    return len(artifacts)


def check_stored_reasons(url: str) -> None:
    """Each flag has an issue, each reject exactly one quarantine row with the original row, and nothing is there
    twice."""
    doubled = query(
        url,
        """SELECT record_id::text, issue_type, field_name, source, count(*) FROM data_quality_issues
           WHERE table_name = 'trading_disclosures' GROUP BY 1, 2, 3, 4 HAVING count(*) > 1""",
    )
    assert doubled == []
    wrong = query(
        url,
        """SELECT d.id::text, d.llm_validation_status AS status,
                  (SELECT count(*) FROM data_quality_issues i
                   WHERE i.table_name = 'trading_disclosures' AND i.record_id::text = d.id::text) AS issues,
                  (SELECT count(*) FROM data_quality_quarantine q
                   WHERE q.table_name = 'trading_disclosures' AND q.original_record_id::text = d.id::text
                     AND q.original_data ->> 'id' = d.id::text
                     AND cardinality(q.issue_ids) > 0) AS quarantined
           FROM trading_disclosures d""",
    )
    for row in wrong:
        assert row["quarantined"] == (row["status"] == "reject"), row
        assert row["issues"] > 0 or row["status"] not in ("flag", "reject"), row
