"""The queue's statements on a real server: order, leases, fencing, backoff, replay."""

from __future__ import annotations

import hashlib
import threading
from typing import Any

import psycopg
import pytest

from llm_pipeline.db.connection import connect
from llm_pipeline.jobs.account import claimable, queue_status, retry_dead
from llm_pipeline.jobs.enqueue import MANY, enqueue
from llm_pipeline.jobs.job import NewJob, derived_key
from llm_pipeline.jobs.store import (
    JobEnd,
    already_ended,
    claim,
    end,
    release,
    renew,
    seconds_to_next,
    take_back_expired,
)
from llm_pipeline_tests.jobs.queue import fill, jobs, states

Database = psycopg.Connection[Any]


def new(number: int, **given: Any) -> NewJob:
    return NewJob(given.pop("key", "some_key"), {"number": number}, **given)


@pytest.fixture
def conn(database_url: str):
    with connect(database_url, autocommit=True) as connection:
        yield connection


def expire(conn: Database) -> None:
    """Let every lease have ended, on the clock that decides it."""
    conn.execute("UPDATE llm_jobs SET lease_expires_at = now() - interval '1 second' WHERE status = 'RUNNING'")


def numbers(claimed) -> list[int]:
    return [one.input_json["number"] for one in claimed]


def test_the_same_question_is_queued_once_and_another_key_makes_it_another(conn, database_url):
    first = fill(database_url, [new(1), new(1), new(2)])
    assert (len(first.job_ids), first.known) == (2, 1)
    again = fill(database_url, [new(2, priority=9), new(3), new(1, idempotency_key="mine")])
    assert (len(again.job_ids), again.known) == (2, 1)
    assert len(jobs(database_url)) == 4
    # What was there is left as it is.
    assert {row["priority"] for row in jobs(database_url)} == {0}


def test_the_derived_key_does_not_depend_on_the_order_of_fields_nor_on_who_computes_it():
    assert derived_key("k", '{"a": 1, "b": 2.50}') == derived_key("k", '{"b": 2.5, "a": 1}')
    assert derived_key("k", '{"a": 1}') != derived_key("l", '{"a": 1}')
    expected = hashlib.sha256(b'{"input":{"a":1},"interrogation":"k"}').hexdigest()
    assert derived_key("k", '{ "a" : 1 }') == expected


def test_the_most_urgent_is_claimed_first_then_the_oldest_also_among_retries(conn, database_url):
    fill(database_url, [new(1), new(2, priority=5), new(3), new(4, priority=-1), new(5, priority=3)])
    conn.execute("UPDATE llm_jobs SET created_at = now() - make_interval(secs => 10 - (input_json->>'number')::int),"
                 " available_at = now() - interval '1 second'")  # fmt: skip
    conn.execute("UPDATE llm_jobs SET status = 'FAILED' WHERE input_json->>'number' IN ('5', '3')")
    assert numbers(claim(conn, "w", 3, 60)) == [2, 5, 1]
    assert numbers(claim(conn, "w", 9, 60)) == [3, 4]


def test_a_job_that_is_not_due_is_not_claimed(conn, database_url):
    fill(database_url, [new(1)])
    conn.execute("UPDATE llm_jobs SET available_at = now() + interval '1 hour'")
    assert claim(conn, "w", 5, 60) == []
    assert 3_500 < (seconds_to_next(conn) or 0) <= 3_600


def test_interrogations_that_are_left_alone_are_not_claimed(conn, database_url):
    fill(database_url, [new(1, key="a"), new(2, key="b")])
    assert numbers(claim(conn, "w", 5, 60, without={"a"})) == [2]
    assert 0 < (seconds_to_next(conn, {"a"}) or 0) <= 60  # the lease of the other one; the first one has been due


