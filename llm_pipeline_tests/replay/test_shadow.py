"""Shadow runs over real HTTP and a real database: compared, estimated, paid once, nothing of production touched."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path

import pandas as pd
import psycopg
import pytest

from llm_pipeline.db.connection import connect
from llm_pipeline.llm.cache import lookup
from llm_pipeline.offline_model.faults import Fault, FaultPlan
from llm_pipeline.replay.errors import CandidateError, ReplayError
from llm_pipeline.replay.shadow_plan import Window
from llm_pipeline.replay.shadow_view import view_run
from llm_pipeline_tests.replay.scenes import COMPARISONS, TODAY, WINDOW, Scene, add_version, changed_prompt, gate_scene
from llm_pipeline_tests.validation.service.runs import query, statuses, validate

COMPARED = """SELECT baseline_audit_id::text, item_id, baseline_label, candidate_label, agree, candidate_audit_id::text,
                     error, input_tokens, output_tokens, latency_ms FROM shadow_comparisons ORDER BY 1, 2"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A candidate's prompt: the same instructions in other words."""
    file = tmp_path / "candidate.txt"
    file.write_bytes(changed_prompt("validation_gate", "9.1.0", ("You are calm and exact", "You are calm and strict")))
    return file


def agreement(scene: Scene, run_id: str):
    with connect(scene.url) as conn:
        return view_run(conn, run_id).agreement


def test_a_candidate_is_compared_item_by_item_and_production_stays_as_it_is(few, file):
    before, labels = few.contents(), statuses(few.url)
    report = few.shadow(file=file)
    assert (report.calls, report.failures, report.stopped) == (6, {}, None)
    rows = query(few.url, COMPARED)
    assert {row["item_id"]: row["baseline_label"] for row in rows} == labels
    assert all(row["agree"] for row in rows)
    assert {row["baseline_audit_id"] for row in rows} == set(few.calls())
    assert {row["candidate_audit_id"] for row in rows} == set(few.calls("shadow"))
    assert few.contents() == before
    (run,) = query(few.url, "SELECT * FROM shadow_runs")
    assert (run["status"], run["candidate_version"], run["calls"], run["refused"]) == ("complete", "9.1.0", 6, {})
    (baseline,) = run["baseline"]
    assert (baseline["version"], baseline["model"], baseline["calls"]) == ("1.0.0", "offline-rules", 6)
    asked = query(few.url, "SELECT * FROM llm_audit_trail WHERE service_name = 'shadow'")
    assert {row["prompt_version"] for row in asked} == {"9.1.0"}
    assert {row["request_context"]["shadow_run"] for row in asked} == {str(run["id"])}


def test_the_same_window_again_pays_nothing_and_leaves_the_same_rows(few, file):
    first = few.shadow(file=file)
    before, compared = few.server.model.log.calls, query(few.url, COMPARED)
    again = few.shadow(file=file)
    assert few.server.model.log.calls == before
    assert (again.calls, again.cache_hits, again.cost_usd) == (0, 6, 0.0)
    assert again.plan.run_id == first.plan.run_id
    assert query(few.url, COMPARED) == compared
    assert again.plan.estimate.in_cache == again.plan.estimate.calls == 6
    assert again.plan.estimate.input_tokens == again.plan.estimate.seconds == 0


def test_the_matrix_counts_what_the_stored_answers_say(few, file):
    few.server.model.set_faults(FaultPlan((Fault("contradicting", every_nth=2),)))
    report = few.shadow(file=file)
    answers = query(
        few.url,
        """SELECT service_name, e ->> 'record_id' AS record_id, e ->> 'status' AS status
           FROM llm_audit_trail, jsonb_array_elements(parsed_output -> 'records') e""",
    )
    frame = pd.DataFrame(answers).pivot(index="record_id", columns="service_name", values="status")
    table = pd.crosstab(frame["validation_gate"], frame["shadow"])
    found = agreement(few, report.plan.run_id)
    assert dict(found.cells) == {
        (then, now): int(table.loc[then, now]) for then in table.index for now in table.columns if table.loc[then, now]
    }
    assert found.agreed == int((frame["validation_gate"] == frame["shadow"]).sum()) < found.n == 30
    with connect(few.url) as conn:
        view = view_run(conn, report.plan.run_id)
    assert len(view.disagreements) == min(20, found.n - found.agreed)
    assert found.headline() in view.lines()


