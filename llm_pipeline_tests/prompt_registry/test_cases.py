"""A reviewed disagreement as a labelled case: from the review, with its facts, and in every later evaluation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg.types.json import Jsonb

from llm_pipeline.db.connection import connect
from llm_pipeline.llm.prompt_versions import with_version
from llm_pipeline.offline_model.process import running_in_thread
from llm_pipeline.prompt_registry.cases import NoDisagreementError, NoSuchDecisionError, add_case, withdraw
from llm_pipeline.prompt_registry.evaluation import evaluate_version
from llm_pipeline.prompt_registry.gate_examination import required_sets
from llm_pipeline.prompt_registry.gate_sets import reviewed_set
from llm_pipeline.prompt_registry.store import read_cases
from llm_pipeline.sample.pending import PendingSet
from llm_pipeline_tests.prompt_registry.versions import BLIND, KEY, NOW, WHOLE, add, install, settings
from llm_pipeline_tests.validation.service import runs


@pytest.fixture
def conn(database_url: str, tmp_path: Path) -> Iterator[psycopg.Connection[Any]]:
    """Validated disclosures, of which the first has an invented ticker beside another invented name."""
    pending, _ = runs.mixed_set(20)
    first, *rest = pending.disclosures
    strange = {**first, "asset_ticker": "QDNX", "asset_name": "Belbridan Looms Inc."}
    with connect(database_url, autocommit=True) as connection:
        install(connection, BLIND)
        runs.load(database_url, PendingSet(pending.politicians, (strange, *rest), 0))
        with running_in_thread() as server:
            runs.validate(database_url, runs.settings(tmp_path, server.base_url))
        yield connection


def one_with(conn: psycopg.Connection[Any], status: str, ticker: str | None = None) -> str:
    row = conn.execute(
        "SELECT id::text FROM trading_disclosures WHERE llm_validation_status = %s"
        " AND (%s::text IS NULL OR asset_ticker = %s) ORDER BY ingest_seq LIMIT 1",
        [status, ticker, ticker],
    ).fetchone()
    assert row
    return str(row[0])


def decide(conn: psycopg.Connection[Any], disclosure: str, gate: str, human: str, record: Any = None) -> str:
    """A decision of a reviewer."""
    row = {
        "id": uuid4(),
        "kind": "flagged",
        "item_id": disclosure,
        "decision": "rejected" if human == "reject" else "approved",
        "reviewed_by": "Ada",
        "reviewed_at": NOW,
        "why": "read the filing",
        "previous_state": "open",
        "content": Jsonb({"record": record} if record else {}),
        "content_sha256": "0",
        "disclosure_id": disclosure,
        "gate_verdict": gate,
        "human_verdict": human,
        "status_after": "reject" if human == "reject" else "flag",
    }
    names = ", ".join(row)
    values = ", ".join(f"%({name})s" for name in row)
    conn.execute(f"INSERT INTO review_decisions ({names}) VALUES ({values})", row)
    return str(row["id"])


def test_a_decision_becomes_a_case_with_the_facts_of_its_record(
    conn: psycopg.Connection[Any], database_url: str
) -> None:
    disclosure = one_with(conn, "pass", "QDNX")
    added = add_case(conn, database_url, decide(conn, disclosure, "pass", "flag"), now=NOW)
    assert (added.case_id, added.verdict, added.gate_verdict) == (disclosure, "flag", "pass")
    assert (added.new, added.settled_by_rules) == (True, False)
    (case,) = read_cases(conn, KEY)
    assert (case.created_by, case.why, case.label["accept"]) == ("Ada", "read the filing", ["flag"])
    (item,) = reviewed_set([case]).items
    assert item.record.asset_description == "Belbridan Looms Inc."
    assert (item.facts.name_match, item.facts.exchange_traded, item.facts.issues) == ("unknown", True, ())
    assert [one.name for one in required_sets(conn)] == ["synthetic", "reviewed"]
    assert not add_case(conn, database_url, disclosure, now=NOW).new


def test_a_version_that_loses_a_reviewed_case_is_refused_for_it(
    conn: psycopg.Connection[Any], database_url: str, tmp_path: Path
) -> None:
    disclosure = one_with(conn, "pass", "QDNX")
    add_case(conn, database_url, decide(conn, disclosure, "pass", "flag"), now=NOW)
    version = add(conn, with_version(WHOLE.text.replace("calm", "quick"), "98.0.0"))
    with running_in_thread() as server:
        found = evaluate_version(
            conn, settings(tmp_path, server.base_url), KEY, "0.2.0", against=version, now=NOW, repeats=1
        )
    assert f"reviewed cases lost ({disclosure})" in {one.name for one in found.comparison.figures}
    assert found.comparison.verdict == "worse"
    assert [(one.name, one.cases) for one in found.sets] == [("synthetic", 800), ("reviewed", 1)]


def test_the_record_is_kept_as_it_was_judged_not_as_it_is_now(conn: psycopg.Connection[Any], database_url: str) -> None:
    disclosure = one_with(conn, "pass")
    judged = {"asset_description": "Something else Inc.", "ticker": "MSFT", "filer_name": "Ada Q Example"}
    add_case(conn, database_url, decide(conn, disclosure, "pass", "reject", judged), now=NOW)
    (case,) = read_cases(conn, KEY)
    assert case.record["asset_description"] == "Something else Inc."
    assert case.record["record_id"] == disclosure


def test_what_rules_settled_is_said_to_be_no_matter_of_the_prompt(
    conn: psycopg.Connection[Any], database_url: str
) -> None:
    disclosure = one_with(conn, "reject")
    conn.execute(
        "UPDATE data_quality_quarantine SET status = 'approved', reviewed_by = 'Bob', reviewed_at = now()"
        " WHERE original_record_id = %s",
        [disclosure],
    )
    added = add_case(conn, database_url, disclosure, now=NOW)
    assert (added.verdict, added.gate_verdict, added.settled_by_rules) == ("pass", "reject", True)


def test_agreement_teaches_nothing_and_what_nobody_reviewed_needs_a_signed_verdict(
    conn: psycopg.Connection[Any], database_url: str
) -> None:
    disclosure, other = one_with(conn, "flag"), one_with(conn, "pass")
    with pytest.raises(NoDisagreementError, match=r"agrees with the gate \(flag\)"):
        add_case(conn, database_url, decide(conn, disclosure, "flag", "flag"), now=NOW)
    with pytest.raises(NoSuchDecisionError, match="nobody has reviewed"):
        add_case(conn, database_url, other, now=NOW)
    for unknown in ("no such thing", str(uuid4())):
        with pytest.raises(NoSuchDecisionError, match="there is no disclosure"):
            add_case(conn, database_url, unknown, now=NOW, verdict="flag", by="Ada", why="seen")
    added = add_case(conn, database_url, other, now=NOW, verdict="flag", by="Ada", why="seen")
    assert (added.verdict, added.gate_verdict) == ("flag", None)


def test_a_wrong_label_can_be_withdrawn_and_stays_on_record(conn: psycopg.Connection[Any], database_url: str) -> None:
    disclosure = one_with(conn, "pass")
    add_case(conn, database_url, disclosure, now=NOW, verdict="flag", by="Ada", why="seen")
    withdraw(conn, disclosure, by="Bob", why="misread", now=NOW)
    assert read_cases(conn, KEY) == []
    assert [one.name for one in required_sets(conn)] == ["synthetic"]
    row = conn.execute("SELECT created_by, withdrawn_by, withdrawn_why FROM labelled_cases").fetchone()
    assert row == ("Ada", "Bob", "misread")
    with pytest.raises(NoSuchDecisionError):
        withdraw(conn, disclosure, by="Bob", why="again", now=NOW)
