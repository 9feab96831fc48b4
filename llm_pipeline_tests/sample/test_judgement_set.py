"""The labelled records that rules leave open."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from llm_pipeline.sample.judgement_set import judgement_lines
from llm_pipeline.validation.evaluation import evaluation_line, gate_items

END = date(2026, 1, 1)


def test_no_rule_says_anything_about_the_records_and_no_table_knows_their_tickers() -> None:
    lines = [evaluation_line(line) for line in judgement_lines(160, 1, end=END)]
    items = gate_items(lines, datetime(2026, 1, 1, tzinfo=UTC))
    assert {(one.facts.action, one.facts.name_match, one.facts.exchange_traded) for one in items} == {
        ("accept", "unknown", True)
    }


def test_half_are_clean_and_no_line_tells_anything_about_another() -> None:
    lines = list(judgement_lines(400, 3, end=END))
    assert sum(line["label"]["is_defect"] for line in lines) == 200
    for field in ("ticker", "record_id"):
        assert len({line["record"][field] for line in lines}) == 400
    kinds = {line["label"]["kind"] for line in lines}
    assert kinds == {None, "ticker_asset_mismatch", "no_asset_name"}
    assert lines == list(judgement_lines(400, 3, end=END))


def test_more_lines_than_there_are_tickers_are_refused() -> None:
    with pytest.raises(ValueError, match="400 at most"):
        next(judgement_lines(401, 1, end=END))
