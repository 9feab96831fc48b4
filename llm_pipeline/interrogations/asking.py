"""One question asked now, without the queue: gather, render, ask, ground, and store with its audit rows at once.

For somebody who waits for the answer. What can wait goes through the queue (`llm_pipeline/jobs`), which adds leases,
retries and dead letters.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

import psycopg
from psycopg import Connection
from pydantic import BaseModel

from llm_pipeline.interrogations.claims import write_claims
from llm_pipeline.interrogations.queued import (
    Evidence,
    EvidenceMissingError,
    Grounded,
    JobRef,
    QueuedInterrogation,
    UngroundedClaim,
)
from llm_pipeline.llm.audit import Attempt, write_attempts
from llm_pipeline.llm.errors import LlmError
from llm_pipeline.llm.gateway import Gateway
from llm_pipeline.llm.interrogation import Interrogation
from llm_pipeline.llm.prompt_versions import active_template, register_prompts
from llm_pipeline.llm.prompts import PromptTemplate, parse_prompt
from llm_pipeline.llm.reply import Reply
from llm_pipeline.llm.spool import load_spool, spool_attempts
from llm_pipeline.settings import Settings, project_folder

Connect = Callable[[], AbstractContextManager[Connection[Any]]]
"""Opens a connection whose transaction is committed at the end, or rolled back on an error."""
NOT_QUEUED = ""
"""Job id of a question that was never in the queue."""


@dataclass(frozen=True)
class Asked:
    """What became of one question.

    Attributes:
        outcome: stored; refused by grounding as a whole; failed, without a usable answer; missing, nothing to ask
            about.
        reason: of everything but stored.
        fatal: no further question to this model can succeed in this run.
    """

    outcome: Literal["stored", "refused", "failed", "missing"]
    reason: str = ""
    attempts: tuple[Attempt, ...] = ()
    claims: Sequence[UngroundedClaim] = ()
    result: Any = None
    fatal: bool = False


def prepare(conn: Connection[Any], settings: Settings, key: str, now: datetime) -> None:
    """Before a run: bring in audit rows that an earlier run had to leave on disk, and register the prompt.

    Raises:
        PromptVersionConflictError: the prompt's text changed without a new version.
        psycopg.Error: the database refused.
    """
    load_spool(conn, settings.llm_pipeline_home / "spool")
    file = project_folder("prompts") / f"{key}.txt"
    register_prompts(conn, [parse_prompt(file.read_bytes(), file.name)], now, examined=False)


async def ask_one(
    connect: Connect,
    gateway: Gateway,
    asked: QueuedInterrogation,
    given: BaseModel,
    *,
    now: datetime,
) -> Asked:
    """Ask one question and store what came of it, in one transaction with the audit rows that explain it.

    Raises:
        psycopg.Error: the database refused or went away; audit rows of calls that were made are spooled to disk.
        PromptError: there is no active template (`prepare` sees to it), or it and the evidence do not fit together.
    """
    try:
        evidence, template = await asyncio.to_thread(_gather, connect, asked, given, now)
    except EvidenceMissingError as error:
        return Asked("missing", str(error))
    settings = gateway.settings
    interrogation = Interrogation(asked.key, template, asked.contract, asked.model(settings), asked.options(settings))
    messages = interrogation.render(**evidence.variables)
    overflow = await gateway.overflow(interrogation, messages)
    if overflow is not None:
        return Asked("failed", f"{overflow}: raise LLM_NUM_CTX")
    reply: Reply[Any] = await gateway.ask(
        interrogation,
        messages,
        asked.bind(interrogation.schema, evidence),
        request_context={"interrogation": asked.key, "input": given.model_dump(mode="json")},
    )
    found = _judged(asked, evidence, reply)
    ref = JobRef(NOT_QUEUED, 0, given)
    try:
        await asyncio.to_thread(_write, connect, asked, ref, evidence, found, now)
    except psycopg.Error:
        spool_attempts(gateway.settings.llm_pipeline_home / "spool", found.attempts)
        raise
    return found


def _gather(
    connect: Connect, asked: QueuedInterrogation, given: BaseModel, now: datetime
) -> tuple[Evidence, PromptTemplate]:
    with connect() as conn:
        return asked.gather(conn, given, now), active_template(conn, asked.key)


def _judged(asked: QueuedInterrogation, evidence: Evidence, reply: Reply[Any]) -> Asked:
    if reply.error is not None:
        error: LlmError = reply.error
        return Asked("failed", f"{type(error).__name__}: {error}", reply.attempts, fatal=error.fatal)
    assert reply.answer is not None  # an answer or an error, never neither
    grounded = asked.ground(evidence, reply.answer)
    attempts = reply.attempts
    if grounded.claims or grounded.result is None:
        attempts = (*attempts[:-1], replace(attempts[-1], status="ungrounded"))
    if grounded.result is None:
        codes = ", ".join(dict.fromkeys(claim.reason_code for claim in grounded.claims))
        return Asked("refused", f"refused: {codes}", attempts, grounded.claims)
    return Asked("stored", "", attempts, grounded.claims, grounded.result)


def _write(
    connect: Connect,
    asked: QueuedInterrogation,
    ref: JobRef,
    evidence: Evidence,
    found: Asked,
    now: datetime,
) -> None:
    with connect() as conn, conn.transaction(), conn.cursor() as cur:
        write_attempts(cur, found.attempts)
        audit_id = found.attempts[-1].id if found.attempts else None
        if audit_id is None:
            return
        write_claims(cur, asked.key, audit_id, found.claims)
        if found.result is not None:
            asked.store(cur, ref, evidence, Grounded(found.result, found.claims), audit_id, now)
