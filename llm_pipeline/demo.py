"""The demo: synthetic filings through the whole pipeline on this machine, and whether every one is accounted for."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from psycopg import Connection

from llm_pipeline import local_stack
from llm_pipeline.db.connection import connect, resolve_url
from llm_pipeline.db.migrations import migrate
from llm_pipeline.disclosures.ledger import reconcile
from llm_pipeline.disclosures.sources import SOURCES_OF
from llm_pipeline.sample.write import MANIFEST_FILE, write_sample
from llm_pipeline.settings import Settings
from llm_pipeline.validation.store import account_for

SAMPLE_SEED = 2012
ASSETS = ("senate_disclosures", "house_disclosures", "validation_status")


@dataclass(frozen=True)
class DemoSummary:
    """What the demo came to: disclosures in force, their verdicts, signals, and what nothing accounts for.

    `reason` says in words why it is not ok.
    """

    disclosures: int
    passed: int
    flagged: int
    rejected: int
    signals: int
    unaccounted: int
    reason: str

    @property
    def ok(self) -> bool:
        """Everything ran and every disclosure and filing is accounted for."""
        return not self.reason

    @property
    def line(self) -> str:
        """The one line that ends the batch part."""
        word = "ok" if self.ok else "FAILED"
        return (
            f"demo {word}: {self.disclosures} disclosures, {self.passed} pass, {self.flagged} flag, "
            f"{self.rejected} reject, {self.signals} signals, {self.unaccounted} unaccounted"
        )


def run_demo(settings: Settings, say: Callable[[str], None]) -> DemoSummary:
    """Write the sample (once per `LLM_PIPELINE_HOME`), ingest and validate it in one Dagster run, and count.

    Sets the environment so that the UI served afterwards reads the sample and has its automation switched on.
    """
    began = time.monotonic()
    sample = settings.llm_pipeline_home / "sample"
    local_stack.enter(
        settings,
        {
            "SENATE_DISCLOSURES_SOURCE": str(sample / "senate"),
            "HOUSE_DISCLOSURES_SOURCE": f"{sample / 'house' / 'all_transactions.csv'},"
            f"{sample / 'house' / 'ptr_parsed.jsonl'}",
            "LLM_PIPELINE_AUTOMATION": os.environ.get("LLM_PIPELINE_AUTOMATION", "1"),
        },
    )
    url = resolve_url(settings)
    applied = migrate(url)
    say(f"[1/3] PostgreSQL is up, {len(applied)} migrations applied")
    start, end = _sample_window(sample)
    say(f"[2/3] synthetic filings of {start} to {end} in {sample}")
    from llm_pipeline.defs.launch import materialize_window

    model = "your Ollama" if settings.ollama_base_url else "offline-rules, which is no language model"
    say(f"[3/3] ingesting and validating them in one Dagster run (model: {model})")
    outcome = materialize_window(ASSETS, start, end)
    for check in outcome.failed_checks:
        say(f"      check {check} failed; the sample has defects on purpose, see the UI")
    with connect(url) as conn:
        summary = _summary(conn, start, end, outcome.error or ("" if outcome.success else "the run failed"))
    say(f"      {time.monotonic() - began:.1f} s")
    return summary


def _sample_window(sample: Path) -> tuple[date, date]:
    """The first and last disclosure date of the sample; it is written if it is not there yet."""
    file = sample / MANIFEST_FILE
    if not file.exists():
        write_sample(sample, seed=SAMPLE_SEED, end=datetime.now(UTC).date() - timedelta(days=1))
    manifest = json.loads(file.read_text(encoding="utf-8"))
    return date.fromisoformat(manifest["start"]), date.fromisoformat(manifest["end"])


def _summary(conn: Connection[Any], start: date, end: date, reason: str) -> DemoSummary:
    after = end + timedelta(days=1)
    account = account_for(conn, start, after)
    gaps = sum(len(reconcile(conn, source, start, after)) for sources in SOURCES_OF.values() for source in sources)
    found = conn.execute("SELECT count(*) FROM llm_anomaly_signals WHERE status = 'active'").fetchone()
    unaccounted = account.unexplained + account.failed + gaps
    if not reason and unaccounted:
        reason = (
            f"{account.unexplained} disclosures without verdict, {account.failed} undecided, {gaps} filings unaccounted"
        )
    return DemoSummary(
        disclosures=account.total - account.superseded - account.deleted,
        passed=account.passed,
        flagged=account.flagged,
        rejected=account.rejected,
        signals=found[0] if found else 0,
        unaccounted=unaccounted,
        reason=reason,
    )