def test_the_estimate_comes_before_anything_is_sent_and_can_be_the_end(database_url, tmp_path, offline, file):
    few = gate_scene(
        database_url,
        tmp_path,
        offline,
        records=30,
        llm_usd_per_million_input_tokens=3.0,
        llm_usd_per_million_output_tokens=15.0,
        llm_concurrency=4,
    )
    with connect(few.url) as conn:
        conn.execute("UPDATE llm_audit_trail SET input_tokens = 1000, output_tokens = 400, latency_ms = 2000")
    sent, tables, plans = few.server.model.log.calls, few.contents(COMPARISONS), []
    report = few.shadow(model="offline-rules", announced=plans, estimate_only=True, file=file)
    assert few.server.model.log.calls == sent
    assert few.contents(COMPARISONS) == tables
    assert report.calls == 0
    estimate = plans[0].estimate
    assert (estimate.calls, estimate.in_cache, estimate.output_tokens) == (6, 0, 2400)
    assert estimate.input_tokens == pytest.approx(6000, rel=0.01)  # one word is another
    assert estimate.seconds == 6 * 2.0 / 4
    assert estimate.usd == pytest.approx((estimate.input_tokens * 3 + 2400 * 15) / 1_000_000)


def test_what_is_asked_anew_of_the_version_in_use_is_in_the_cache_already(few):
    report = few.shadow()
    assert (report.calls, report.cache_hits) == (0, 6)
    assert agreement(few, report.plan.run_id).rate == 1.0


def test_a_registered_version_is_asked_with_its_text(few):
    template = add_version(few.url, changed_prompt("validation_gate", "2.0.0"))
    report = few.shadow(version="2.0.0")
    assert report.plan.candidate.template == template
    assert agreement(few, report.plan.run_id).n == 30
    with pytest.raises(CandidateError, match=r"no version '9\.9\.9' of validation_gate.* 1\.0\.0, 2\.0\.0"):
        few.shadow(version="9.9.9")


def test_evidence_is_read_back_with_the_version_it_was_asked_with(few, file):
    """The active version is another one by now; the calls were made with the archived one."""
    words = ("Examine this batch.", "Look at this.")
    add_version(few.url, changed_prompt("validation_gate", "3.0.0", words), status="active")
    report = few.shadow()
    assert report.plan.candidate.version == "3.0.0"
    assert (report.plan.refused, agreement(few, report.plan.run_id).rate) == ({}, 1.0)


def test_the_answers_of_a_shadow_run_do_not_take_the_place_of_productions(few, file):
    keys = query(few.url, "SELECT cache_key, id::text FROM llm_audit_trail WHERE service_name = 'validation_gate'")
    few.server.model.set_faults(FaultPlan((Fault("contradicting"),)))
    few.shadow(file=file)
    with connect(few.url) as conn:
        found = lookup(conn, [row["cache_key"] for row in keys])
    assert {key: answer.audit_id for key, answer in found.items()} == {row["cache_key"]: row["id"] for row in keys}


def test_a_call_without_a_usable_answer_is_counted_as_such_and_asked_again_next_time(few, file):
    few.server.model.set_faults(FaultPlan((Fault("invalid_json", probability=1.0),)))
    report = few.shadow(file=file, window=Window(WINDOW.start, WINDOW.end, 2))
    assert len(report.failures) == 2
    assert all(why.startswith("NotJson: ") for why in report.failures.values())
    found = agreement(few, report.plan.run_id)
    assert (found.n, sum(found.unanswered.values()), found.rate) == (0, 10, None)
    few.server.model.set_faults(FaultPlan())
    again = few.shadow(file=file, window=Window(WINDOW.start, WINDOW.end, 2))
    assert again.plan.run_id == report.plan.run_id
    found = agreement(few, again.plan.run_id)
    assert (found.n, sum(found.unanswered.values()), found.rate) == (10, 0, 1.0)


def test_a_model_that_the_server_does_not_have_stops_the_run_and_says_so(few, file):
    report = few.shadow(file=file, model="not-pulled")
    assert report.stopped is not None
    assert "not-pulled" in report.stopped
    (run,) = query(few.url, "SELECT * FROM shadow_runs")
    assert (run["status"], run["error"], run["candidate_digest"]) == ("stopped", report.stopped, None)


