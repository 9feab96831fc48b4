"""`review list|show|approve|reject` as a reviewer uses them."""

from __future__ import annotations

import pytest

from llm_pipeline_tests.anomalies.stored import disclosure_id
from llm_pipeline_tests.commands import called
from llm_pipeline_tests.review.scene import (
    DUPLICATE,
    MISMATCH,
    quarantine_id,
    recommendation,
    records,
    review,
    signal,
    value,
)

WHO = ("--by", "Thaddea Brindlewick", "--why", "read the filing")


@pytest.fixture
def stored(db, database_url, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", database_url)
    records(database_url, {"twice": ("reject", [DUPLICATE]), "odd": ("flag", [MISMATCH])})
    db.execute("UPDATE politicians SET full_name = 'Quillon' || chr(27) || '[2J A'")
    signal(db, "a", ["odd"])
    recommendation(db, "fb-1")
    return db


def test_what_waits_is_listed_for_people_and_as_one_object(stored):
    told = called("review", "list")
    assert told.code == 0
    assert [line.split()[0] for line in told.stdout.splitlines()] == [
        "quarantine", "flagged", "signal", "recommendation",
    ]  # fmt: skip
    assert "\x1b" not in told.stdout  # a filer's name does not steer the terminal
    assert told.last_line == "1 quarantine, 1 flagged, 1 signal, 1 recommendation waiting"
    found = called("review", "list", "--kind", "flagged", "--json").json
    assert found["waiting"] == {"flagged": 1}
    assert [one["id"] for one in found["items"]] == [disclosure_id("odd")]


def test_an_item_is_shown_whole_and_decided_on_as_it_was_seen(stored):
    item_id = quarantine_id(stored, "twice")
    stored.commit()
    told = called("review", "show", "quarantine", item_id)
    assert (told.code, "duplicate seen" in told.stdout) == (0, True)
    shown = called("review", "show", item_id, "--json").json
    assert (shown["state"], shown["waits"], shown["content"]["record"]["ticker"]) == ("pending", True, "AAPL")
    stored.execute("UPDATE trading_disclosures SET amount_range_min = 1 WHERE id = %s", [disclosure_id("twice")])
    stored.commit()
    late = called("review", "approve", item_id, *WHO, "--seen", shown["seen"])
    assert (late.code, "is not what was seen" in late.last_line) == (1, True)
    seen = called("review", "show", item_id, "--json").json["seen"]
    done = called("review", "approve", item_id, *WHO, "--seen", seen, "--json")
    assert (done.code, done.json["decided"][0]["releases"]) == (0, "anomalies")
    history = called("review", "show", item_id, "--json").json["decisions"]
    assert [(one["decision"], one["reviewed_by"], one["why"]) for one in history] == [
        ("approved", "Thaddea Brindlewick", "read the filing")
    ]


def test_many_ids_are_decided_each_for_itself_and_the_refused_ones_told(stored):
    review(stored, disclosure_id("odd"), "rejected")
    done = called("review", "approve", "fb-1", "sig-nowhere", disclosure_id("odd"), *WHO, "--json")
    assert done.code == 1
    assert [one["id"] for one in done.json["decided"]] == ["fb-1"]
    assert [one["id"] for one in done.json["refused"]] == ["sig-nowhere", disclosure_id("odd")]
    unknown, decided = done.stderr.strip().splitlines()
    assert unknown == ("failed: there is no item to review 'sig-nowhere'; `llm-pipeline review list` shows what waits")
    assert "rejected by Thaddea" in decided
    assert value(stored, "SELECT status FROM llm_prompt_recommendations") == "approved"
    again = called("review", "approve", "flagged", disclosure_id("odd"), *WHO, "--again")
    assert again.code == 0
    assert f"flagged {disclosure_id('odd')} approved; anomalies to run for 2020-06-15" in again.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("approve", "fb-1", "--why", "so"),
        ("reject", "fb-1", "--by", "me"),
        ("approve", "fb-1", "--by", " ", "--why", "so"),
        ("approve", *WHO),
        ("approve", "signal", *WHO),
        ("approve", "fb-1", "sig-a", *WHO, "--seen", "0123456789"),
        ("show", "fb-1", "sig-a"),
        ("list", "--kind", "everything"),
    ],
)
def test_wrong_usage_changes_nothing(stored, arguments):
    assert called("review", *arguments).code == 2
    assert value(stored, "SELECT count(*) FROM review_decisions") == 0