def test_many_claiming_at_once_get_each_job_once(database_url):
    fill(database_url, [new(number) for number in range(400)])
    got: list[list[int]] = []

    def run(name: str) -> None:
        with connect(database_url, autocommit=True) as mine:
            while found := claim(mine, name, 7, 60):
                got.append(numbers(found))

    threads = [threading.Thread(target=run, args=[f"w{n}"]) for n in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    everything = sorted(number for some in got for number in some)
    assert everything == list(range(400))


def test_every_claim_raises_the_token_and_a_late_worker_writes_nothing(conn, database_url):
    fill(database_url, [new(1)])
    (early,) = claim(conn, "early", 1, 60)
    expire(conn)
    assert take_back_expired(conn).waiting == 1
    (late,) = claim(conn, "late", 1, 60)
    assert (early.fencing_token, late.fencing_token, late.attempt) == (1, 2, 2)
    with conn.cursor() as cur:
        assert not end(cur, early, JobEnd("SUCCEEDED"))
        assert not end(cur, early, JobEnd("FAILED", "late"))
    assert release(conn, [early]) == 0
    assert renew(conn, [early, late], 60) == {late.hold}
    (row,) = jobs(database_url)
    assert (row["status"], row["locked_by"], row["last_error"]) == (
        "RUNNING",
        "late",
        "LeaseExpired: the worker early was not heard of after attempt 1",
    )
    with conn.cursor() as cur:
        assert end(cur, late, JobEnd("SUCCEEDED"))
        assert not end(cur, late, JobEnd("SUCCEEDED"))
    assert already_ended(conn, late, JobEnd("SUCCEEDED"))
    assert not already_ended(conn, early, JobEnd("SUCCEEDED"))


def test_a_lease_that_was_taken_back_is_lost_also_before_anybody_claims_it_again(conn, database_url):
    fill(database_url, [new(1)])
    (held,) = claim(conn, "w", 1, 60)
    expire(conn)
    take_back_expired(conn)
    with conn.cursor() as cur:
        assert not end(cur, held, JobEnd("SUCCEEDED"))


def test_a_renewed_lease_is_not_taken_back(conn, database_url):
    fill(database_url, [new(1)])
    held = claim(conn, "w", 1, 60)
    for _ in range(3):
        expire(conn)
        assert renew(conn, held, 3_600) == {held[0].hold}
        assert take_back_expired(conn).waiting == 0
        assert 60 < (seconds_to_next(conn) or 0) <= 3_600


def test_a_job_whose_workers_die_every_time_is_dead_with_that_reason(conn, database_url):
    fill(database_url, [new(1, max_attempts=2)])
    for _ in range(2):
        claim(conn, "w", 1, 60)
        expire(conn)
        back = take_back_expired(conn)
    assert (back.waiting, back.dead) == (0, 1)
    (row,) = jobs(database_url)
    assert (row["status"], row["attempt_count"]) == ("DEADLETTER", 2)
    assert "was not heard of after attempt 2" in row["last_error"]
    assert row["finished_at"] is not None


def test_what_is_released_was_never_attempted(conn, database_url):
    fill(database_url, [new(1), new(2)])
    conn.execute("UPDATE llm_jobs SET status = 'FAILED', attempt_count = 1 WHERE input_json->>'number' = '2'")
    assert release(conn, claim(conn, "w", 2, 60)) == 2
    found = {row["input_json"]["number"]: (row["status"], row["attempt_count"]) for row in jobs(database_url)}
    assert found == {1: ("NEW", 0), 2: ("FAILED", 1)}
    assert [token for _, token in claimable(conn, 9)] == [1, 1]


def test_the_dead_are_replayed_by_id_by_interrogation_or_all(conn, database_url):
    fill(database_url, [new(n, key="a") for n in range(3)] + [new(9, key="b")])
    conn.execute("UPDATE llm_jobs SET status = 'DEADLETTER', attempt_count = 3, unusable_answers = 2, last_error = 'x'")
    one = next(row["id"] for row in jobs(database_url) if row["interrogation_key"] == "a")
    assert retry_dead(conn, job_ids=[one]) == (one,)
    assert retry_dead(conn, job_ids=[one]) == ()
    assert len(retry_dead(conn, interrogation_key="a")) == 2
    assert len(retry_dead(conn)) == 1
    for row in jobs(database_url):
        # The seed goes on: the same question would bring the same answer.
        assert (row["status"], row["attempt_count"], row["unusable_answers"]) == ("NEW", 0, 2)


def test_status_counts_by_interrogation_and_tells_why_jobs_are_dead(conn, database_url):
    assert queue_status(conn).counts == {}
    fill(database_url, [new(1, key="a"), new(2, key="a"), new(3, key="b")])
    oldest = min(row["created_at"] for row in jobs(database_url))
    conn.execute("UPDATE llm_jobs SET status = 'DEADLETTER', last_error = 'EvidenceMissingError: gone',"
                 " finished_at = now() WHERE interrogation_key = 'b'")  # fmt: skip
    found = queue_status(conn)
    assert found.counts == {"a": {"NEW": 2}, "b": {"DEADLETTER": 1}}
    assert found.oldest_waiting == oldest
    assert [(one.interrogation_key, one.reason) for one in found.dead] == [("b", "EvidenceMissingError: gone")]


def test_a_claim_from_a_large_fresh_backlog_walks_the_index(conn, database_url):
    fill(database_url, [new(number) for number in range(20 * MANY)])
    for _ in range(20):
        assert len(claim(conn, "w", 1, 60)) == 1
    with conn.transaction():  # what a claim reads is counted in its transaction
        assert len(claim(conn, "w", 1, 60)) == 1
        read = conn.execute(
            "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'llm_jobs'"
        ).fetchone()
    assert read is not None
    assert 0 < read[0] < 100
    analysed = conn.execute("SELECT reltuples FROM pg_class WHERE relname = 'llm_jobs'").fetchone()
    assert analysed is not None
    assert analysed[0] == pytest.approx(20 * MANY, rel=0.05)
    with conn.transaction():
        plan = "\n".join(
            row[0]
            for row in conn.execute(
                """EXPLAIN SELECT job_id FROM llm_jobs WHERE status = 'NEW' AND available_at <= now()
                   ORDER BY priority DESC, available_at, created_at LIMIT 1 FOR UPDATE SKIP LOCKED"""
            ).fetchall()
        )
    assert "llm_jobs_to_claim" in plan
    assert "Sort" not in plan


def test_new_jobs_notify_once_a_statement(database_url):
    with connect(database_url, autocommit=True) as listening, connect(database_url, autocommit=True) as writing:
        listening.execute("LISTEN llm_jobs")
        with writing.cursor() as cur:
            enqueue(cur, [new(number) for number in range(50)])
        writing.execute("NOTIFY llm_jobs, 'the last one'")  # notifications come in the order of their commits
        heard = [one.payload for one in listening.notifies(timeout=60, stop_after=2)]
    assert heard == ["", "the last one"]


def test_a_bundle_reference_survives_a_later_attempt_without_one(conn, database_url):
    fill(database_url, [new(1)])
    (held,) = claim(conn, "w", 1, 60)
    with conn.cursor() as cur:
        end(cur, held, JobEnd("FAILED", "no answer", unusable=True), {"sha256": "ab"})
    (held,) = claim(conn, "w", 1, 60)
    assert held.unusable_answers == 1
    with conn.cursor() as cur:
        end(cur, held, JobEnd("DEADLETTER", "x" * 5_000))
    (row,) = jobs(database_url)
    assert row["evidence_ref_json"] == {"sha256": "ab"}
    assert len(row["last_error"]) == 2_000
    assert states(database_url) == {"DEADLETTER": 1}
