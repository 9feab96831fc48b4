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
# A filer's habit is known from the 12 months before.
BASELINE_MONTHS = 12
REFERENCE = ("legislators", "committee_assignments", "legislative_calendar", "ticker_sectors", "market_prices")
DISCLOSURES = ("senate_disclosures", "house_disclosures", "validation_status")
WAITING = ("lineage_reports", "review_queue")
FEEDBACK = ("signal_outcomes", "scorecards", "prompt_recommendations")
DETECTION = ("baseline_stats", "anomaly_candidates", "anomaly_signals", "trading_signals")


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
    """Write the sample (once per `LLM_PIPELINE_HOME`), run it through the assets, days and then weeks, and count.

    Sets the environment so that the UI served afterwards reads the sample and has its automation switched on.
    """
    began = time.monotonic()
    sample = settings.llm_pipeline_home / "sample"
    first, start, end = _sample_window(sample)
    local_stack.enter(
        settings,
        {
            "SENATE_DISCLOSURES_SOURCE": str(sample / "senate"),
            "HOUSE_DISCLOSURES_SOURCE": f"{sample / 'house' / 'all_transactions.csv'},"
            f"{sample / 'house' / 'ptr_parsed.jsonl'}",
            **_reference_sources(sample),
            # The sample is 60 days long: at the usual 21 trading days hardly a signal would have an outcome.
            "FEEDBACK_PRIMARY_HORIZON": os.environ.get("FEEDBACK_PRIMARY_HORIZON", "5"),
            "LLM_PIPELINE_AUTOMATION": os.environ.get("LLM_PIPELINE_AUTOMATION", "1"),
        },
    )
    url = resolve_url(settings)
    applied = migrate(url)
    say(f"[1/5] PostgreSQL is up, {len(applied)} migrations applied")
    say(f"[2/5] synthetic filings in {sample}")
    from llm_pipeline.defs.launch import materialize_window
    from llm_pipeline.demo_history import load_history
    from llm_pipeline.partitions import finished_weeks, weekly

    model = "your Ollama" if settings.ollama_base_url else "offline-rules, which is no language model"
    say(f"[3/5] loading and validating those of {first} to {start}, so that habits are known (model: {model})")
    load_history(url, first, start)
    say(f"[4/5] ingesting, validating, detecting and auditing over {start} to {end} in one Dagster run")
    outcome = materialize_window((*REFERENCE, *DISCLOSURES, *DETECTION, *WAITING), start, end)
    for check in outcome.failed_checks:
        say(f"      check {check} failed; the sample has defects on purpose, see the UI")
    reason = outcome.error or ("" if outcome.success else "the run failed")
    weeks = finished_weeks(start, end, datetime.now(UTC).date())
    if weeks and not reason:
        say(f"[5/5] following signals to their outcomes over the weeks of {weeks[0]} to {weeks[1]}")
        feedback = materialize_window(FEEDBACK, *weeks, calendar=weekly)
        reason = feedback.error or ("" if feedback.success else "the run of outcomes failed")
    with connect(url) as conn:
        summary = _summary(conn, first, end, reason)
    say(f"      {time.monotonic() - began:.1f} s")
    return summary


def _reference_sources(sample: Path) -> dict[str, str]:
    congress, reference = sample / "congress", sample / "reference"
    return {
        "LEGISLATORS_SOURCE": str(congress / "legislators.json"),
        "COMMITTEE_ASSIGNMENTS_SOURCE": f"{congress / 'committee_membership.csv'},{congress / 'committees.json'}",
        "COMMITTEE_SECTORS_SOURCE": str(congress / "committee_sector_map.csv"),
        "LEGISLATIVE_CALENDAR_SOURCE": str(congress / "calendar.csv"),
        "TICKER_SECTORS_SOURCE": str(reference / "ticker_sector.csv"),
        "EARLIER_TICKER_SECTORS_SOURCE": ",".join(map(str, sorted(reference.glob("constituents_*.csv")))),
        "TICKER_CHANGES_SOURCE": str(reference / "ticker_renames.csv"),
        "MARKET_PRICES_SOURCE": str(sample / "prices" / "prices_daily_adj.csv.gz"),
    }


def _sample_window(sample: Path) -> tuple[date, date, date]:
    """The first disclosure date, the first of the days to look at, the last; the sample is written if it is missing."""
    file = sample / MANIFEST_FILE
    if not file.exists():
        yesterday = datetime.now(UTC).date() - timedelta(days=1)
        write_sample(sample, seed=SAMPLE_SEED, end=yesterday, baseline_months=BASELINE_MONTHS)
    manifest = json.loads(file.read_text(encoding="utf-8"))
    start, end = date.fromisoformat(manifest["start"]), date.fromisoformat(manifest["end"])
    disclosed = [date.fromisoformat(one["disclosed"]) for one in manifest["filings"]]
    return min([start, *disclosed]), start, end


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
