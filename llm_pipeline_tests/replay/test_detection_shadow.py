"""Detection's calls in the shadow: six variables read back, candidates upheld or rejected compared."""

from __future__ import annotations

from llm_pipeline.anomalies.service import find_candidates
from llm_pipeline.db.connection import connect
from llm_pipeline.offline_model.faults import Fault, FaultPlan
from llm_pipeline.replay.shadow_view import view_run
from llm_pipeline.settings import Settings
from llm_pipeline_tests.anomalies.stored import NOW, burst, habit, store
from llm_pipeline_tests.anomalies.test_judging import BUSY, END, START, THRESHOLDS, judge
from llm_pipeline_tests.replay.scenes import Scene, changed_prompt
from llm_pipeline_tests.validation.service.runs import query


def test_candidates_are_compared_and_a_faulty_candidate_stands_out(db, database_url, tmp_path, offline):
    store(db, [row for name in BUSY for row in (*habit(name), *burst(name))])
    find_candidates(db, START, END, now=NOW, thresholds=THRESHOLDS)
    db.commit()
    judge(database_url, tmp_path, url=offline.base_url)
    used = Settings(
        llm_pipeline_home=tmp_path, ollama_base_url=offline.base_url, llm_anomaly_model="offline-rules", llm_backoff_s=0
    )
    scene = Scene(database_url, used, offline)
    decided = {
        row["candidate_id"]: {"signal": "upheld", "rejected": "rejected"}[row["outcome"]]
        for row in query(database_url, "SELECT candidate_id, outcome FROM anomaly_decisions")
    }
    file = tmp_path / "candidate.txt"
    file.write_bytes(changed_prompt("anomaly_detection"))
    before = scene.contents()

    honest = scene.shadow("anomaly_detection", file=file)
    rows = query(database_url, "SELECT item_id, baseline_label, agree FROM shadow_comparisons")
    assert {row["item_id"]: row["baseline_label"] for row in rows} == decided
    assert all(row["agree"] for row in rows)
    assert honest.calls == len(scene.calls("anomaly_detection")) > 1

    file.write_bytes(changed_prompt("anomaly_detection", "9.2.0"))
    offline.model.set_faults(FaultPlan((Fault("half"),)))
    faulty = scene.shadow("anomaly_detection", file=file)
    with connect(database_url) as conn:
        found = view_run(conn, faulty.plan.run_id).agreement
    assert found.n == len(decided)
    assert any(now == "(none)" for _, now in found.cells)
    assert scene.contents() == before
