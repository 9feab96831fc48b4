"""Whether a run that drains the queue is due. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from llm_pipeline.hashing import hash_of
from llm_pipeline.jobs.job import Hold

BATCH = 1_000
"""Claimable jobs that a decision looks at."""
AGAIN_AFTER_S = 600
"""A batch that a run left untouched (it failed before its first claim) is given another run so many seconds later."""


@dataclass(frozen=True)
class Decision:
    """A run to request, by its key, or why there is none."""

    run_key: str | None
    reason: str


def decide(waiting: Sequence[Hold], runs_under_way: int, now: datetime) -> Decision:
    """A run is due when jobs can be claimed and no run is there to claim them.

    The key names the batch: the jobs with their fencing tokens, which every claim raises. So one state of the queue
    gets one run, however often it is looked at, and one more in each `AGAIN_AFTER_S` seconds in which nobody claims.
    """
    if not waiting:
        return Decision(None, "no job can be claimed now")
    if runs_under_way:
        return Decision(None, "a run is draining the queue already")
    batch = hash_of([[job_id, token] for job_id, token in waiting])
    return Decision(f"{batch[:32]}:{int(now.timestamp()) // AGAIN_AFTER_S}", f"{len(waiting)} jobs can be claimed")
