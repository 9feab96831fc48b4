"""Reports about disclosures, asked now: the use case of the asset `lineage_reports` and of the command `audit`."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row

from llm_pipeline.interrogations.asking import Asked, Connect, ask_one
from llm_pipeline.interrogations.lineage_audit import INTERROGATION
from llm_pipeline.interrogations.lineage_audit.gathering import AuditInput
from llm_pipeline.interrogations.lineage_audit.grounding import disagreements
from llm_pipeline.llm.gateway import Gateway
from llm_pipeline.llm.together import together

Progress = Callable[[str], None]


class ModelUnusableError(RuntimeError):
    """Not one report could be written because the model server or the model is not usable; the message says why."""


@dataclass
class ReportRun:
    """What became of every disclosure that a report was wanted for.

    Attributes:
        failures: by id, why there is no report.
        stored: ids with a report of this run.
    """

    wanted: tuple[str, ...] = ()
    stored: list[str] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    outcomes: Counter[str] = field(default_factory=Counter)
    claims: Counter[str] = field(default_factory=Counter)
    calls: int = 0
    cache_hits: int = 0
    stopped: str | None = None

    @property
    def unaccounted(self) -> list[str]:
        """Disclosures with neither a report nor a reason."""
        return [one for one in self.wanted if one not in self.failures and one not in set(self.stored)]


async def write_reports(
    connect: Connect,
    gateway: Gateway,
    disclosure_ids: Sequence[str],
    *,
    now: datetime,
    progress: Progress | None = None,
) -> ReportRun:
    """Verify each disclosure, ask about it, and store its report; every id ends with a report or a reason.

    Raises:
        ModelUnusableError: not one report was written, because every call would fail.
        psycopg.Error: the database refused or went away; reports that were written stay.
    """
    run = ReportRun(tuple(dict.fromkeys(disclosure_ids)))
    places = asyncio.Semaphore(gateway.settings.llm_concurrency + 2)

    async def one(disclosure_id: str) -> None:
        async with places:
            found = await ask_one(connect, gateway, INTERROGATION, AuditInput(disclosure_id=disclosure_id), now=now)
        _account(run, disclosure_id, found)
        if progress and len(run.stored) % 50 == 0 and found.outcome == "stored":
            progress(f"{len(run.stored)} of {len(run.wanted)} reports")

    async with together() as group:
        for disclosure_id in run.wanted:
            group.create_task(one(disclosure_id))
    if run.stopped and not run.stored:
        raise ModelUnusableError(run.stopped)
    return run


def _account(run: ReportRun, disclosure_id: str, found: Asked) -> None:
    run.outcomes[found.outcome] += 1
    run.claims.update(claim.reason_code for claim in found.claims)
    run.calls += sum(not one.cache_hit for one in found.attempts)
    run.cache_hits += sum(one.cache_hit for one in found.attempts)
    if found.outcome == "stored":
        run.stored.append(disclosure_id)
    else:
        run.failures[disclosure_id] = found.reason
    if found.fatal:
        run.stopped = found.reason


_REPORTS = """
SELECT DISTINCT ON (disclosure_id) * FROM lineage_reports WHERE disclosure_id = ANY(%s)
ORDER BY disclosure_id, created_at DESC, report_id
"""


def read_reports(conn: Connection[Any], disclosure_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The newest report of each of these disclosures that has one, by id."""
    with conn.cursor(row_factory=dict_row) as cur:
        rows = cur.execute(_REPORTS, [list(disclosure_ids)]).fetchall()
    return {row["disclosure_id"]: row for row in rows}


def ungrounded_reports(reports: Sequence[dict[str, Any]]) -> list[str]:
    """What in stored reports says otherwise than the findings that are stored with them; empty: nothing."""
    return [f"{one['disclosure_id']}: {problem}" for one in reports for problem in disagreements(one)]
