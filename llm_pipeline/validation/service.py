"""The validation gate at work: pending disclosures -> facts -> model -> verdicts -> database.

Belongs here: what a caller does before, during and after a run. The run itself is in `window_run.py`, rules are in
`facts.py`, the model's part in `llm_pipeline/llm`, what an answer is worth in `verdict.py`, SQL in `store.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from psycopg import Connection
from psycopg_pool import AsyncConnectionPool
from pydantic import ValidationError

from llm_pipeline.llm.gateway import Gateway
from llm_pipeline.llm.prompt_versions import active_template_async, register_prompts
from llm_pipeline.llm.spool import load_spool
from llm_pipeline.settings import Settings
from llm_pipeline.validation import store
from llm_pipeline.validation.contract import GateAnswer
from llm_pipeline.validation.interrogation import KEY, gate_interrogation, gate_template
from llm_pipeline.validation.report import ValidationReport, WindowAccount
from llm_pipeline.validation.window_run import WindowRun, spool_folder


class ModelUnusableError(RuntimeError):
    """No disclosure could be decided because the model server or the model is not usable; the message says why."""


@dataclass(frozen=True)
class StoredAnswers:
    """The model's answers of a run as they are in the database: how many, and which no longer fit the contract."""

    checked: int
    invalid: list[str]


def prepare(conn: Connection[Any], settings: Settings, now: datetime) -> None:
    """Before a run: bring in audit rows that an earlier run had to leave on disk, and register the prompt.

    Raises:
        PromptVersionConflictError: the prompt's text changed without a new version.
        psycopg.Error: the database refused.
    """
    load_spool(conn, spool_folder(settings))
    register_prompts(conn, [gate_template()], now)


async def validate_window(
    pool: AsyncConnectionPool[Any],
    gateway: Gateway,
    *,
    start: date,
    end: date,
    now: datetime,
    batch_size: int,
    cap: int | None = None,
    progress: Callable[[str], None] | None = None,
) -> ValidationReport:
    """Give the pending disclosures of the days [start, end) a verdict.

    Args:
        pool: open; at least two connections.
        now: aware time of the run, later than that of every run before it.
        cap: most disclosures to take on; None takes all.

    Raises:
        ModelUnusableError: not one disclosure was decided, because every call would fail (model missing, no server).
        UnknownPromptError: the registry has no active version of the prompt (`prepare` sees to it).
        psycopg.Error: the database refused or went away; what was decided before is stored, audit rows of the
            batches under way are spooled to disk.
    """
    async with pool.connection() as conn:
        interrogation = gate_interrogation(gateway.settings, await active_template_async(conn, KEY))
    report = ValidationReport(start, end, prompt_version=interrogation.version)
    run = WindowRun(pool, gateway, interrogation, report, now, batch_size, cap, progress)
    report = await run.work()
    if report.stopped and not report.decided:
        raise ModelUnusableError(f"{report.stopped}. {_advice(report, gateway.settings)}")
    return report


def _advice(report: ValidationReport, settings: Settings) -> str:
    model, server = settings.llm_validation_model, settings.ollama_base_url or "the bundled offline-rules server"
    return (
        f"Nothing was decided, {report.selected} disclosures stay pending. See that OLLAMA_BASE_URL ({server}) names a "
        f"server that runs (`ollama serve`) and has the model (`ollama pull {model}`), then run again."
    )


def check_window(
    conn: Connection[Any],
    start: date,
    end: date,
    *,
    run_id: str,
    now: datetime,
    pending_hours: int,
    report: ValidationReport | None = None,
) -> tuple[WindowAccount, StoredAnswers, int]:
    """What the database says after a run: where every disclosure stands, whether the run's stored answers still fit
    the contract, and how many disclosures of any day are overdue. With the run's report, disclosures that came while
    it worked, or that its cap left, count as waiting."""
    checked, invalid = 0, []
    for audit_id, answer in store.read_answers(conn, run_id):
        checked += 1
        try:
            GateAnswer.model_validate(answer)
        except ValidationError as error:
            invalid.append(f"{audit_id}: {error.errors()[0]['msg']}")
    account = store.account_for(
        conn, start, end, snapshot=report.snapshot if report else None, capped=report.capped if report else False
    )
    return account, StoredAnswers(checked, invalid), store.count_overdue(conn, now, pending_hours)
