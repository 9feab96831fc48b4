"""Each way to tamper with what is stored, done with real SQL on a real ingestion, is found and named."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from llm_pipeline.disclosures.ingest import ingest
from llm_pipeline.disclosures.merkle import merkle_root
from llm_pipeline.disclosures.provenance import StepDraft, extend_chain
from llm_pipeline.disclosures.store import heads_by_day, write_roots, write_steps
from llm_pipeline.lineage.examine import UnknownDisclosureError, examine
from llm_pipeline.lineage.service import verify_ids
from llm_pipeline.lineage.store import Scope, read_chains
from llm_pipeline_tests.disclosures.samples import senate_report, titled, write_lines
from llm_pipeline_tests.lineage.stored import (
    AGAIN,
    DAY,
    NOW,
    ONCE,
    OTHER_DAY,
    SOURCE,
    TWICE,
    WITHDRAWN,
    Connection,
    ident,
    tamper,
    verified,
)

PROVENANCE = "UPDATE disclosure_provenance SET "
AT = " WHERE disclosure_id = %s AND step_no = %s"
ROW = "UPDATE trading_disclosures SET "
ID = " WHERE id = %s"


def test_what_was_loaded_holds(loaded: Connection) -> None:
    report = verified(loaded)
    assert report.holds, report
    assert (report.disclosures, report.verified, report.partitions) == (6, 6, 2)
    assert verify_ids(loaded, [TWICE, WITHDRAWN, ONCE], now=NOW).holds


def test_what_others_may_change_breaks_nothing(loaded: Connection) -> None:
    loaded.execute(
        """UPDATE trading_disclosures SET llm_validation_status = 'reject', llm_validated_at = now(),
           updated_at = now(), processing_notes = 'seen by a person', deleted_at = now(), status = 'other'"""
    )
    assert verified(loaded).holds


@pytest.mark.parametrize(
    ("statement", "values", "broken", "code", "step"),
    [
        # a flipped character of every stored column of a step
        (PROVENANCE + "chain_hash = overlay(chain_hash placing 'x' from 5)" + AT, (ONCE, 3), ONCE, "hash_mismatch", 3),
        (PROVENANCE + "previous_hash = overlay(previous_hash placing 'x' from 9)" + AT, (ONCE, 5), ONCE,
         "link_broken", 5),
        (PROVENANCE + "previous_hash = NULL" + AT, (ONCE, 5), ONCE, "link_broken", 5),
        (PROVENANCE + "input_hash = overlay(input_hash placing 'x' from 64)" + AT, (ONCE, 1), ONCE,
         "hash_mismatch", 1),
        (PROVENANCE + "output_hash = overlay(output_hash placing 'x' from 1)" + AT, (TWICE, 10), TWICE,
         "hash_mismatch", 10),
        (PROVENANCE + """detail = '{"out": {"asset_ticker": "ACMF"}}'""" + AT, (ONCE, 4), ONCE, "hash_mismatch", 4),
        (PROVENANCE + "detail = '[1.5]'" + AT, (ONCE, 4), ONCE, "hash_mismatch", 4),
        (PROVENANCE + """detail = '{"out": 1.5}'""" + AT, (ONCE, 4), ONCE, "hash_mismatch", 4),
        (PROVENANCE + "step_version = '2'" + AT, (ONCE, 2), ONCE, "version_edited", 2),
        (PROVENANCE + "step = 'parsf'" + AT, (ONCE, 2), ONCE, "step_out_of_order", 2),
        # times
        (PROVENANCE + "ts = ts - interval '1 year'" + AT, (ONCE, 4), ONCE, "time_reversed", 4),
        (PROVENANCE + "ts = ts - interval '1 year'" + AT, (TWICE, 9), TWICE, "time_reversed", 9),
        (PROVENANCE + "ts = ts - interval '1 year'" + AT, (ONCE, 1), ONCE, "time_edited", 1),
        (PROVENANCE + "ts = ts + interval '1 second'" + AT, (ONCE, 8), ONCE, "time_not_of_load", 8),
        (PROVENANCE + "ts = '2100-01-01'" + AT, (TWICE, 9), TWICE, "time_in_future", 9),
        (PROVENANCE + "ts = 'infinity'" + AT, (ONCE, 1), ONCE, "time_edited", 1),
        # removed steps, whole chains, numbers
        ("DELETE FROM disclosure_provenance" + AT, (ONCE, 1), ONCE, "step_missing", 2),
        ("DELETE FROM disclosure_provenance" + AT, (TWICE, 12), TWICE, "step_missing", 13),
        ("DELETE FROM disclosure_provenance" + AT, (ONCE, 8), ONCE, "chain_incomplete", 7),
        ("DELETE FROM disclosure_provenance WHERE disclosure_id = %s", (ONCE,), ONCE, "chain_missing", None),
        ("DELETE FROM disclosure_provenance WHERE disclosure_id = %s AND step_no > 8", (TWICE,), TWICE,
         "row_edited", None),
        ("DELETE FROM disclosure_provenance WHERE disclosure_id = %s AND step = 'supersede'", (WITHDRAWN,), WITHDRAWN,
         "supersession_edited", None),
        (PROVENANCE + "step_no = 90" + AT, (ONCE, 8), ONCE, "step_missing", 90),
        (PROVENANCE + "step_no = CASE step_no WHEN 3 THEN 103 ELSE 104 END WHERE disclosure_id = %s "
         "AND step_no IN (3, 4)", (ONCE,), ONCE, "step_missing", 5),
        # rows edited behind the pipeline's back
        (ROW + "asset_ticker = 'EVIL'" + ID, (ONCE,), ONCE, "row_edited", None),
        (ROW + "amount_range_max = amount_range_max + 1" + ID, (ONCE,), ONCE, "row_edited", None),
        (ROW + "disclosure_date = disclosure_date + 1" + ID, (ONCE,), ONCE, "row_edited", None),
        (ROW + "source_url = 'https://example.org'" + ID, (ONCE,), ONCE, "row_edited", None),
        (ROW + "politician_id = NULL" + ID, (ONCE,), ONCE, "row_edited", None),
        (ROW + "source = NULL" + ID, (ONCE,), ONCE, "row_edited", None),
        (ROW + "raw_data = jsonb_set(raw_data, '{source_row,owner}', '\"x\"')" + ID, (ONCE,), ONCE, "row_edited", None),
        (ROW + "raw_data = jsonb_set(raw_data, '{as_filed,amount_range}', '1.5')" + ID, (ONCE,), ONCE,
         "raw_data_lost", None),
        (ROW + "raw_data = '{}'" + ID, (ONCE,), ONCE, "raw_data_lost", None),
        (ROW + "superseded_by = 'withdrawn'" + ID, (ONCE,), ONCE, "supersession_edited", None),
        (ROW + "superseded_by = NULL" + ID, (WITHDRAWN,), WITHDRAWN, "supersession_edited", None),
        (ROW + "extraction_ts = extraction_ts - interval '1 year'" + ID, (ONCE,), ONCE, "extraction_time_edited", None),
        ("DELETE FROM trading_disclosures" + ID, (ONCE,), ONCE, "row_missing", None),
    ],
)  # fmt: skip
def test_the_first_broken_link_of_a_disclosure_is_named(
    loaded: Connection, statement: str, values: tuple[object, ...], broken: str, code: str, step: int | None
) -> None:
    tamper(loaded, statement, *values)
    report = verified(loaded)
    assert not report.holds
    assert {identifier: (one.code, one.step_no) for identifier, one in report.breaks.items()} == {broken: (code, step)}
    assert verify_ids(loaded, [broken], now=NOW).breaks == report.breaks


def test_swapped_steps_are_named_as_out_of_order(loaded: Connection) -> None:
    for old, new in ((3, 103), (4, 3), (103, 4)):
        tamper(loaded, PROVENANCE + "step_no = %s" + AT, new, ONCE, old)
    assert verified(loaded).breaks[ONCE].code == "step_out_of_order"


def test_a_message_says_what_was_expected_and_what_is_there(loaded: Connection) -> None:
    tamper(loaded, ROW + "asset_ticker = 'EVIL'" + ID, ONCE)
    found = str(verified(loaded).breaks[ONCE])
    assert found == "row_edited at the row, column asset_ticker: expected asset_ticker XOM, found asset_ticker EVIL"


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("DELETE FROM ingest_ledger WHERE source_document_id LIKE '%%0002'", "ledger_missing"),
        ("UPDATE ingest_ledger SET row_count = 1 WHERE source_document_id LIKE '%%0002'", "ledger_count"),
        ("UPDATE ingest_ledger SET partition_date = '2020-02-11' WHERE source_document_id LIKE '%%0002'",
         "ledger_day"),
        ("UPDATE ingest_ledger SET content_sha256 = repeat('0', 64) WHERE source_document_id LIKE '%%0002'",
         "ledger_content"),
        ("DELETE FROM provenance_roots WHERE partition_date = '2020-02-10'", "root_missing"),
        ("UPDATE provenance_roots SET merkle_root = overlay(merkle_root placing 'x' from 2) "
         "WHERE partition_date = '2020-02-10'", "root_mismatch"),
        ("DELETE FROM provenance_roots WHERE seq = (SELECT max(seq) FROM provenance_roots)", "root_mismatch"),
        ("UPDATE provenance_roots SET disclosure_count = 9 WHERE partition_date = '2020-02-10'", "root_count"),
    ],
)  # fmt: skip
def test_a_changed_account_leaves_its_disclosures_unattested_and_not_broken(
    loaded: Connection, statement: str, code: str
) -> None:
    tamper(loaded, statement)
    report = verified(loaded)
    assert code in {one.code for one in report.shared}
    assert report.breaks == {}
    assert report.unattested > 0
    assert not report.holds
    by_id = verify_ids(loaded, [ONCE, TWICE], now=NOW)
    assert code in {one.code for one in by_id.shared}


def test_a_row_deleted_with_its_chain_is_named_by_the_place_it_left(loaded: Connection) -> None:
    lost = ident(2, 2)
    tamper(loaded, "DELETE FROM disclosure_provenance WHERE disclosure_id = %s", lost)
    tamper(loaded, "DELETE FROM trading_disclosures" + ID, lost)
    found = {one.code: one for one in verified(loaded).shared}
    assert found.keys() >= {"row_deleted", "ledger_count", "root_count", "root_mismatch"}
    assert lost in found["row_deleted"].expected


def test_a_whole_filing_that_vanished_is_missed_by_ledger_and_root(loaded: Connection) -> None:
    tamper(loaded, "DELETE FROM disclosure_provenance WHERE disclosure_id = %s", ident(3, 1))
    tamper(loaded, "DELETE FROM trading_disclosures" + ID, ident(3, 1))
    found = {one.code for one in verified(loaded, Scope((SOURCE,), OTHER_DAY, date(2020, 2, 12))).shared}
    assert found == {"row_deleted", "ledger_count", "root_count", "root_mismatch"}


def test_a_chain_made_anew_with_right_hashes_is_found_by_the_root(loaded: Connection) -> None:
    """Somebody who knows how hashes are made writes another ticker into row, steps and chain."""
    with loaded.cursor() as cur:
        steps = read_chains(cur, [ONCE])[ONCE]
    assert steps[0].ts > NOW.replace(year=2022)
    backdated = [StepDraft(s.step, s.input_hash, s.output_hash, s.detail) for s in steps]
    tamper(loaded, "DELETE FROM disclosure_provenance WHERE disclosure_id = %s", ONCE)
    with loaded.cursor() as cur:
        write_steps(cur, extend_chain(ONCE, backdated, ts=NOW.replace(year=2022)))
    loaded.execute(ROW + "extraction_ts = %s" + ID, [NOW.replace(year=2022), ONCE])
    report = verified(loaded)
    assert report.breaks == {}
    assert "root_mismatch" in {one.code for one in report.shared}
    assert report.unattested == 5


def _made_anew(db: Connection, identifier: str) -> None:
    """The whole chain of a disclosure written again with right hashes and another time, and its row to match."""
    with db.cursor() as cur:
        steps = read_chains(cur, [identifier])[identifier]
        drafts = [StepDraft(s.step, s.input_hash, s.output_hash, s.detail) for s in steps]
        ts = steps[0].ts.replace(microsecond=1)
        tamper(db, "DELETE FROM disclosure_provenance WHERE disclosure_id = %s", identifier)
        write_steps(cur, extend_chain(identifier, drafts, ts=ts))
        cur.execute(ROW + "extraction_ts = %s" + ID, [ts, identifier])
        heads = heads_by_day(cur, SOURCE, [DAY])[DAY]
        write_roots(cur, SOURCE, {DAY: (len(heads), merkle_root(heads))}, None, NOW)


def test_a_chain_made_anew_with_a_new_root_for_it_no_longer_gives_the_older_roots(loaded: Connection) -> None:
    _made_anew(loaded, ONCE)
    report = verified(loaded)
    assert [one.code for one in report.shared] == ["earlier_root_mismatch"]
    assert not report.holds


def test_a_changed_older_root_is_found(loaded: Connection) -> None:
    tamper(
        loaded,
        """UPDATE provenance_roots SET merkle_root = overlay(merkle_root placing 'x' from 7)
           WHERE seq = (SELECT min(seq) FROM provenance_roots WHERE partition_date = '2020-02-10')""",
    )
    assert [one.code for one in verified(loaded).shared] == ["earlier_root_mismatch"]


def test_values_forged_with_right_hashes_contradict_the_steps(loaded: Connection) -> None:
    with loaded.cursor() as cur:
        steps = read_chains(cur, [ONCE])[ONCE]
    drafts = [StepDraft(s.step, s.input_hash, s.output_hash, s.detail) for s in steps]
    drafts[3] = replace(drafts[3], detail={"out": {"asset_ticker": "EVIL"}})
    tamper(loaded, "DELETE FROM disclosure_provenance WHERE disclosure_id = %s", ONCE)
    with loaded.cursor() as cur:
        write_steps(cur, extend_chain(ONCE, drafts, ts=steps[0].ts))
    assert verified(loaded).breaks[ONCE].code == "output_mismatch"


def test_rows_of_somebody_else_are_neither_broken_nor_verified(loaded: Connection) -> None:
    row = loaded.execute("INSERT INTO trading_disclosures (asset_name) VALUES ('theirs') RETURNING id::text").fetchone()
    assert row is not None
    report = verified(loaded)
    assert (report.holds, report.no_provenance, report.verified) == (True, 1, 6)
    examined = examine(loaded, [row[0]], now=NOW)[row[0]].verification
    assert examined.status == "no_provenance"
    assert examined.integrity["hash_chain_valid"] is False


def test_a_window_judges_its_own_days_alone(loaded: Connection) -> None:
    tamper(loaded, ROW + "asset_ticker = 'EVIL'" + ID, ONCE)
    report = verified(loaded, Scope((SOURCE,), OTHER_DAY, date(2020, 2, 12)))
    assert (report.holds, report.disclosures, report.partitions) == (True, 1, 1)
    assert not verified(loaded, Scope((SOURCE,), DAY, OTHER_DAY)).holds


@pytest.mark.parametrize("wrong", ["no-uuid", "00000000-0000-4000-8000-000000000000"])
def test_an_id_that_is_not_there_is_an_error_that_names_it(loaded: Connection, wrong: str) -> None:
    with pytest.raises(UnknownDisclosureError, match=wrong):
        verify_ids(loaded, [wrong], now=NOW)


def test_filings_that_moved_to_another_day_vanished_or_were_amended_hold(loaded: Connection, tmp_path: Path) -> None:
    """What the pipeline itself does to rows, chains, ledger and roots breaks nothing, the older roots included."""
    moved = senate_report(3, date_recieved="02/10/2020")
    original = titled(4, "Periodic Transaction Report for 02/11/2020", date_recieved="02/11/2020")
    amended = titled(5, "Periodic Transaction Report for 02/11/2020 (Amendment 1)", [], date_recieved="02/11/2020")
    for day, filings in ((3, (moved, original)), (4, (moved, original, amended)), (5, (original, "no json"))):
        path = write_lines(tmp_path / "more.jsonl", *filings)
        ingest(loaded, SOURCE, path, DAY, date(2020, 2, 12), now=AGAIN.replace(day=day))
    roots = loaded.execute("SELECT partition_date, count(*) FROM provenance_roots GROUP BY 1 ORDER BY 1").fetchall()
    assert all(count > 2 for _, count in roots), roots
    report = verified(loaded)
    assert report.holds, [*report.breaks.items(), *report.shared]
    assert report.verified == 7
