"""What the tests of replay share: calls that were made, and how they are made again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil
from pathlib import Path
from typing import Any

from llm_pipeline.db.connection import async_pool, connect
from llm_pipeline.llm.audit import CallContext
from llm_pipeline.llm.cache import pool_cache
from llm_pipeline.llm.lake import Lake
from llm_pipeline.llm.open_gateway import open_gateway
from llm_pipeline.llm.prompt_versions import with_version
from llm_pipeline.llm.prompts import PromptTemplate, parse_prompt
from llm_pipeline.offline_model.process import ThreadedServer
from llm_pipeline.replay.replay import Replay, load_calls, replay_calls
from llm_pipeline.replay.shadow_plan import Plan, ShadowReport, Window
from llm_pipeline.replay.shadow_run import Wanted, shadow_run
from llm_pipeline.replay.store import REPLAY_SERVICE, SHADOW_SERVICE
from llm_pipeline.settings import PROJECT_ROOT, Settings
from llm_pipeline_tests.validation.service.runs import load, mixed_set, query, settings, validate

PRODUCTION = (
    "trading_disclosures",
    "data_quality_issues",
    "data_quality_quarantine",
    "validation_failures",
    "ungrounded_claims",
    "anomaly_decisions",
    "llm_anomaly_signals",
    "trading_signals",
    "prompt_versions",
)
COMPARISONS = ("shadow_comparisons", "shadow_runs", "replay_comparisons")
TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
WINDOW = Window(TODAY - timedelta(days=1), TODAY + timedelta(days=2))
"""Around now, midnight included."""


@dataclass(frozen=True)
class Scene:
    """A database with calls, and the server that answered them."""

    url: str
    used: Settings
    server: ThreadedServer

    def calls(self, service: str = "validation_gate") -> list[str]:
        """Ids of the audit rows of a service that are no cache hits, oldest first."""
        found = query(
            self.url,
            "SELECT id::text FROM llm_audit_trail WHERE service_name = %s AND NOT cache_hit ORDER BY created_at, id",
            service,
        )
        return [row["id"] for row in found]

    def replay(self, audit_ids: Sequence[str]) -> list[Replay]:
        """Make calls again, as the command does."""
        with connect(self.url) as conn:
            calls = load_calls(conn, Lake(self.used.lake), audit_ids)

        async def send() -> list[Replay]:
            async with async_pool(self.url, 4) as pool, open_gateway(self.used, CallContext(REPLAY_SERVICE)) as gateway:
                return await replay_calls(pool, gateway, calls)

        return asyncio.run(send())

    def shadow(
        self,
        key: str = "validation_gate",
        *,
        window: Window = WINDOW,
        estimate_only: bool = False,
        announced: list[Plan] | None = None,
        used: Settings | None = None,
        **candidate: Any,
    ) -> ShadowReport:
        """A shadow run, as the command makes it; the plan as announced is put into `announced`."""
        heard: list[Plan] = [] if announced is None else announced

        async def ask() -> ShadowReport:
            async with (
                async_pool(self.url, 4) as pool,
                open_gateway(
                    used or self.used, CallContext(SHADOW_SERVICE, dagster_run_id="shadow-1"), cache=pool_cache(pool)
                ) as gateway,
            ):
                return await shadow_run(
                    pool,
                    gateway,
                    Wanted(key, window, **candidate),
                    now=datetime.now(UTC),
                    announce=heard.append,
                    estimate_only=estimate_only,
                )

        return asyncio.run(ask())

    def contents(self, tables: Sequence[str] = PRODUCTION) -> dict[str, str]:
        """A fingerprint of each table, to tell whether anything changed."""
        fingerprint = "SELECT md5(coalesce(string_agg(t::text, E'\\n' ORDER BY t::text), '')) AS found FROM {} t"
        return {name: query(self.url, fingerprint.format(name))[0]["found"] for name in tables}


def gate_scene(url: str, home: Path, server: ThreadedServer, *, records: int, **given: Any) -> Scene:
    """Disclosures validated five at a time."""
    pending, _ = mixed_set(records)
    load(url, pending)
    used = settings(home, server.base_url, **given)
    run = validate(url, used, batch_size=5)
    assert run.report.calls == ceil(records / 5)
    return Scene(url, used, server)


def add_version(url: str, data: bytes, key: str = "validation_gate", status: str = "candidate") -> PromptTemplate:
    """Register a version of a prompt; an active one takes the place of the one before."""
    template = parse_prompt(data, f"{key}.txt")
    with connect(url) as conn:
        if status == "active":
            conn.execute("UPDATE prompt_versions SET status = 'archived' WHERE interrogation = %s", [key])
        conn.execute(
            """INSERT INTO prompt_versions (interrogation, version, template_sha256, template, status)
               VALUES (%s, %s, %s, %s, %s)""",
            [key, template.version, template.sha256, template.text, status],
        )
    return template


def changed_prompt(key: str = "validation_gate", version: str = "9.1.0", *changes: tuple[str, str]) -> bytes:
    """The project's prompt with another version and, if given, other words."""
    text = (PROJECT_ROOT / "prompts" / f"{key}.txt").read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return with_version(text, version).encode()
