"""The lake against its rows: every way in which they can part, on a folder and behind fsspec."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as property_settings
from hypothesis import strategies as st

from llm_pipeline.db.bulk import as_jsonb_rows
from llm_pipeline.llm.lake import Artifact, Lake, inside
from llm_pipeline.replay.lake_check import check_lake
from llm_pipeline_tests.replay.scenes import Scene

AT = datetime(2026, 3, 4, 23, 59, tzinfo=UTC)
NONE = {"missing": 0, "changed": 0, "orphaned": 0, "unfinished": 0}


@pytest.fixture(params=["folder", "memory://fsck-{}"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Lake:
    """A local lake and one behind fsspec."""
    return Lake(tmp_path / "lake" if request.param == "folder" else request.param.format(uuid4().hex))


def record(db, *artifacts: Artifact) -> None:
    """Rows of these artifacts, with their calls."""
    for one in artifacts:
        db.execute(
            "INSERT INTO llm_audit_trail (id, service_name, status) VALUES (%s, 's', 'ok') ON CONFLICT DO NOTHING",
            [one.audit_trail_id],
        )
        db.execute(
            "INSERT INTO llm_artifacts SELECT * FROM jsonb_populate_recordset(NULL::llm_artifacts, %s)",
            [as_jsonb_rows([vars(one)])],
        )


def stored(lake: Lake, count: int) -> list[Artifact]:
    """Artifacts of some calls, over several days."""
    return [
        lake.write(str(uuid4()), kind, f'{{"n":{n}}}'.encode(), AT + timedelta(days=n % 3))
        for n in range(count)
        for kind in ("request_json", "response_json")
    ]


def test_a_lake_that_is_whole_has_nothing_to_report(db, lake):
    artifacts = stored(lake, 20)
    record(db, *artifacts)
    report = check_lake(db, lake)
    assert (report.artifacts, report.intact, report.counts, report.listed) == (40, 40, NONE, [])
    assert report.byte_count == sum(one.byte_count for one in artifacts)


def test_every_kind_of_problem_is_found_and_named(db, lake):
    missing, changed, resized, wrong_size, fine, orphan = stored(lake, 3)
    lake._find(missing.lake_uri).unlink()
    lake.write(changed.audit_trail_id, changed.artifact_type, b"other", AT)
    lake._find(resized.lake_uri).write_bytes(b"cut")
    record(db, missing, changed, resized, Artifact(**{**vars(wrong_size), "byte_count": 99}), fine)
    part = inside(fine.lake_uri) + ".abc.part"
    lake._find(part).write_bytes(b"half")
    report = check_lake(db, lake)
    assert report.counts == {"missing": 1, "changed": 3, "orphaned": 1, "unfinished": 1}
    assert (report.artifacts, report.intact, report.damaged, report.stray) == (5, 1, 4, 2)
    found = {(one.kind, inside(one.place), one.audit_id) for one in report.listed}
    assert found == {
        ("missing", inside(missing.lake_uri), missing.audit_trail_id),
        ("changed", inside(changed.lake_uri), changed.audit_trail_id),
        ("changed", inside(resized.lake_uri), resized.audit_trail_id),
        ("changed", inside(wrong_size.lake_uri), wrong_size.audit_trail_id),
        ("orphaned", inside(orphan.lake_uri), None),
        ("unfinished", part, None),
    }
    assert [one["audit_id"] for one in report.as_json()["missing"]] == [missing.audit_trail_id]


def test_a_lake_that_is_not_there_misses_everything(db, tmp_path):
    record(db, *stored(Lake(tmp_path / "here"), 2))
    report = check_lake(db, Lake(tmp_path / "elsewhere"))
    assert report.counts == NONE | {"missing": 4}


def test_a_lake_that_moved_as_a_whole_is_whole(db, tmp_path):
    record(db, *stored(Lake(tmp_path / "old"), 2))
    (tmp_path / "old").rename(tmp_path / "new")
    assert check_lake(db, Lake(tmp_path / "new")).counts == NONE


NAMES = st.text("ab-./_0Z".replace("/", ""), min_size=1, max_size=4).filter(lambda name: set(name) - {"."})


@property_settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=40)
@given(st.dictionaries(NAMES, st.booleans(), min_size=1, max_size=8))
def test_files_and_rows_meet_whatever_the_folders_are_called(database_url, db, tmp_path, names):
    """Folder names that sort around the slash are where a merge of two sorted lists goes wrong."""
    lake = Lake(tmp_path / uuid4().hex)
    with_row = 0
    for name, has_row in names.items():
        artifact = lake.write(name, "request_json", name.encode(), AT)
        if has_row:
            record(db, Artifact(**{**vars(artifact), "audit_trail_id": str(uuid4())}))
            with_row += 1
    report = check_lake(db, lake)
    db.rollback()
    assert (report.artifacts, report.intact) == (with_row, with_row)
    assert report.counts == NONE | {"orphaned": len(names) - with_row}


def test_real_calls_leave_a_lake_that_is_whole(few: Scene, db):
    few.replay(few.calls())
    report = check_lake(db, Lake(few.used.lake))
    assert (report.artifacts, report.intact, report.counts) == (24, 24, NONE)
