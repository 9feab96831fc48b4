"""The gate on a genuine Ollama with a tiny random model; only where REAL_OLLAMA_URL names one.

Its words are noise, so nothing is asserted about what it finds: only that noise moves no verdict below the rules, names
no field that does not exist, and is all on record.
"""

from __future__ import annotations

import os

import pytest

from llm_pipeline.validation.record import MODEL_FIELDS
from llm_pipeline_tests.validation.service.runs import (
    check_artifacts,
    check_stored_reasons,
    failures,
    load,
    mixed_set,
    query,
    rules_alone,
    settings,
    statuses,
    validate,
)

N = 12
RANK = {"pass": 0, "flag": 1, "reject": 2}


@pytest.fixture(scope="session")
def real_ollama() -> str:
    """The address of a genuine Ollama with the tiny random models."""
    url = os.environ.get("REAL_OLLAMA_URL")
    if not url:
        pytest.skip("REAL_OLLAMA_URL names no genuine Ollama server")
    return url


def test_noise_of_a_real_model_moves_no_verdict_below_the_rules(database_url, tmp_path, real_ollama):
    pending, _ = mixed_set(N)
    load(database_url, pending)
    rules = rules_alone(database_url)
    used = settings(
        tmp_path,
        real_ollama,
        llm_validation_model="tiny-biased",
        llm_concurrency=1,
        llm_num_ctx=8192,  # what the model was made for; four records need about 6,800 of its one-byte tokens
        llm_num_predict=768,
        llm_idle_timeout_s=60.0,
        llm_total_timeout_s=60.0,
    )
    run = validate(database_url, used, batch_size=4)
    found, failed = statuses(database_url), failures(database_url)
    assert (run.report.selected, run.report.counts_reconcile) == (N, True)
    assert {one for one, status in found.items() if status == "pending"} == failed.keys()
    decided = {one: status for one, status in found.items() if status != "pending"}
    assert decided, [row["last_error"] for row in failed.values()]
    assert all(RANK[status] >= RANK[rules[one]] for one, status in decided.items())
    fields = {row["field_name"] for row in query(database_url, "SELECT field_name FROM data_quality_issues")}
    assert fields <= set(MODEL_FIELDS)
    calls = query(database_url, "SELECT model_used, endpoint, model_digest FROM llm_audit_trail")
    assert len(calls) == run.report.calls
    assert {row["model_used"] for row in calls} == {"tiny-biased"}
    assert {row["endpoint"] for row in calls} == {real_ollama.rstrip("/")}
    assert check_artifacts(database_url, used) == 2 * len(calls)
    check_stored_reasons(database_url)
    assert run.account.conserved
