"""The gate at work, on a real database and over real HTTP: a worse prompt is refused, a better one activated, and
rolled back again; production asks with what is active."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest

from llm_pipeline.anomalies.interrogation import anomaly_template
from llm_pipeline.db.connection import connect
from llm_pipeline.llm.errors import Unreachable
from llm_pipeline.llm.lake import Lake
from llm_pipeline.llm.prompt_versions import active_template, register_prompts, stored_template, with_version
from llm_pipeline.offline_model.faults import Fault, FaultPlan
from llm_pipeline.offline_model.process import running_in_thread
from llm_pipeline.prompt_registry.activation import ActivationRefusedError, NothingToRollBackError, activate, roll_back
from llm_pipeline.prompt_registry.evaluation import evaluate_version
from llm_pipeline.prompt_registry.store import read_history
from llm_pipeline_tests.prompt_registry.versions import BLIND, KEY, NOW, WHOLE, add, install, settings, without_step
from llm_pipeline_tests.validation.service import runs

SIGNED: dict[str, Any] = {"by": "Ada", "why": "better on open questions", "now": NOW}


def asked_with(url: str, run_id: str) -> set[tuple[str, str]]:
    with connect(url) as conn:
        rows = conn.execute(
            "SELECT DISTINCT prompt_version, prompt_hash FROM llm_audit_trail WHERE dagster_run_id = %s", [run_id]
        )
        return set(rows.fetchall())


def system_messages(url: str, home: Path, run_id: str) -> set[str]:
    """The instructions that were really sent, from the stored requests."""
    lake = Lake(settings(home).lake)
    with connect(url) as conn:
        rows = conn.execute(
            "SELECT f.lake_uri, f.content_sha256 FROM llm_audit_trail a JOIN llm_artifacts f"
            " ON f.id = a.request_artifact_id WHERE a.dagster_run_id = %s",
            [run_id],
        ).fetchall()
    return {json.loads(lake.read(*row))["messages"][0]["content"] for row in rows}


@pytest.fixture
def conn(database_url: str) -> Any:
    with connect(database_url, autocommit=True) as connection:
        install(connection)
        yield connection


def test_a_worse_prompt_is_refused_a_better_one_activated_and_rolled_back_again(
    conn: psycopg.Connection[Any], database_url: str, tmp_path: Path
) -> None:
    pending, _ = runs.mixed_set(20)
    worse = add(conn, BLIND)
    runs.load(database_url, pending)
    with running_in_thread() as server:
        used = settings(tmp_path, server.base_url)
        with pytest.raises(ActivationRefusedError, match=r"has no evaluation; run `llm-pipeline prompts evaluate"):
            activate(conn, used, KEY, worse, **SIGNED)

        measured = evaluate_version(conn, used, KEY, worse, now=NOW, repeats=1)
        assert measured.comparison.verdict == "worse"
        with pytest.raises(ActivationRefusedError, match="recall of ticker_asset_mismatch") as refused:
            activate(conn, used, KEY, worse, **SIGNED)
        assert refused.value.reasons == ("its verdict is `worse`", *measured.comparison.reasons)
        assert active_template(conn, KEY).version == "0.1.0"

        before = server.model.log.calls
        runs.validate(database_url, runs.settings(tmp_path, server.base_url), run_id="before")
        register_prompts(conn, [WHOLE], NOW)  # as each run does with the file
        measured = evaluate_version(conn, used, KEY, WHOLE.version, now=NOW, repeats=1)
        figures = {one.name: one for one in measured.comparison.figures}
        alarms = figures["false alarms on clean cases"]
        assert (alarms.version, measured.comparison.verdict) == (0, "passed")
        assert (alarms.against or 0) > 0.05
        assert (alarms.lower or 0) > 0
        change = activate(conn, used, KEY, WHOLE.version, **SIGNED)
        assert (change.previous_version, change.evaluation_id) == ("0.1.0", measured.id)
        # The active version's answers came from the cache: it was paid for once, with the first evaluation.
        assert server.model.log.calls - before == 1 + 32

        with connect(database_url) as other:
            other.execute("UPDATE trading_disclosures SET llm_validation_status = 'pending'")
        runs.validate(database_url, runs.settings(tmp_path, server.base_url), run_id="after")
        roll_back(conn, KEY, by="Ada", why="a complaint", now=NOW)
        with connect(database_url) as other:
            other.execute("UPDATE trading_disclosures SET llm_validation_status = 'pending'")
        runs.validate(database_url, runs.settings(tmp_path, server.base_url), run_id="rolled back", cache=False)

    texts = {version: stored_template(conn, KEY, version) for version in ("0.1.0", WHOLE.version)}
    for run_id, version in (("before", "0.1.0"), ("after", WHOLE.version), ("rolled back", "0.1.0")):
        assert asked_with(database_url, run_id) == {(version, texts[version].sha256)}
        (system,) = system_messages(database_url, tmp_path, run_id)
        assert ("5. Verify yourself" in system) == (version == WHOLE.version)
    history = [(one.version, one.previous_version, one.kind) for one in read_history(conn, KEY)]
    assert history == [
        ("0.1.0", None, "bootstrap"),
        (WHOLE.version, "0.1.0", "activate"),
        ("0.1.0", WHOLE.version, "rollback"),
    ]
    with pytest.raises(NothingToRollBackError):
        roll_back(conn, KEY, by="Ada", why="further back", now=NOW)
    # Once passed, it may come back without being paid for again: the evaluation is still against what is active.
    assert activate(conn, used, KEY, WHOLE.version, **SIGNED).evaluation_id == measured.id


def test_every_call_of_an_evaluation_is_audited_and_every_case_stored(
    conn: psycopg.Connection[Any], tmp_path: Path
) -> None:
    version = add(conn, BLIND)
    with running_in_thread() as server:
        found = evaluate_version(conn, settings(tmp_path, server.base_url), KEY, version, now=NOW, repeats=2)
        calls = server.model.log.calls
    audited = conn.execute(
        "SELECT prompt_version, count(*), count(DISTINCT options ->> 'seed') FROM llm_audit_trail"
        " WHERE service_name = 'prompt_evaluation' GROUP BY 1 ORDER BY 1"
    ).fetchall()
    assert audited == [("0.1.0", 64, 2), ("0.2.0", 64, 2)]
    assert calls == 128
    stored = conn.execute(
        "SELECT count(*), sum(right_of_version), sum(right_of_against) FROM prompt_evaluation_cases"
        " WHERE evaluation_id = %s",
        [found.id],
    ).fetchone()
    sides = [sum(one.right for one in side.tallies.values()) for side in (found.version_side, found.against_side)]
    assert stored == (800, *sides)
    row = conn.execute("SELECT version, against, model, repeats, verdict, sets FROM prompt_evaluations").fetchone()
    assert row is not None
    assert row[:5] == ("0.2.0", "0.1.0", "offline-rules", 2, "worse")
    assert [(one["name"], one["cases"]) for one in row[5]] == [("synthetic", 800)]
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="append-only"):
        conn.execute("UPDATE prompt_evaluations SET verdict = 'passed'")


def test_detection_s_prompt_is_examined_on_planted_patterns_and_decoys(database_url: str, tmp_path: Path) -> None:
    whole = anomaly_template()
    credulous = with_version(without_step(whole.text, 3), "99.0.0")  # asks for no ordinary explanation
    with connect(database_url, autocommit=True) as conn, running_in_thread() as server:
        register_prompts(conn, [whole], NOW)
        version = add(conn, credulous)
        used = settings(tmp_path, server.base_url)
        found = evaluate_version(conn, used, "anomaly_detection", version, now=NOW, repeats=1)
        figures = {one.name: one for one in found.comparison.figures}
        assert (figures["recall"].version, figures["recall"].against) == (1, 1)
        alarms = figures["false alarms on clean cases"]
        assert (alarms.version, alarms.against, alarms.n, alarms.standing) == (1, 0, 160, "worse")
        assert found.against_side.measures[0]["outcomes"] == {"signal": 80, "rejected": 160}
        with pytest.raises(ActivationRefusedError, match="false alarms on clean cases"):
            activate(conn, used, "anomaly_detection", version, **SIGNED)


@pytest.mark.parametrize("key", [KEY, "anomaly_detection"])
def test_an_evaluation_that_no_server_answers_stores_no_verdict_and_keeps_its_calls(
    key: str, database_url: str, tmp_path: Path
) -> None:
    with connect(database_url, autocommit=True) as conn:
        whole = WHOLE if key == KEY else anomaly_template()
        register_prompts(conn, [whole], NOW)
        version = add(conn, with_version(whole.text, "99.0.0"))
        used = settings(tmp_path, "http://127.0.0.1:9", llm_max_attempts=1)
        with pytest.raises(Unreachable):
            evaluate_version(conn, used, key, version, now=NOW, repeats=1)
        assert conn.execute("SELECT count(*) FROM prompt_evaluations").fetchone() == (0,)
        (calls,) = conn.execute("SELECT count(*) FROM llm_audit_trail WHERE status = 'error'").fetchone() or (0,)
        assert calls > 0


def test_answers_that_do_not_fit_at_first_count_against_a_version_also_when_they_come_from_the_cache(
    conn: psycopg.Connection[Any], tmp_path: Path
) -> None:
    version = add(conn, WHOLE.text.replace(f"# Version: {WHOLE.version}", "# Version: 99.0.0"))
    shares = []
    # The version is asked first, and each record's first answer does not fit; by then the active one's do.
    with running_in_thread(faults=FaultPlan((Fault("invalid_schema", first_per_record=1),))) as server:
        for _ in range(2):
            found = evaluate_version(conn, settings(tmp_path, server.base_url), KEY, version, now=NOW, repeats=1)
            figures = {one.name: one for one in found.comparison.figures}
            shares.append(figures["first answers that fit the schema"].version)
            assert found.comparison.verdict == "worse"
    # All 32 were asked again and fitted then; the second evaluation finds only the answers that fitted.
    assert shares == [0, 0]
    assert server.model.log.calls == 64 + 32
