"""Answers about two stages of one episode that come at the same time, in a real database."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import dict_row

from llm_pipeline.anomalies.decision import Decision
from llm_pipeline.anomalies.decision_store import apply_decisions
from llm_pipeline.anomalies.detection.candidates import Candidate
from llm_pipeline.anomalies.interrogation import KEY
from llm_pipeline.anomalies.store import read_sightings
from llm_pipeline.db.connection import connect
from llm_pipeline_tests.anomalies import cases
from llm_pipeline_tests.anomalies.stored import NOW, store
from llm_pipeline_tests.anomalies.test_growing import DAYS, GROWING, detect
from llm_pipeline_tests.waiting import until

Database = Connection[Any]


def upheld(stage: Candidate) -> Decision:
    """A signal about a stage; what it says does not matter here."""
    signal = cases.parsed(cases.good_answer(cases.case())).signals[0]
    return Decision(stage, "signal", signal.reasoning, None, signal.model_copy(update={"candidate_id": "any"}))


def waits(url: str, backend: int) -> bool:
    """Whether a connection waits for a lock."""
    with connect(url) as conn:
        found = conn.execute("SELECT wait_event_type FROM pg_stat_activity WHERE pid = %s", [backend]).fetchone()
    return found == ("Lock",)


async def at_once(url: str, first: Decision, second: Decision) -> bool:
    """Store both, the second while the first is not committed yet: whether it waited."""
    async with (
        await psycopg.AsyncConnection.connect(url, row_factory=dict_row) as one,
        await psycopg.AsyncConnection.connect(url, row_factory=dict_row) as other,
    ):

        async def store_second() -> None:
            async with other.transaction(), other.cursor() as cur:
                await apply_decisions(cur, [second], (), KEY, NOW)

        async with one.transaction(), one.cursor() as cur:
            await apply_decisions(cur, [first], (), KEY, NOW)
            running = asyncio.create_task(store_second())
            await asyncio.to_thread(until, lambda: running.done() or waits(url, other.info.backend_pid))
            waited = not running.done()
        await running
    return waited


@pytest.mark.parametrize("turn", [1, -1])
def test_the_latest_stage_stands_whichever_answer_is_stored_first(db: Database, database_url: str, turn: int) -> None:
    store(db, GROWING)
    for start, end in DAYS:
        detect(db, start, end)
    stages: dict[str, list[Candidate]] = defaultdict(list)
    for one in read_sightings(db, DAYS[0][0], DAYS[-1][1]):
        stages[one.candidate_id].append(one)
    db.commit()
    seen_twice = next(few for few in stages.values() if len(few) > 1)
    first, second = (upheld(stage) for stage in sorted(seen_twice[:2], key=lambda one: one.as_of_date)[::turn])
    assert asyncio.run(at_once(database_url, first, second))
    latest = max(one.candidate.as_of_date for one in (first, second))
    assert db.execute("SELECT evidence_as_of, status FROM llm_anomaly_signals").fetchall() == [(latest, "active")]
    assert db.execute("SELECT count(*) FROM anomaly_decision_history").fetchone() == (2,)
