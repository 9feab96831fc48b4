"""Workers that are killed or frozen at random: no job is lost, none is done twice.

`python -m benchmarks.jobs` does the same with 16 workers and 5,000 jobs.
"""

from __future__ import annotations

from pathlib import Path

from llm_pipeline.offline_model.process import running
from llm_pipeline_tests.jobs.crashing import survive


def test_killed_and_frozen_workers_lose_no_job_and_do_none_twice(database_url: str, tmp_path: Path) -> None:
    with running(latency_ms=80) as base_url:
        account = survive(
            database_url, base_url, tmp_path, jobs=400, workers=4, every_s=0.5, lease_s=2.0, seed=4, most_hits=10
        )
    assert account.succeeded + account.dead == 400
    assert account.kills > 0
    assert account.expired > 0
    assert set(account.dead_reasons) <= {"LeaseExpired"}
    assert account.claims > 400
