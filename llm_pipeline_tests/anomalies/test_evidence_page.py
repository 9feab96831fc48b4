from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection

from llm_pipeline.anomalies.bundle import UnknownSignalError, read_bundle
from llm_pipeline.anomalies.detection.thresholds import Thresholds
from llm_pipeline.anomalies.evidence_page import write_bundle
from llm_pipeline.anomalies.service import find_candidates
from llm_pipeline.anomalies.stored_candidate import signal_id_of
from llm_pipeline_tests.anomalies.stored import NOW, burst, habit, store
from llm_pipeline_tests.anomalies.test_judging import judge

HOSTILE = "Quillon <script>alert(1)</script> Featherbarrow"

Database = Connection[Any]


@pytest.fixture
def signal_id(db: Database, database_url: str, tmp_path: Path) -> str:
    store(db, [*habit(HOSTILE), *burst(HOSTILE)])
    report = find_candidates(db, date(2020, 3, 1), date(2020, 7, 1), now=NOW, thresholds=Thresholds())
    db.commit()
    judge(database_url, tmp_path)
    found = db.execute("SELECT signal_id FROM llm_anomaly_signals ORDER BY confidence DESC, signal_id").fetchone()
    assert found is not None
    assert found[0] in {signal_id_of(one.candidate_id) for one in report.new}
    return found[0]


def test_a_bundle_holds_everything_and_says_what_was_not_found(db: Database, signal_id: str, tmp_path: Path):
    page, data = write_bundle(read_bundle(db, signal_id, now=NOW), tmp_path / "out")
    document = json.loads(data.read_text())
    assert document["signal"]["signal_id"] == signal_id
    assert document["review"]["review_status"] == "pending"
    assert document["model"]["model_used"] == "offline-rules"
    assert document["model"]["audit_id"]
    assert all(one["n"] >= 0 and one["method"] for one in document["numbers"])
    assert {one["source_url"] for one in document["trades"]} == {"https://example.org/report"}
    assert document["checks"]["grounding_problems"] == []
    told = " ".join(document["not_found"])
    for words in ("No hearing", "provenance", "No human has reviewed", "why the trades were made"):
        assert words in told
    text = page.read_text()
    assert signal_id in text
    assert "offline-rules" in text


def test_a_withdrawn_signal_says_so_and_shows_every_decision(db: Database, signal_id: str, tmp_path: Path):
    db.execute("UPDATE llm_anomaly_signals SET status = 'withdrawn' WHERE signal_id = %s", [signal_id])
    page, data = write_bundle(read_bundle(db, signal_id, now=NOW), tmp_path / "out")
    text = page.read_text()
    assert "Withdrawn.</b>" in text
    (decision,) = json.loads(data.read_text())["decisions"]
    assert (decision["outcome"], decision["superseded_at"]) == ("signal", None)
    assert decision["audit_id"] in data.read_text()


def test_trades_that_are_no_more_are_told(db: Database, signal_id: str, tmp_path: Path):
    db.execute(
        """UPDATE trading_disclosures SET deleted_at = now() WHERE id::text = (
               SELECT trade_ids[1] FROM anomaly_candidates c JOIN llm_anomaly_signals s USING (candidate_id)
               WHERE signal_id = %s)""",
        [signal_id],
    )
    document = read_bundle(db, signal_id, now=NOW).document
    assert any("trades were deleted or rejected since" in one for one in document["not_found"])
    assert any("is no validated trade" in one for one in document["checks"]["grounding_problems"])


def test_the_page_fetches_nothing_and_runs_nothing(db: Database, signal_id: str, tmp_path: Path):
    page, _ = write_bundle(read_bundle(db, signal_id, now=NOW), tmp_path / "out")
    text = page.read_text()
    assert "<script" not in text
    assert not re.search(r"(?:src|href)=[\"'](?!data:|https://example\.org/report)", text)


def test_the_same_signal_gives_the_same_bytes(db: Database, signal_id: str, tmp_path: Path):
    first, second = (
        [file.read_bytes() for file in write_bundle(read_bundle(db, signal_id, now=NOW), tmp_path / name)]
        for name in ("a", "b")
    )
    assert first == second


def test_an_unknown_signal_is_an_error_that_says_where_to_look(db: Database):
    with pytest.raises(UnknownSignalError, match="signal_id"):
        read_bundle(db, "sig-none", now=NOW)