def test_a_call_whose_evidence_is_damaged_is_refused_by_name_and_the_others_are_compared(few, file):
    bad = few.calls()[3]
    (row,) = query(
        few.url, "SELECT lake_uri FROM llm_artifacts WHERE audit_trail_id = %s AND artifact_type = 'request_json'", bad
    )
    Path(row["lake_uri"]).write_bytes(b"")
    report = few.shadow(file=file)
    assert list(report.plan.refused) == [bad]
    assert row["lake_uri"] in report.plan.refused[bad]
    assert agreement(few, report.plan.run_id).n == 25
    (run,) = query(few.url, "SELECT refused FROM shadow_runs")
    assert run["refused"] == report.plan.refused


def test_a_template_that_wants_what_the_calls_did_not_have_is_refused_before_anything_is_sent(few, tmp_path):
    file = tmp_path / "more.txt"
    file.write_bytes(changed_prompt("validation_gate", "9.1.0", ("{{ batch_json }}", "{{ batch_json }}{{ weather }}")))
    sent = few.server.model.log.calls
    with pytest.raises(ReplayError, match=r"none of 6 calls.*weather"):
        few.shadow(file=file)
    assert few.server.model.log.calls == sent
    assert query(few.url, "SELECT 1 FROM shadow_runs") == []


def test_a_window_without_calls_asks_and_stores_nothing(few, file):
    report = few.shadow(file=file, window=Window(TODAY - timedelta(days=30), TODAY - timedelta(days=20)))
    assert report.plan.estimate.calls == 0
    assert query(few.url, "SELECT 1 FROM shadow_runs") == []


@pytest.mark.parametrize("keys", [True, False])
def test_a_question_that_was_paid_twice_is_compared_once_with_its_first_answer(few, file, keys):
    first = few.calls()
    with connect(few.url) as conn:
        conn.execute("UPDATE trading_disclosures SET llm_validation_status = 'pending'")
        conn.execute("DELETE FROM data_quality_quarantine")
    validate(few.url, few.used, batch_size=5, run_id="run-2", cache=False)
    with connect(few.url) as conn:
        if keys:
            conn.execute(
                """UPDATE llm_audit_trail a SET cache_key = b.cache_key FROM llm_audit_trail b
                   WHERE a.resolved_prompt_sha256 = b.resolved_prompt_sha256 AND a.cache_key IS NULL
                     AND b.cache_key IS NOT NULL"""
            )
        else:
            conn.execute("UPDATE llm_audit_trail SET cache_key = NULL")
    assert len(few.calls()) == 12
    report = few.shadow(file=file)
    assert [one.audit_id for one in report.plan.originals] == first


def test_a_prompt_that_does_not_fit_is_not_sent(few, file):
    small = few.used.model_copy(update={"llm_num_ctx": 2048, "llm_num_predict": 1024})
    sent = few.server.model.log.calls
    report = few.shadow(file=file, used=small)
    assert few.server.model.log.calls == sent
    assert Counter(why.split(":")[0] for why in report.failures.values()) == {"ContextOverflow": 6}
    assert sum(agreement(few, report.plan.run_id).unanswered.values()) == 30


def test_calls_that_the_database_does_not_take_are_spooled(few, file):
    with connect(few.url) as conn:
        conn.execute("ALTER TABLE shadow_comparisons ADD CONSTRAINT shut CHECK (item_id = '')")
    with pytest.raises(psycopg.errors.CheckViolation):
        few.shadow(file=file)
    assert query(few.url, "SELECT 1 FROM llm_audit_trail WHERE service_name = 'shadow'") == []
    spooled = list((few.used.llm_pipeline_home / "spool").glob("*.json"))
    assert spooled
    assert (query(few.url, "SELECT status FROM shadow_runs")) == [{"status": "running"}]


def test_an_unknown_interrogation_is_named(few):
    with pytest.raises(CandidateError, match="no interrogation is called 'horoscope'"):
        few.shadow("horoscope")


def test_a_file_of_another_interrogation_is_no_candidate(few, tmp_path):
    file = tmp_path / "other.txt"
    file.write_bytes(changed_prompt("anomaly_detection"))
    with pytest.raises(CandidateError, match=r"other\.txt is no template of validation_gate"):
        few.shadow(file=file)
