"""Calls made again over real HTTP: the same bytes, every difference shown, nothing of production touched."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from llm_pipeline.db.connection import connect
from llm_pipeline.hashing import sha256_hex
from llm_pipeline.llm.cache import lookup
from llm_pipeline.llm.lake import DamagedArtifactError, LakeError
from llm_pipeline.offline_model.faults import Fault, FaultPlan
from llm_pipeline.replay.errors import BrokenRequestError, UnknownCallError
from llm_pipeline.replay.replay import summary_lines
from llm_pipeline_tests.replay.scenes import Scene, gate_scene
from llm_pipeline_tests.validation.service.runs import query, validate


def stored_request(url: str, audit_id: str) -> bytes:
    (row,) = query(
        url,
        """SELECT lake_uri FROM llm_artifacts WHERE artifact_type = 'request_json' AND audit_trail_id = %s""",
        audit_id,
    )
    return gzip.decompress(Path(row["lake_uri"]).read_bytes())


def test_fifty_calls_are_sent_again_byte_for_byte(fifty):
    calls, before = fifty.calls(), fifty.contents()
    assert len(calls) == 50
    replays = fifty.replay(calls)
    assert fifty.server.model.log.calls == 100
    for one, original in zip(replays, calls, strict=True):
        assert stored_request(fifty.url, one.now.id) == stored_request(fifty.url, original)
        assert one.answer_identical
        assert (one.text, one.fields, one.decisions) == ([], [], [])
        assert one.items == 5
    rows = query(fifty.url, "SELECT * FROM replay_comparisons")
    assert {str(row["original_audit_id"]) for row in rows} == set(calls)
    assert all(row["request_identical"] and row["answer_identical"] for row in rows)
    assert {row["request_sha256"] for row in rows} == {sha256_hex(stored_request(fifty.url, one)) for one in calls}
    assert fifty.contents() == before


def test_a_model_that_answers_otherwise_now_is_shown_in_words_fields_and_decisions(fifty):
    fifty.server.model.set_faults(FaultPlan((Fault("contradicting", every_nth=2),)))
    replays = fifty.replay(fifty.calls())
    different = [one for one in replays if not one.answer_identical]
    assert len(different) == 25
    assert all(one.row()["request_identical"] for one in replays)
    for one in different:
        then = {entry["record_id"]: entry["status"] for entry in one.then.row.parsed_output["records"]}
        now = {entry["record_id"]: entry["status"] for entry in one.now.parsed_output["records"]}
        assert {change.where: (change.then, change.now) for change in one.decisions} == {
            item: (then[item], now[item]) for item in then if then[item] != now[item]
        }
        assert len(one.decisions) == 5  # this fault denies every verdict
        assert any(change.where == "records[0].status" for change in one.fields)
        assert any(line.startswith("-") for line in one.text)
        assert any(line.startswith("+") for line in one.text)
        assert "decisions: 5 of 5 changed" in summary_lines(one)
    stored = query(fifty.url, "SELECT * FROM replay_comparisons WHERE NOT answer_identical")
    assert len(stored) == 25
    assert all(len(row["changed_decisions"]) == 5 for row in stored)


def test_a_replay_is_audited_and_never_found_as_an_answer_of_production(few):
    few.server.model.set_faults(FaultPlan((Fault("contradicting"),)))
    original = few.calls()[0]
    (one,) = few.replay([original])
    (row,) = query(few.url, "SELECT * FROM llm_audit_trail WHERE id = %s", one.now.id)
    assert row["service_name"] == "replay"
    assert row["request_context"]["replay_of"] == original
    assert row["cache_key"] is None
    (asked,) = query(few.url, "SELECT * FROM llm_audit_trail WHERE id = %s", original)
    same = ("prompt_version", "prompt_hash", "resolved_prompt_sha256", "schema_sha256", "options", "model_used")
    assert {name: row[name] for name in same} == {name: asked[name] for name in same}
    with connect(few.url) as conn:
        assert lookup(conn, [asked["cache_key"]])[asked["cache_key"]].audit_id == original


def test_an_answer_from_the_cache_is_replayed_as_the_call_that_it_came_from(few):
    originals = set(few.calls())
    with connect(few.url) as conn:
        conn.execute("UPDATE trading_disclosures SET llm_validation_status = 'pending'")
        conn.execute("DELETE FROM data_quality_quarantine")
    validate(few.url, few.used, batch_size=5, run_id="run-2")
    hits = query(
        few.url, "SELECT id::text, request_context ->> 'cached_from' AS source FROM llm_audit_trail WHERE cache_hit"
    )
    assert len(hits) == 6
    (one,) = few.replay([hits[0]["id"]])
    assert one.named_id == hits[0]["id"]
    assert one.then.row.audit_id == hits[0]["source"]
    assert hits[0]["source"] in originals
    assert one.row()["request_identical"]


def damage(path: Path) -> None:
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()) + b" "))


@pytest.mark.parametrize("kind", ["request_json", "response_json"])
@pytest.mark.parametrize(("harm", "error"), [(Path.unlink, LakeError), (damage, DamagedArtifactError)])
def test_a_missing_or_damaged_artifact_stops_it_before_anything_is_sent(few, kind, harm, error):
    call = few.calls()[2]
    (row,) = query(
        few.url,
        "SELECT lake_uri FROM llm_artifacts WHERE audit_trail_id = %s AND artifact_type = %s",
        call,
        kind,
    )
    harm(Path(row["lake_uri"]))
    sent = few.server.model.log.calls
    with pytest.raises(error, match=rf"{call}/{kind}"):
        few.replay(few.calls())
    assert few.server.model.log.calls == sent


def test_a_request_that_is_not_the_one_of_its_audit_row_is_refused(few):
    first, second = few.calls()[:2]
    with connect(few.url) as conn:
        conn.execute(
            """UPDATE llm_audit_trail SET request_artifact_id =
                   (SELECT request_artifact_id FROM llm_audit_trail WHERE id = %s) WHERE id = %s""",
            [second, first],
        )
    with pytest.raises(BrokenRequestError, match=first):
        few.replay([first])


@pytest.mark.parametrize("named", ["no-uuid", "00000000-0000-0000-0000-000000000000"])
def test_an_unknown_id_is_named(few, named):
    with pytest.raises(UnknownCallError, match=named):
        few.replay([named])


def test_a_server_that_refuses_is_an_audited_failure_with_its_reason(few):
    few.server.model.set_faults(FaultPlan((Fault("refusal"),)))
    (one,) = few.replay(few.calls()[:1])
    assert one.error is not None
    assert one.error.startswith("Refusal: ")
    assert summary_lines(one)[-1] == f"no answer now: {one.error}"
    (row,) = query(few.url, "SELECT * FROM replay_comparisons")
    assert (row["status"], row["original_status"], row["answer_identical"]) == ("refused", "ok", False)


def test_the_same_bytes_are_tried_again_where_the_server_was_busy(few):
    few.server.model.set_faults(FaultPlan((Fault("http_503", first_calls=1),)))
    (one,) = few.replay(few.calls()[:1])
    assert one.answer_identical
    assert [attempt.status for attempt in one.attempts] == ["error", "ok"]
    first, second = (stored_request(few.url, attempt.id) for attempt in one.attempts)
    assert first == second


def test_a_call_whose_request_the_lake_could_not_take_is_replayed_from_its_row(database_url, tmp_path, offline):
    (tmp_path / "in the way").write_text("not a folder")
    scene = gate_scene(database_url, tmp_path, offline, records=5, lake_url=str(tmp_path / "in the way"))
    (call,) = scene.calls()
    (one,) = scene.replay([call])
    assert one.error is None
    assert one.row()["request_identical"]
    assert one.answer_identical


def test_an_answer_that_was_unusable_and_is_so_again_is_identical_and_no_failure(database_url, tmp_path, offline):
    offline.model.set_faults(FaultPlan((Fault("refusal"),)))
    scene = gate_scene(database_url, tmp_path, offline, records=1)
    (one,) = scene.replay(scene.calls()[:1])
    assert (one.then.row.status, one.now.status) == ("refused", "refused")
    assert one.answer_identical
    assert not one.failed
    offline.model.set_faults(FaultPlan())
    (better,) = scene.replay(scene.calls()[:1])
    assert not better.failed
    assert [change.then for change in better.decisions] == ["(none)"]


def test_a_server_that_is_away_fails_every_call_with_its_address_and_is_on_record(few):
    away = Scene(few.url, few.used.model_copy(update={"ollama_base_url": "http://127.0.0.1:9"}), few.server)
    replays = away.replay(few.calls()[:2])
    assert all(one.failed and "127.0.0.1:9" in str(one.error) for one in replays)
    assert not any(one.answer_identical for one in replays)
    rows = query(few.url, "SELECT status, model_digest FROM replay_comparisons")
    assert rows == [{"status": "error", "model_digest": None}] * 2
