"""From names to a shadow run: which candidate, which templates, which window. What the command and the asset call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from psycopg_pool import AsyncConnectionPool

from llm_pipeline.llm.gateway import Gateway
from llm_pipeline.llm.lake import Lake
from llm_pipeline.replay import store
from llm_pipeline.replay.candidate import choose_candidate, known_templates
from llm_pipeline.replay.errors import ReplayError
from llm_pipeline.replay.shadow import Shadow
from llm_pipeline.replay.shadow_plan import Plan, ShadowReport, Window
from llm_pipeline.replay.subjects import subject_named


@dataclass(frozen=True)
class Wanted:
    """What a user names; None and empty leave the model or the version in use."""

    interrogation: str
    window: Window
    model: str | None = None
    version: str | None = None
    file: Path | None = None


async def shadow_run(
    pool: AsyncConnectionPool[Any],
    gateway: Gateway,
    wanted: Wanted,
    *,
    now: datetime,
    announce: Callable[[Plan], None],
    progress: Callable[[str], None] | None = None,
    estimate_only: bool = False,
) -> ShadowReport:
    """Plan, announce, ask. Without an original call, or for an estimate, nothing is asked and nothing stored.

    Raises:
        CandidateError, PromptError: the interrogation, version or template is not usable.
        ReplayError: there are original calls, and the evidence of none could be recovered.
        psycopg.Error: the database refused or went away.
    """
    subject = subject_named(wanted.interrogation)
    async with pool.connection() as conn:
        templates = known_templates(subject.key, await store.template_texts(conn, subject.key))
    candidate = choose_candidate(
        subject, gateway.settings, templates, model=wanted.model, version=wanted.version, file=wanted.file
    )
    shadow = Shadow(pool, gateway, Lake(gateway.settings.lake), templates, candidate, wanted.window, progress)
    plan = await shadow.plan()
    announce(plan)
    if plan.refused and not plan.originals:
        audit_id, why = next(iter(plan.refused.items()))
        raise ReplayError(
            f"the evidence of none of {len(plan.refused)} calls was recovered; the first, {audit_id}: {why}"
        )
    if estimate_only or not plan.originals:
        return ShadowReport(plan)
    return await shadow.run(plan, now)
